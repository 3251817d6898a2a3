"""The small parts: messages as they are written, ids, choosing queues, reading routes, name servers, error texts."""

import asyncio
import random
import re
from datetime import datetime, timedelta

import pytest

from pocketmq.client import BrokerError, ConnectFailed, IllegalMessage, Message, MessageQueue, NoNameServer
from pocketmq.client.background import Background
from pocketmq.client.compression import ZLIB_FLAG, packed, restored
from pocketmq.client.connections import Connections
from pocketmq.client.errors import HINTS, CallTimeout, ClientClosed, NoBroker, UnreadableBody
from pocketmq.client.message import RESERVED_NAMES
from pocketmq.client.name_servers import NameServers, parse_addresses
from pocketmq.client.queue_choice import QueueChooser
from pocketmq.client.routes import Routes, read_queues, write_queues
from pocketmq.client.unique_id import UniqueIds, client_id, own_host
from pocketmq.model.errors import UserError
from pocketmq.model.flags import COMPRESSED
from pocketmq.model.outcome import Reply
from pocketmq.protocol.bodies import BrokerData, QueueData, TopicRouteData
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.unique_key import decode_unique_key
from pocketmq.testing.manual_clock import ManualClock
from pocketmq.testing.scripted_peer import SILENCE, ScriptedPeer

ROUTE = TopicRouteData(
    queue_datas=(
        QueueData("b", read_queue_nums=1, write_queue_nums=2, perm=6),
        QueueData("a", read_queue_nums=3, write_queue_nums=1, perm=6),
        QueueData("no-write", read_queue_nums=1, write_queue_nums=1, perm=4),
        QueueData("no-read", read_queue_nums=1, write_queue_nums=1, perm=2),
        QueueData("slave-only", read_queue_nums=1, write_queue_nums=1, perm=6),
        QueueData("gone", read_queue_nums=0, write_queue_nums=1, perm=6),
    ),
    broker_datas=(
        BrokerData("c", "a", {0: "a:1"}),
        BrokerData("c", "b", {0: "b:1", 1: "b:2"}),
        BrokerData("c", "no-write", {0: "w:1"}),
        BrokerData("c", "no-read", {0: "r:1"}),
        BrokerData("c", "slave-only", {1: "s:1"}),
    ),
)


def names_of(queues: tuple[MessageQueue, ...]) -> list[str]:
    return [f"{queue.broker_name}{queue.queue_id}" for queue in queues]


def connections(clock: ManualClock) -> Connections:
    return Connections(clock, lambda channel, request: None)


# ------------------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("choices", "fault"),
    [
        ({"properties": {"TAGS": "x"}}, "RocketMQ's own"),
        ({"properties": {"UNIQ_KEY": "x"}}, "RocketMQ's own"),
        ({"properties": {" ": "x"}}, "blank"),
        ({"properties": {"p": ""}}, "blank"),
        ({"tags": ""}, "blank"),
        ({"keys": []}, "blank"),
        ({"properties": {"p": "a\x02b"}}, "separate"),
        ({"properties": {"p\x01": "a"}}, "separate"),
        ({"delay_level": 1, "delay": timedelta(seconds=1)}, "can have one"),
    ],
)
def test_a_message_that_would_lose_something_is_refused(choices: dict[str, object], fault: str) -> None:
    with pytest.raises(IllegalMessage, match=fault):
        Message("orders", b"x", **choices)  # type: ignore[arg-type]


def test_names_that_are_rocketmqs_own() -> None:
    assert {"KEYS", "TAGS", "WAIT", "DELAY", "__transactionId__", "TIMER_DELIVER_MS", "__SHARDINGKEY"} <= RESERVED_NAMES
    assert not {" ", "K", "T", "U"} & RESERVED_NAMES


def test_a_message_is_what_the_other_rooms_know() -> None:
    message = Message("orders", bytearray(b"x"), tags="t", keys=("a", "b"), waits_for_store=False)
    assert (message.tags, message.keys, message.waits_for_store, message.body) == ("t", "a b", False, b"x")


def test_bodies_shrink_and_grow_back() -> None:
    small, flag = packed(b"a" * 5000)
    assert (flag, restored(small, flag)) == (ZLIB_FLAG, b"a" * 5000)
    assert packed(b"ab") == (b"ab", 0)
    assert restored(b"as it is", 0) == b"as it is"
    with pytest.raises(UnreadableBody):
        restored(b"junk", ZLIB_FLAG)
    with pytest.raises(UnreadableBody):
        restored(b"junk", COMPRESSED | 7 << 8)


# ------------------------------------------------------------------------------------------------------------ ids


def test_unique_ids_are_of_javas_shape() -> None:
    clock = ManualClock(1_709_210_096_789)
    ids = UniqueIds("10.0.0.1", clock, random.Random(3))
    first, second = decode_unique_key(ids.create()), decode_unique_key(ids.create())
    assert (first.host, first.salt, second.counter - first.counter) == ("10.0.0.1", second.salt, 1)
    month = datetime.fromtimestamp(1_709_210_096).astimezone().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert first.age_ms == 1_709_210_096_789 - round(month.timestamp() * 1000)
    assert len(UniqueIds("fe80::1", clock, random.Random(3)).create()) == 56


async def test_unique_ids_begin_a_new_month() -> None:
    end = datetime(2024, 2, 29, 23, 59, 59).astimezone()
    clock = ManualClock(round(end.timestamp() * 1000))
    ids = UniqueIds("10.0.0.1", clock, random.Random(3))
    assert decode_unique_key(ids.create()).age_ms == 29 * 86_400_000 - 1000
    await clock.advance(3.0)
    assert decode_unique_key(ids.create()).age_ms == 2000


def test_thousands_of_ids_differ() -> None:
    ids = UniqueIds("10.0.0.1", ManualClock(), random.Random(3))
    assert len({ids.create() for _ in range(5000)}) == 5000


def test_client_ids_of_one_process_differ() -> None:
    rng = random.Random(1)
    first, second = client_id("10.0.0.1", rng), client_id("10.0.0.1", rng)
    assert first != second
    assert re.fullmatch(r"10\.0\.0\.1@\d+#[0-9a-f]{16}", first)
    assert re.fullmatch(r"[0-9.]+", own_host())


# ---------------------------------------------------------------------------------------------------- queues, routes


def test_queues_take_turns_and_a_broker_is_avoided() -> None:
    queues = [MessageQueue("t", name, number) for name in "ab" for number in range(2)]
    chooser = QueueChooser(-1)
    assert [chooser.next(queues, None) for _ in range(5)] == [*queues, queues[0]]
    assert all(chooser.next(queues, "a").broker_name == "b" for _ in range(4))
    assert chooser.next(queues[:2], "a").broker_name == "a", "a bad broker is better than none"


def test_which_queues_take_and_give_messages() -> None:
    assert names_of(write_queues("t", ROUTE)) == ["a0", "b0", "b1", "no-read0"]
    assert names_of(read_queues("t", ROUTE)) == ["a0", "a1", "a2", "b0", "no-write0", "slave-only0"]
    assert names_of(write_queues("t", ROUTE, 2)) == ["a0", "a1", "b0", "no-read0"]


def test_an_ordered_topic_says_itself_where_its_queues_are() -> None:
    ordered = TopicRouteData(
        order_topic_conf="b:1;a:2;", queue_datas=ROUTE.queue_datas, broker_datas=ROUTE.broker_datas
    )
    assert names_of(write_queues("t", ordered)) == ["b0", "a0", "a1"]


async def test_addresses_by_role() -> None:
    clock = ManualClock()
    script = {RequestCode.GET_ROUTEINFO_BY_TOPIC: Reply(body=ROUTE.encode())}
    async with ScriptedPeer(script) as peer:
        pool = connections(clock)
        routes = Routes(NameServers([peer.address], pool, clock, random.Random(1)), random.Random(1))
        assert await routes.refresh("t")
        assert not await routes.refresh("t"), "nothing has changed"
        assert routes.master_address("b") == "b:1"
        assert routes.read_address("b", 1) == ("b:2", False)
        assert routes.read_address("b", 7) == ("b:1", True)
        assert routes.read_address("slave-only", 0) == ("s:1", False)
        assert (routes.broker_of("b:2"), routes.broker_of("x:1")) == ("b", None)
        assert sorted(routes.addresses(masters_only=True)) == ["a:1", "b:1", "r:1", "w:1"]
        assert routes.any_broker("t") in {"a:1", "b:1", "r:1", "w:1", "s:1"}
        for refused in (
            lambda: routes.master_address("slave-only"),
            lambda: routes.read_address("nobody", 0),
            lambda: routes.any_broker("unknown"),
        ):
            with pytest.raises(NoBroker):
                refused()
        await pool.close("done")


# ------------------------------------------------------------------------------------- name servers and connections


def test_addresses_are_written_as_in_java() -> None:
    assert (
        parse_addresses("a:1;b:2")
        == parse_addresses(" a:1, b:2 ;")
        == parse_addresses(["a:1", "b:2"])
        == ("a:1", "b:2")
    )
    for wrong in ("", ";", "a", "a:1;b", []):
        with pytest.raises(UserError):
            parse_addresses(wrong)


async def test_the_next_name_server_is_asked_when_one_is_gone_and_then_kept() -> None:
    clock = ManualClock()
    async with ScriptedPeer() as gone:
        pass
    async with ScriptedPeer({900: Reply(0, "here")}) as alive:
        pool = connections(clock)
        servers = NameServers([gone.address, alive.address], pool, clock, random.Random(1))
        for _ in range(3):
            assert (await servers.ask(900)).remark == "here"  # type: ignore[arg-type]
        with pytest.raises(BrokerError, match="request type 901 not supported"):
            await servers.ask(901)
        await pool.close("done")
    with pytest.raises(NoNameServer) as caught:
        await NameServers([gone.address, alive.address], connections(clock), clock, random.Random(1)).ask(900)
    assert sorted(failure.address for failure in caught.value.failures) == sorted([gone.address, alive.address])
    assert all(isinstance(failure, ConnectFailed) for failure in caught.value.failures)


async def test_a_deaf_name_server_has_only_its_share_of_the_time() -> None:
    clock = ManualClock()
    async with ScriptedPeer({900: SILENCE}) as deaf, ScriptedPeer({900: Reply(0, "here")}) as alive:
        pool = connections(clock)
        servers = NameServers([deaf.address, alive.address], pool, clock, random.Random(3))
        servers._current = 0
        asking = asyncio.ensure_future(servers.ask(900, timeout=3.0))
        await deaf.received(900)
        await clock.advance(1.5)
        assert (await asking).remark == "here"
        assert [channel.address for channel in pool.channels] == [alive.address], "the deaf one's is closed"
        await pool.close("done")


async def test_callers_that_come_together_share_a_connection() -> None:
    clock = ManualClock()
    async with ScriptedPeer({900: Reply()}) as peer:
        pool = connections(clock)
        await asyncio.gather(*(pool.call(peer.address, 900, timeout=3.0) for _ in range(20)))
        assert peer.connection_count == 1
        pool.drop(peer.address, "a whim")
        pool.drop("unknown:1", "a whim")
        await pool.call(peer.address, 900, timeout=3.0)
        assert peer.connection_count == 2
        await pool.close("done")
        with pytest.raises(ClientClosed):
            await pool.call(peer.address, 900, timeout=3.0)


async def test_a_greeting_that_fails_fails_the_call_and_leaves_no_channel() -> None:
    clock = ManualClock()
    async with ScriptedPeer({900: Reply(), 34: SILENCE}) as peer:

        async def greet(channel: object) -> None:
            await channel.call(34, timeout=1.0)  # type: ignore[attr-defined]

        pool = Connections(clock, lambda channel, request: None, greet)
        calling = asyncio.ensure_future(pool.call(peer.address, 900, timeout=3.0))
        await peer.received(34)
        await clock.advance(1.0)
        with pytest.raises(CallTimeout):
            await calling
        assert pool.channels == []
        await pool.close("done")


async def test_a_background_bug_is_logged_and_the_rest_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    background = Background()

    async def broken() -> None:
        raise KeyError("oops")

    async def endless() -> None:
        await asyncio.Event().wait()

    background.start(broken(), "a broken task")
    background.start(endless(), "an endless task")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert "task a broken task failed: this is a bug" in caplog.text
    caplog.clear()
    assert len(background) == 1
    await background.stop()
    assert len(background) == 0


# --------------------------------------------------------------------------------------------------------- errors


def test_an_error_has_code_words_and_remedy() -> None:
    error = BrokerError(17, "no topic", "10.0.0.1:10911")
    assert str(error).startswith("10.0.0.1:10911 answered 17 TOPIC_NOT_EXIST: no topic (create the topic first")
    assert (error.code, error.remark, error.hint) == (17, "no topic", HINTS[17])
    assert str(BrokerError(4711, None, "a:1")) == "a:1 answered 4711 UNKNOWN: no remark"
