"""What a broker may ask a consumer, and the answers."""

import asyncio
from collections.abc import Callable

import pytest

from pocketmq.client import Consumer, MessageQueue, Producer, ReceivedMessage
from pocketmq.model.message import StoredMessage
from pocketmq.model.outcome import Reply
from pocketmq.protocol.bodies import (
    ConsumeMessageDirectlyResult,
    ConsumerRunningInfo,
    GetConsumerStatusBody,
    ResetOffsetBody,
)
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.message import encode_record
from pocketmq.testing.manual_clock import ManualClock, until
from pocketmq.testing.scripted_cluster import BROKER, ScriptedCluster

Consuming = Callable[..., Consumer]

RESET, RUNNING = RequestCode.RESET_CONSUMER_CLIENT_OFFSET, RequestCode.GET_CONSUMER_RUNNING_INFO
STATUS, DIRECTLY = RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, RequestCode.CONSUME_MESSAGE_DIRECTLY
QUEUE = MessageQueue("orders", BROKER, 0)
UNKNOWN_GROUP = "The Consumer Group <other> not exist in this consumer"


def reset_to(offset: int) -> bytes:
    return ResetOffsetBody({QUEUE: offset, MessageQueue("orders", "broker-z", 9): 5}).encode()


def record(body: bytes) -> bytes:
    stored = StoredMessage(
        topic="orders", body=body, born_host="127.0.0.1:1", store_host="127.0.0.1:10911", log_offset=77, queue_id=3
    )
    return encode_record(stored)


@pytest.mark.parametrize("offset", [0, 2, 9])
async def test_a_reset_moves_the_queue_at_once_and_is_committed(consuming: Consuming, offset: int) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        for number in range(5):
            await cluster.store("orders", str(number).encode())
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            before = [await anext(consumer) for _ in range(3)]
            for _ in range(offset - 5):
                await cluster.store("orders", b"more")
            answer = await cluster.peer.ask(RESET, {"topic": "orders", "group": "CG"}, reset_to(offset))
            assert answer.code == 0
            assert cluster.committed["CG", "orders", 0] == offset
            assert not await before[0].ack(), "it belongs to the time before"
            await cluster.store("orders", b"last")
            assert (await anext(consumer)).queue_offset == offset


async def test_a_reset_of_an_orderly_queue_waits_for_nobody(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        for number in range(3):
            await cluster.store("orders", str(number).encode())
        async with consuming(cluster, start_at="first", orderly=True) as consumer:
            await consumer.subscribe("orders")
            message = await anext(consumer)
            await cluster.peer.ask(RESET, {"topic": "orders", "group": "CG"}, reset_to(2))
            await message.ack()
            assert (await anext(consumer)).queue_offset == 2


async def test_another_groups_questions_are_refused(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster) as consumer:
        await consumer.subscribe("orders")
        for code, fields in (
            (RESET, {"topic": "orders", "group": "other"}),
            (RUNNING, {"consumerGroup": "other", "clientId": "me"}),
            (STATUS, {"topic": "orders", "group": "other"}),
            (DIRECTLY, {"consumerGroup": "other"}),
        ):
            answer = await cluster.peer.ask(code, fields, reset_to(0))
            assert (answer.code, answer.remark) == (1, UNKNOWN_GROUP)


async def test_it_says_what_it_is_doing(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        for number in range(3):
            await cluster.store("orders", str(number).encode())
        async with consuming(cluster, clock, start_at="first", orderly=True) as consumer:
            await consumer.subscribe("orders")
            await (await anext(consumer)).ack()
            answer = await cluster.peer.ask(RUNNING, {"consumerGroup": "CG", "clientId": "me"})
            running = ConsumerRunningInfo.decode(answer.body)
            assert running.properties["PROP_NAMESERVER_ADDR"] == cluster.address
            assert running.properties["PROP_CONSUME_TYPE"] == "CONSUME_PASSIVELY"
            assert running.properties["PROP_CONSUMEORDERLY"] == "true"
            assert running.properties["PROP_CLIENT_VERSION"] == "V5_5_0"
            assert running.properties["PROP_CONSUMER_START_TIMESTAMP"] == "1700000000000"
            assert [one.topic for one in running.subscription_set] == ["%RETRY%CG", "orders"]
            held = running.mq_table[QUEUE]
            assert (held.commit_offset, held.cached_msg_count) == (1, 2)
            assert (held.cached_msg_min_offset, held.cached_msg_max_offset, held.locked, held.droped) == (
                1,
                2,
                True,
                False,
            )
            assert (held.last_pull_timestamp, held.last_consume_timestamp) == (1_700_000_000_000, 1_700_000_000_000)
            assert sorted(running.status_table) == ["%RETRY%CG", "orders"]


async def test_it_says_where_it_is(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"x")
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            await (await anext(consumer)).ack()
            answer = await cluster.peer.ask(STATUS, {"topic": "orders", "group": "CG"})
            assert GetConsumerStatusBody.decode(answer.body).message_queue_table == {QUEUE: 1}


async def test_it_consumes_on_an_administrators_order(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster) as consumer:
        await consumer.subscribe("orders")
        seen: list[tuple[bytes, MessageQueue]] = []

        async def handle(message: ReceivedMessage) -> None:
            seen.append((message.body, message.queue))
            if message.body == b"bad":
                raise ValueError("no")
            await message.ack()

        running = asyncio.ensure_future(consumer.run(handle))
        await until(lambda: consumer._handler)
        fields = {"consumerGroup": "CG", "clientId": "me", "brokerName": "broker-a"}
        good = await cluster.peer.ask(DIRECTLY, fields, record(b"good"))
        bad = await cluster.peer.ask(DIRECTLY, fields, record(b"bad"))
        assert ConsumeMessageDirectlyResult.decode(good.body).consume_result == "CR_SUCCESS"
        result = ConsumeMessageDirectlyResult.decode(bad.body)
        assert (result.consume_result, result.remark) == ("CR_THROW_EXCEPTION", "ValueError('no')")
        assert seen[0] == (b"good", MessageQueue("orders", "broker-a", 3))
        await consumer.close()
        await running


async def test_without_a_handler_there_is_nothing_to_consume_with(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster) as consumer:
        await consumer.subscribe("orders")
        answer = await cluster.peer.ask(DIRECTLY, {"consumerGroup": "CG"}, record(b"x"))
        assert answer.code == 1
        assert "iterates" in (answer.remark or "")


async def test_broken_questions_are_refused(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster) as consumer:
        await consumer.subscribe("orders")
        for code, fields, body in (
            (RESET, {}, b""),
            (RESET, {"topic": "orders", "group": "CG"}, b"[1,"),
            (RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, {}, b""),
        ):
            assert (await cluster.peer.ask(code, fields, body)).code == 1
        running = asyncio.ensure_future(consumer.run(_nothing))
        await until(lambda: consumer._handler)
        assert (await cluster.peer.ask(DIRECTLY, {"consumerGroup": "CG"}, b"short")).code == 1
        await consumer.close()
        await running


async def test_a_question_nobody_knows_gets_code_three() -> None:
    async with (
        ScriptedCluster(orders=1) as cluster,
        Producer(cluster.address, group="PG", clock=ManualClock()) as producer,
    ):
        await producer.queues("orders")
        answer = await cluster.peer.ask(RUNNING, {"consumerGroup": "CG", "clientId": "me"})
        assert (answer.code, answer.remark) == (3, " request type 307 not supported")


async def test_questions_in_work_are_bounded(consuming: Consuming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.client.session.SERVER_REQUESTS_IN_FLIGHT_MAX", 1)
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster) as consumer:
        await consumer.subscribe("orders")
        started, go_on = asyncio.Event(), asyncio.Event()

        async def handle(message: ReceivedMessage) -> None:
            started.set()
            await go_on.wait()

        running = asyncio.ensure_future(consumer.run(handle))
        await until(lambda: consumer._handler)
        first = asyncio.ensure_future(cluster.peer.ask(DIRECTLY, {"consumerGroup": "CG"}, record(b"x")))
        await started.wait()
        assert (await cluster.peer.ask(STATUS, {"topic": "orders", "group": "CG"})).code == 2
        go_on.set()
        assert (await first).code == 0
        await consumer.close()
        await running


async def test_a_bug_in_an_answer_is_an_answer_too(consuming: Consuming, caplog: pytest.LogCaptureFixture) -> None:
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster) as consumer:
        await consumer.subscribe("orders")

        async def broken(request: object) -> Reply:
            raise KeyError("oops")

        consumer._session.handlers[STATUS] = broken
        answer = await cluster.peer.ask(STATUS, {})
        assert (answer.code, answer.remark) == (1, "KeyError('oops')")
        assert "this is a bug" in caplog.text
        caplog.clear()


async def _nothing(message: ReceivedMessage) -> None:
    return
