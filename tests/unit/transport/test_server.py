"""Accepted links over loopback: bytes both ways, slow readers, idle ones, ports in use."""

import asyncio
import gc
import socket
import weakref

import pytest

from pocketmq.model.errors import UserError
from pocketmq.transport import server as transport
from pocketmq.transport.server import Link, Server


class _Echo:
    """Answers what it receives; remembers how its link ended."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.is_lost = False
        self.lost_event = asyncio.Event()

    def received(self, data: bytes) -> None:
        self.link.write(data)

    def lost(self) -> None:
        assert not self.is_lost, "told twice"
        self.is_lost = True
        self.lost_event.set()


class _House:
    def __init__(self) -> None:
        self.echoes: list[_Echo] = []
        self.server = Server(self._accept)
        self.accepted = asyncio.Event()

    def _accept(self, link: Link) -> _Echo:
        echo = _Echo(link)
        self.echoes.append(echo)
        self.accepted.set()
        return echo


def test_bytes_go_both_ways_and_a_peer_is_known_by_number_and_address() -> None:
    async def story() -> None:
        house = _House()
        port = await house.server.listen("127.0.0.1", 0)
        for number in (1, 2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"ping")
            assert await reader.readexactly(4) == b"ping"
            peer = house.echoes[-1].link.peer
            assert (peer.id, peer.host, peer.local_port) == (number, "127.0.0.1", port)
            assert peer.port == writer.get_extra_info("sockname")[1]
            writer.close()
            await house.echoes[-1].lost_event.wait()
        assert house.server.links == {}
        await house.server.close()

    asyncio.run(story())


def test_what_a_link_had_is_gone_with_it_before_anybody_looks_for_circles() -> None:
    async def story() -> None:
        house = _House()
        port = await house.server.listen("127.0.0.1", 0)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await house.accepted.wait()
        echo = house.echoes.pop()
        lost, kept = echo.lost_event, weakref.ref(echo)
        del echo
        writer.close()
        await lost.wait()
        await asyncio.sleep(0)
        assert kept() is None
        await house.server.close()

    gc.disable()
    try:
        asyncio.run(story())
    finally:
        gc.enable()


def test_small_answers_are_not_held_back() -> None:
    async def story() -> None:
        house = _House()
        port = await house.server.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        await reader.readexactly(1)
        accepted = house.echoes[0].link._transport
        assert accepted is not None
        found = accepted.get_extra_info("socket")
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        writer.close()
        await house.server.close()

    asyncio.run(story())


def test_a_peer_that_never_reads_is_cut_and_costs_no_more_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "OUTBOX_BYTES_MAX", 1 << 20)

    async def story() -> None:
        house = _House()
        port = await house.server.listen("127.0.0.1", 0)
        stuck = socket.create_connection(("127.0.0.1", port))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        await reader.readexactly(1)
        while len(house.echoes) < 2:
            house.accepted.clear()
            await house.accepted.wait()
        slow = next(echo for echo in house.echoes if echo.link.peer.port == stuck.getsockname()[1])
        for _ in range(64):
            slow.link.write(bytes(1 << 18))
        await slow.lost_event.wait()
        writer.write(b"y")
        assert await reader.readexactly(1) == b"y", "an honest peer was harmed"
        stuck.close()
        writer.close()
        await house.server.close()

    asyncio.run(story())


def test_links_that_are_silent_for_long_are_closed_and_no_others() -> None:
    async def story() -> None:
        house = _House()
        port = await house.server.listen("127.0.0.1", 0)
        quiet_reader, quiet = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(b"x")
            await reader.readexactly(1)
            while len(house.echoes) < 2:
                house.accepted.clear()
                await house.accepted.wait()
            house.server.close_idle(2)
        assert await quiet_reader.read() == b""
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        quiet.close()
        writer.close()
        await house.server.close()

    asyncio.run(story())


def test_a_port_in_use_is_the_users_mistake_said_in_one_line() -> None:
    async def story() -> None:
        first, second = _House(), _House()
        port = await first.server.listen("127.0.0.1", 0)
        with pytest.raises(UserError, match=rf"cannot listen on 127.0.0.1:{port}: .*; stop what uses the port"):
            await second.server.listen("127.0.0.1", port)
        await first.server.close()

    asyncio.run(story())
