"""A client's connection against a peer whose answers are scripted, over a real socket and in manual time."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pocketmq.model.errors import UserError
from pocketmq.model.outcome import Reply
from pocketmq.protocol.frame import Command, encode_response
from pocketmq.testing.manual_clock import ManualClock
from pocketmq.testing.scripted_peer import HANG_UP, SILENCE, Answer, Raw, ScriptedPeer
from pocketmq.transport.channel import (
    OPAQUE_MAX,
    CallTimeout,
    Channel,
    ChannelClosed,
    ConnectFailed,
    TooManyCalls,
    connect,
    split_address,
)

ECHO, ASK, OTHER = 900, 901, 902


def echo(request: Command) -> Answer:
    return Reply(0, request.fields.get("say"), {"code": str(request.code)}, request.body)


class Far:
    """Both ends of one connection."""

    def __init__(self, peer: ScriptedPeer, channel: Channel, clock: ManualClock) -> None:
        self.peer = peer
        self.channel = channel
        self.clock = clock
        self.asked: list[Command] = []
        self.closed: list[str | None] = []


@asynccontextmanager
async def connected(script: dict[int, object]) -> AsyncIterator[Far]:
    clock = ManualClock()
    async with ScriptedPeer(script) as peer:  # type: ignore[arg-type]
        far: list[Far] = []
        channel = await connect(
            peer.address,
            clock=clock,
            timeout=3.0,
            on_request=lambda channel, request: far[0].asked.append(request),
            on_closed=lambda channel: far[0].closed.append(channel.close_reason),
        )
        far.append(Far(peer, channel, clock))
        yield far[0]
        channel.close("the test is over")
        await channel.wait_closed(5.0)


async def test_a_call_gets_its_answer() -> None:
    async with connected({ECHO: echo}) as far:
        answer = await far.channel.call(ECHO, {"say": "héllo"}, b"body", timeout=3.0)
        assert (answer.code, answer.remark, answer.fields, answer.body) == (0, "héllo", {"code": "900"}, b"body")
        assert far.peer.requests[0].language_name == "PYTHON"


async def test_answers_find_their_calls_in_any_order() -> None:
    gate = asyncio.Event()

    async def late(request: Command) -> Answer:
        await gate.wait()
        return echo(request)

    async with connected({ECHO: echo, OTHER: late}) as far:
        slow = asyncio.ensure_future(far.channel.call(OTHER, {"say": "slow"}, timeout=3.0))
        fast = await far.channel.call(ECHO, {"say": "fast"}, timeout=3.0)
        assert not slow.done()
        gate.set()
        assert (fast.remark, (await slow).remark) == ("fast", "slow")


async def test_an_answer_of_any_code_is_an_answer() -> None:
    async with connected({}) as far:
        answer = await far.channel.call(ECHO, timeout=3.0)
        assert (answer.code, answer.remark) == (3, " request type 900 not supported")


async def test_silence_times_out_and_a_late_answer_harms_nobody() -> None:
    gate = asyncio.Event()

    async def late(request: Command) -> Answer:
        await gate.wait()
        return echo(request)

    async with connected({OTHER: late, ECHO: echo}) as far:
        call = asyncio.ensure_future(far.channel.call(OTHER, timeout=3.0))
        await far.peer.received(OTHER)
        await far.clock.advance(2.9)
        assert not call.done()
        await far.clock.advance(0.2)
        with pytest.raises(CallTimeout, match="no answer to request 902 within 3 s"):
            await call
        gate.set()
        assert (await far.channel.call(ECHO, {"say": "still here"}, timeout=3.0)).remark == "still here"
        assert far.channel.is_open


async def test_a_lost_connection_fails_every_waiting_call() -> None:
    async with connected({ECHO: SILENCE, OTHER: HANG_UP}) as far:
        calls = [asyncio.ensure_future(far.channel.call(ECHO, timeout=30.0)) for _ in range(3)]
        await far.peer.received(ECHO, 3)
        calls.append(asyncio.ensure_future(far.channel.call(OTHER, timeout=30.0)))
        for call in calls:
            with pytest.raises(ChannelClosed, match=r"closed the connection|connection lost"):
                await call
        assert not far.channel.is_open
        assert far.closed == [far.channel.close_reason]
        with pytest.raises(ChannelClosed):
            await far.channel.call(ECHO, timeout=3.0)
        assert far.clock.due_in() == []


@pytest.mark.parametrize(
    "junk",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff....",
        b"\x00\x00\x00\x08\x00\x00\x00\x04nope",
        b"\x00\x00\x00\x05\x09\x00\x00\x01x",
    ],
)
async def test_broken_frames_close_the_channel(junk: bytes) -> None:
    async with connected({ECHO: Raw(junk)}) as far:
        with pytest.raises(ChannelClosed, match="not RocketMQ's protocol"):
            await far.channel.call(ECHO, timeout=30.0)
        assert len(far.closed) == 1


async def test_an_answer_nobody_asked_for_is_ignored() -> None:
    async def twice(request: Command) -> Answer:
        far.peer.requests.clear()
        return Raw(_response(77) + _response(request.opaque))

    async with connected({ECHO: twice}) as far:
        assert (await far.channel.call(ECHO, timeout=3.0)).code == 0


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    async with connected({ECHO: SILENCE, OTHER: echo}) as far:
        call = asyncio.ensure_future(far.channel.call(ECHO, timeout=30.0))
        await far.peer.received(ECHO)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert far.clock.due_in() == []
        assert (await far.channel.call(OTHER, {"say": "ok"}, timeout=3.0)).remark == "ok"


async def test_oneway_requests_arrive_marked() -> None:
    async with connected({ECHO: echo}) as far:
        await far.channel.send_oneway(ECHO, {"say": "x"}, timeout=3.0)
        request = await far.peer.received(ECHO)
        assert request.is_oneway


async def test_the_peer_may_ask_too() -> None:
    async with connected({ECHO: echo}) as far:
        await far.channel.call(ECHO, timeout=3.0)
        asking = asyncio.ensure_future(far.peer.ask(ASK, {"a": "1"}, b"?"))
        while not far.asked:
            await asyncio.sleep(0)
        far.channel.reply(far.asked[0], Reply(7, "seven", {"b": "2"}, b"!"))
        answer = await asking
        assert (answer.code, answer.remark, answer.fields, answer.body) == (7, "seven", {"b": "2"}, b"!")


async def test_a_oneway_request_of_the_peer_gets_no_answer() -> None:
    async with connected({ECHO: echo}) as far:
        await far.channel.call(ECHO, timeout=3.0)
        far.peer.push(ASK)
        while not far.asked:
            await asyncio.sleep(0)
        far.channel.reply(far.asked[0], Reply(0))
        assert (await far.channel.call(ECHO, {"say": "next"}, timeout=3.0)).remark == "next"


async def test_what_was_written_before_closing_arrives() -> None:
    async with connected({}) as far:
        await far.channel.send_oneway(ECHO, {}, b"x" * 300_000, timeout=3.0)
        far.channel.close("enough")
        assert (await far.peer.received(ECHO)).body_size == 300_000
        await far.channel.wait_closed(5.0)


async def test_requests_of_one_turn_leave_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected({ECHO: echo}) as far:
        transport = far.channel._transport
        assert transport is not None
        writes: list[bytes] = []
        write = transport.write

        class Counting:
            def __getattr__(self, name: str) -> object:
                return getattr(transport, name)

            def write(self, data: bytes) -> None:
                writes.append(data)
                write(data)

        monkeypatch.setattr(far.channel, "_transport", Counting())
        await asyncio.gather(*(far.channel.call(ECHO, timeout=3.0) for _ in range(10)))
        assert len(writes) == 1


async def test_small_requests_are_not_held_back_by_the_kernel() -> None:
    async with connected({}) as far:
        assert far.channel._transport is not None
        own = far.channel._transport.get_extra_info("socket")
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_it_runs_on_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def one_call() -> None:
        async with connected({ECHO: echo}) as far:
            assert (await far.channel.call(ECHO, {"say": "hi"}, timeout=3.0)).remark == "hi"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(one_call())


async def test_calls_wait_while_the_peer_reads_slowly() -> None:
    async with connected({ECHO: echo}) as far:
        far.channel.pause_writing()
        patient = asyncio.ensure_future(far.channel.call(ECHO, {"say": "patient"}, timeout=5.0))
        hasty = asyncio.ensure_future(far.channel.call(ECHO, {"say": "hasty"}, timeout=1.0))
        oneway = asyncio.ensure_future(far.channel.send_oneway(ECHO, timeout=1.0))
        await asyncio.sleep(0)
        await far.clock.advance(1.1)
        for late in (hasty, oneway):
            with pytest.raises(CallTimeout):
                await late
        assert far.peer.requests == []
        far.channel.resume_writing()
        assert (await patient).remark == "patient"


async def test_calls_in_flight_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.transport.channel.CALLS_IN_FLIGHT_MAX", 2)
    async with connected({ECHO: SILENCE}) as far:
        calls = [asyncio.ensure_future(far.channel.call(ECHO, timeout=1.0)) for _ in range(2)]
        await far.peer.received(ECHO, 2)
        with pytest.raises(TooManyCalls, match="2 calls are waiting"):
            await far.channel.call(ECHO, timeout=1.0)
        await far.clock.advance(1.0)
        assert [type(error) for error in await asyncio.gather(*calls, return_exceptions=True)] == [CallTimeout] * 2


async def test_opaque_begins_again_after_the_largest_int() -> None:
    async with connected({ECHO: echo}) as far:
        far.channel._opaque = OPAQUE_MAX - 1
        await far.channel.call(ECHO, timeout=3.0)
        await far.channel.call(ECHO, timeout=3.0)
        assert [request.opaque for request in far.peer.requests] == [OPAQUE_MAX, 1]


async def test_a_refused_connection_is_said_so() -> None:
    async with ScriptedPeer() as peer:
        address = peer.address
    with pytest.raises(ConnectFailed, match="cannot connect"):
        await _connect(address)


async def test_a_name_without_address_is_said_so() -> None:
    with pytest.raises(ConnectFailed, match=r"nowhere\.invalid:9876"):
        await _connect("nowhere.invalid:9876")


async def test_a_host_that_does_not_answer_costs_only_the_time_out() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    crowd = [socket.socket() for _ in range(4)]
    try:
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        clock = ManualClock()
        attempt = asyncio.ensure_future(_connect("{}:{}".format(*listener.getsockname()), clock))
        while not clock.due_in():
            await asyncio.sleep(0)
        await clock.advance(3.0)
        with pytest.raises(ConnectFailed, match="no connection within 3 s"):
            await attempt
    finally:
        for one in (*crowd, listener):
            one.close()


@pytest.mark.parametrize("text", ["", "host", "host:", ":9876", "host:port", "host:0", "host:65536", "host:-1"])
def test_an_address_is_host_and_port(text: str) -> None:
    with pytest.raises(UserError, match="host:port"):
        split_address(text)


def test_an_address_may_be_ipv6() -> None:
    assert split_address("[::1]:9876") == ("::1", 9876)
    assert split_address("broker-a.example:10911") == ("broker-a.example", 10911)


async def _connect(address: str, clock: ManualClock | None = None) -> Channel:
    return await connect(
        address,
        clock=clock or ManualClock(),
        timeout=3.0,
        on_request=lambda channel, request: None,
        on_closed=lambda channel: None,
    )


def _response(opaque: int) -> bytes:
    return encode_response(Command.of(ECHO, opaque=opaque), Reply(0))
