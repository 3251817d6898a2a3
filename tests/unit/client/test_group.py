"""Sharing with other members, keeping order, or getting everything: which queues a consumer has, and when."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pocketmq.client import Consumer, MessageQueue, ReceivedMessage
from pocketmq.model.errors import UserError
from pocketmq.model.outcome import Reply
from pocketmq.protocol.bodies import HeartbeatData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.testing.manual_clock import ManualClock, until
from pocketmq.testing.scripted_cluster import BROKER, ScriptedCluster
from pocketmq.testing.scripted_peer import SILENCE

Consuming = Callable[..., Consumer]

NOTIFY, LOCK = RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, RequestCode.LOCK_BATCH_MQ


def queue(queue_id: int, topic: str = "orders") -> MessageQueue:
    return MessageQueue(topic, BROKER, queue_id)


def pulled_queues(cluster: ScriptedCluster, since: int = 0) -> set[int]:
    return {pull.queue_id for pull in cluster.pulls("orders")[since:]}


@asynccontextmanager
async def in_order(
    consuming: Consuming, clock: ManualClock, **more: object
) -> AsyncIterator[tuple[ScriptedCluster, Consumer]]:
    """An orderly member that has subscribed to a topic whose only queue holds two messages."""
    async with ScriptedCluster(orders=1) as cluster:
        for number in range(2):
            await cluster.store("orders", str(number).encode())
        async with consuming(cluster, clock, orderly=True, start_at="first", **more) as consumer:
            await consumer.subscribe("orders")
            yield cluster, consumer


async def test_alone_it_takes_every_queue(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=4) as cluster, consuming(cluster) as consumer:
        await consumer.subscribe("orders")
        await until(lambda: pulled_queues(cluster) == {0, 1, 2, 3})


async def test_with_another_it_takes_its_share(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=4) as cluster:
        cluster.members["CG"] = ["zoe"]
        async with consuming(cluster) as consumer:
            await consumer.subscribe("orders")
            await until(lambda: pulled_queues(cluster) == {0, 1})


async def test_when_another_joins_it_gives_up_the_rest_at_once(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=4) as cluster:
        for queue_id in range(4):
            await cluster.store("orders", b"x", queue_id=queue_id)
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            messages = {one.queue.queue_id: one for one in [await anext(consumer) for _ in range(4)]}
            assert await messages[2].ack()
            cluster.members["CG"].append("zoe")
            cluster.peer.push(NOTIFY, {"consumerGroup": "CG"})
            await until(lambda: cluster.committed.get(("CG", "orders", 2)) == 1)
            await until(lambda: ("CG", "orders", 3) in cluster.committed)
            assert cluster.committed["CG", "orders", 3] == 0
            assert not await messages[3].ack(), "its queue is no longer ours"
            assert await messages[0].ack()


async def test_messages_of_a_queue_given_up_are_not_handed_over(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=2) as cluster:
        for number in range(3):
            await cluster.store("orders", str(number).encode(), queue_id=1)
        async with consuming(cluster, start_at="first") as consumer:
            await consumer.subscribe("orders")
            await anext(consumer)
            cluster.members["CG"].append("zoe")
            cluster.peer.push(NOTIFY, {"consumerGroup": "CG"})
            await until(lambda: ("CG", "orders", 1) in cluster.committed)
            await cluster.store("orders", b"mine", queue_id=0)
            assert (await anext(consumer)).body == b"mine"


async def test_when_another_leaves_it_takes_over_where_that_one_was(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=2) as cluster:
        cluster.members["CG"] = ["zoe"]
        cluster.committed["CG", "orders", 1] = 7
        async with consuming(cluster) as consumer:
            await consumer.subscribe("orders")
            cluster.members["CG"].remove("zoe")
            cluster.peer.push(NOTIFY, {"consumerGroup": "another"})
            cluster.peer.push(NOTIFY, {"consumerGroup": "CG"})
            await until(lambda: pulled_queues(cluster) == {0, 1})
            assert next(pull for pull in cluster.pulls("orders") if pull.queue_id == 1).queue_offset == 7


async def test_a_queue_given_up_is_committed_to_a_broker_that_has_forgotten_it(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=2) as cluster:
        await cluster.store("orders", b"x", queue_id=1)
        async with consuming(cluster, clock, start_at="first") as consumer:
            await consumer.subscribe("orders")
            await (await anext(consumer)).ack()
            await clock.advance_until(lambda: cluster.committed.get(("CG", "orders", 1)) == 1, step=1.0)
            cluster.committed["CG", "orders", 1] = 0
            cluster.members["CG"].append("zoe")
            cluster.peer.push(NOTIFY, {"consumerGroup": "CG"})
            await until(lambda: queue(1) not in consumer._membership.assigned)
            assert cluster.committed["CG", "orders", 1] == 1


async def test_a_lost_notice_is_made_good_within_twenty_seconds(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=2) as cluster:
        cluster.members["CG"] = ["zoe"]
        async with consuming(cluster, clock) as consumer:
            await consumer.subscribe("orders")
            await until(lambda: cluster.peer.count(RequestCode.PULL_MESSAGE) == 2)  # With the retry topic's.
            await clock.advance(1.0)
            cluster.members["CG"].remove("zoe")
            await clock.advance(18.0)
            assert pulled_queues(cluster) == {0}
            await clock.advance_until(lambda: pulled_queues(cluster) == {0, 1}, step=1.0)
            assert clock.monotonic() < 25


async def test_a_broker_that_has_forgotten_us_hears_a_heartbeat_before_anything_is_given_up(
    consuming: Consuming,
) -> None:
    async with ScriptedCluster(orders=2) as cluster, consuming(cluster) as consumer:
        await consumer.subscribe("orders")
        await until(lambda: pulled_queues(cluster) == {0, 1})
        beats = cluster.peer.count(RequestCode.HEART_BEAT)
        cluster.members["CG"].clear()
        cluster.peer.push(NOTIFY, {"consumerGroup": "CG"})
        await cluster.peer.received(RequestCode.HEART_BEAT, beats + 1)
        await until(lambda: cluster.members["CG"] == ["me"])
        assert ("CG", "orders", 0) not in cluster.committed


async def test_a_topic_that_comes_later_is_found(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster() as cluster, consuming(cluster, clock, start_at="first") as consumer:
        await consumer.subscribe("orders")
        cluster.topics["orders"] = 1
        await cluster.store("orders", b"x")
        taking = asyncio.ensure_future(anext(consumer))
        await clock.advance_until(taking.done)
        assert (await taking).body == b"x"
        assert clock.monotonic() <= 3.0


async def test_new_queues_are_found_by_the_route_poll(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster, clock) as consumer:
        await consumer.subscribe("orders")
        cluster.topics["orders"] = 3
        await clock.advance_until(lambda: pulled_queues(cluster) == {0, 1, 2}, step=1.0)
        assert clock.monotonic() <= 35.0


async def test_unsubscribing_gives_every_queue_up(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=1, other=1) as cluster, consuming(cluster, start_at="first") as consumer:
        await consumer.subscribe("orders")
        await consumer.subscribe("other")
        await consumer.unsubscribe("orders")
        await until(lambda: ("CG", "orders", 0) in cluster.committed)
        last = [one for one in cluster.peer.requests if one.code == RequestCode.HEART_BEAT][-1]
        (member,) = HeartbeatData.decode(last.body).consumer_data_set
        assert sorted(one.topic for one in member.subscription_data_set) == ["%RETRY%CG", "other"]


# ------------------------------------------------------------------------------------------------------- in order


async def test_an_orderly_consumer_locks_before_it_pulls(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=2) as cluster, consuming(cluster, orderly=True) as consumer:
        await consumer.subscribe("orders")
        await until(lambda: pulled_queues(cluster) == {0, 1})
        assert cluster.locked_by[queue(0)] == cluster.locked_by[queue(1)] == "me"
        codes = [one.code for one in cluster.peer.requests]
        assert codes.index(LOCK) < codes.index(RequestCode.PULL_MESSAGE)
    assert cluster.locked_by == {}


async def test_a_queue_whose_lock_is_denied_is_left_alone_until_it_is_granted(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=2) as cluster:
        cluster.locked_by[queue(1)] = "zoe"
        async with consuming(cluster, clock, orderly=True) as consumer:
            await consumer.subscribe("orders")
            await clock.advance(3.0)
            assert pulled_queues(cluster) == {0}
            del cluster.locked_by[queue(1)]
            await clock.advance_until(lambda: pulled_queues(cluster) == {0, 1})
            assert clock.monotonic() <= 6.0


async def test_one_message_of_a_queue_is_out_at_a_time(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=2) as cluster:
        for number in range(4):
            await cluster.store("orders", str(number).encode(), queue_id=number % 2)
        async with consuming(cluster, orderly=True, start_at="first") as consumer:
            await consumer.subscribe("orders")
            first, second = await anext(consumer), await anext(consumer)
            assert {first.body, second.body} == {b"0", b"1"}
            third = asyncio.ensure_future(anext(consumer))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not third.done()
            await second.ack()
            assert (await third).queue == second.queue
            assert (await third).queue_offset == 1


async def test_a_failed_message_holds_its_queue_up_and_comes_again(consuming: Consuming) -> None:
    clock = ManualClock()
    async with in_order(consuming, clock) as (cluster, consumer):
        seen: list[tuple[bytes, int]] = []

        async def handle(message: ReceivedMessage) -> None:
            seen.append((message.body, message.reconsume_times))
            if message.body == b"0" and message.reconsume_times < 2:
                raise ValueError("not yet")

        running = asyncio.ensure_future(consumer.run(handle))
        await clock.advance_until(lambda: len(seen) == 4)
        await consumer.close()
        await running
        assert seen == [(b"0", 0), (b"0", 1), (b"0", 2), (b"1", 0)]
        assert cluster.sent_back == []


async def test_a_handler_that_wants_its_message_again_and_returns_has_not_acknowledged_it(consuming: Consuming) -> None:
    clock = ManualClock()
    async with in_order(consuming, clock) as (cluster, consumer):
        handed: list[tuple[bytes, int]] = []

        async def handle(message: ReceivedMessage) -> None:
            handed.append((message.body, message.reconsume_times))
            if len(handed) == 1:
                await message.retry()
                await message.ack()

        running = asyncio.create_task(consumer.run(handle))
        await clock.advance_until(lambda: len(handed) == 3)
        assert handed == [(b"0", 0), (b"0", 1), (b"1", 0)]
        assert cluster.sent_back == [], "it comes again from the consumer itself"
        await consumer.close()
        await running


async def test_a_message_that_fails_too_often_becomes_a_dead_letter_and_the_queue_goes_on(consuming: Consuming) -> None:
    clock = ManualClock()
    async with in_order(consuming, clock, retries_max=1) as (cluster, consumer):
        message = await anext(consumer)
        await message.retry()
        again = asyncio.ensure_future(anext(consumer))
        await clock.advance_until(again.done)
        await (await again).retry()
        assert [back.delay_level for back in cluster.sent_back] == [-1]
        assert (await anext(consumer)).body == b"1"


async def test_locks_are_renewed(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster, consuming(cluster, clock, orderly=True) as consumer:
        await consumer.subscribe("orders")
        before = cluster.peer.count(LOCK)
        await clock.advance_until(lambda: cluster.peer.count(LOCK) > before, step=1.0)
        assert 19.0 <= clock.monotonic() <= 22.0


async def test_a_queue_whose_lock_is_lost_is_given_up(consuming: Consuming) -> None:
    clock = ManualClock()
    async with in_order(consuming, clock) as (cluster, consumer):
        message = await anext(consumer)
        cluster.locked_by[queue(0)] = "zoe"
        before = cluster.peer.count(LOCK)
        await clock.advance_until(lambda: cluster.peer.count(LOCK) > before, step=1.0)
        await until(lambda: queue(0) not in consumer._membership.assigned)
        assert not await message.ack()
        kept = cluster.committed["CG", "orders", 0]
        await clock.advance(1.0)
        assert queue(0) not in consumer._membership.assigned
        assert cluster.locked_by[queue(0)] == "zoe"
        assert cluster.committed["CG", "orders", 0] == kept == 0, "it is the new owner's to say"


async def test_a_lock_that_nobody_renews_runs_out_here_too(consuming: Consuming) -> None:
    clock = ManualClock()
    async with in_order(consuming, clock) as (cluster, consumer):
        message = await anext(consumer)
        cluster.peer.script[LOCK] = SILENCE
        clock._seconds += 31.0  # The machine slept: no timer has fired yet.
        await message.ack()
        following = asyncio.ensure_future(anext(consumer))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not following.done()
        following.cancel()


async def test_a_queue_is_given_up_when_the_message_in_hand_is_done(consuming: Consuming) -> None:
    async with ScriptedCluster(orders=2) as cluster:
        await cluster.store("orders", b"slow", queue_id=1)
        async with consuming(cluster, orderly=True, start_at="first") as consumer:
            await consumer.subscribe("orders")
            message = await anext(consumer)
            cluster.members["CG"].append("zoe")
            lists = cluster.peer.count(RequestCode.GET_CONSUMER_LIST_BY_GROUP)
            cluster.peer.push(NOTIFY, {"consumerGroup": "CG"})
            await cluster.peer.received(RequestCode.GET_CONSUMER_LIST_BY_GROUP, lists + 2)
            assert cluster.locked_by[queue(1)] == "me"
            assert await message.ack(), "its queue waits for it"
            await until(lambda: queue(1) not in cluster.locked_by)
            assert cluster.committed["CG", "orders", 1] == 1


async def test_a_message_in_hand_holds_its_queue_for_twenty_seconds_at_most(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=2) as cluster:
        await cluster.store("orders", b"stuck", queue_id=1)
        async with consuming(cluster, clock, orderly=True, start_at="first") as consumer:
            await consumer.subscribe("orders")
            await anext(consumer)
            cluster.members["CG"].append("zoe")
            cluster.peer.push(NOTIFY, {"consumerGroup": "CG"})
            await clock.advance_until(lambda: queue(1) not in cluster.locked_by, step=1.0)
            assert 20.0 <= clock.monotonic() <= 24.0
            assert cluster.committed["CG", "orders", 1] == 0


# ---------------------------------------------------------------------------------------------------- broadcasting


async def test_a_broadcasting_consumer_takes_every_queue_and_commits_nothing_to_the_broker(
    consuming: Consuming,
) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=2) as cluster:
        cluster.members["CG"] = ["another"]
        await cluster.store("orders", b"x", queue_id=1)
        async with consuming(cluster, clock, broadcasting=True, start_at="first") as consumer:
            await consumer.subscribe("orders")
            message = await anext(consumer)
            assert pulled_queues(cluster) == {0, 1}
            await message.retry()
            await clock.advance(10.0)
        assert cluster.committed == {}
        assert cluster.sent_back == []
        (member,) = HeartbeatData.decode((await cluster.peer.received(RequestCode.HEART_BEAT)).body).consumer_data_set
        assert member.message_model == "BROADCASTING"
        assert [one.topic for one in member.subscription_data_set] == ["orders"]


async def test_a_broadcasting_consumer_keeps_its_offsets_in_a_folder(consuming: Consuming, tmp_path: Path) -> None:
    async with ScriptedCluster(orders=1) as cluster:
        await cluster.store("orders", b"one")
        for expected in (b"one", b"two"):
            async with consuming(
                cluster, broadcasting=True, start_at="first", offsets_folder=tmp_path / "offsets"
            ) as consumer:
                await consumer.subscribe("orders")
                message = await anext(consumer)
                assert message.body == expected
                await message.ack()
            await cluster.store("orders", b"two")
    assert [path.name for path in (tmp_path / "offsets").iterdir()] == ["CG.json"]


def test_a_file_that_holds_no_offsets_is_not_overwritten(consuming: Consuming, tmp_path: Path) -> None:
    (tmp_path / "CG.json").write_text('{"offsetTable":{}}')
    with pytest.raises(UserError, match="does not hold offsets"):
        consuming(type("Nowhere", (), {"address": "127.0.0.1:1"}), broadcasting=True, offsets_folder=tmp_path)


async def test_a_topic_whose_offset_cannot_be_read_is_taken_up_later(consuming: Consuming) -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster:
        good = cluster.peer.script[RequestCode.QUERY_CONSUMER_OFFSET]
        cluster.peer.script[RequestCode.QUERY_CONSUMER_OFFSET] = Reply(ResponseCode.SYSTEM_ERROR, "no")
        async with consuming(cluster, clock) as consumer:
            await consumer.subscribe("orders")
            assert pulled_queues(cluster) == set()
            cluster.peer.script[RequestCode.QUERY_CONSUMER_OFFSET] = good
            await clock.advance_until(lambda: pulled_queues(cluster) == {0})
            assert clock.monotonic() <= 3.0
