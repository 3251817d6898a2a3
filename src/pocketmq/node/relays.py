"""Requests passed on to another client, and its answers passed back; by opaques of our own."""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from pocketmq.model.limits import RELAYS_MAX
from pocketmq.model.outcome import Relay, Reply
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command, encode_request
from pocketmq.transport.server import Link

log = logging.getLogger(__name__)

_OPAQUE_MAX = (1 << 31) - 1


CarryOut = Callable[[Link, Command, Reply], None]


class _Asked(NamedTuple):
    link: Link
    request: Command
    relay: Relay
    timer: asyncio.TimerHandle


class Relays:
    """What was asked of clients and not answered yet; each entry ends by an answer, its time-out or a lost client."""

    def __init__(self, send_to: Callable[[int, bytes], bool], carry_out: CarryOut) -> None:
        """`send_to` reaches a client by its number; `carry_out` answers the request that asked."""
        self._send_to = send_to
        self._carry_out = carry_out
        self._asked: dict[int, _Asked] = {}
        self._opaque = 0

    def next_opaque(self) -> int:
        """A number for a request of ours."""
        self._opaque = self._opaque % _OPAQUE_MAX + 1
        return self._opaque

    def ask(self, link: Link, request: Command, relay: Relay) -> None:
        """Asks the client; the requester hears its answer, or why there is none."""
        opaque = self.next_opaque()
        frame = encode_request(relay.code, relay.fields, relay.body, opaque=opaque)
        if len(self._asked) >= RELAYS_MAX:
            self._refuse(link, request, relay, ResponseCode.SYSTEM_BUSY, "too many requests wait for clients")
        elif not self._send_to(relay.peer_id, frame):
            self._refuse(link, request, relay, ResponseCode.CONSUMER_NOT_ONLINE, "the client is not online")
        else:
            timer = asyncio.get_running_loop().call_later(relay.timeout_ms / 1000, self._expired, opaque)
            self._asked[opaque] = _Asked(link, request, relay, timer)

    def answered(self, peer_id: int, answer: Command) -> None:
        """A client's response; one that nobody asked for is dropped."""
        asked = self._asked.get(answer.opaque)
        if asked is None or asked.relay.peer_id != peer_id:
            log.debug("client %d answered %d, which nobody asked", peer_id, answer.opaque)
            return
        del self._asked[answer.opaque]
        asked.timer.cancel()
        chosen = asked.relay.accepted if answer.code == ResponseCode.SUCCESS else asked.relay.failed
        reply = chosen or Reply(answer.code, answer.remark, answer.fields, answer.body)
        self._carry_out(asked.link, asked.request, reply)

    def peer_lost(self, peer_id: int) -> None:
        """The client went away: its questions have no answer."""
        for opaque in [opaque for opaque, asked in self._asked.items() if asked.relay.peer_id == peer_id]:
            asked = self._asked.pop(opaque)
            asked.timer.cancel()
            code = ResponseCode.CONSUMER_NOT_ONLINE
            self._refuse(asked.link, asked.request, asked.relay, code, "the client went away")

    def _expired(self, opaque: int) -> None:
        asked = self._asked.pop(opaque, None)
        if asked is not None:
            code = ResponseCode.CONSUME_MSG_TIMEOUT
            self._refuse(asked.link, asked.request, asked.relay, code, "the client did not answer in time")

    def _refuse(self, link: Link, request: Command, relay: Relay, code: int, remark: str) -> None:
        self._carry_out(link, request, relay.failed or Reply(code, remark))
