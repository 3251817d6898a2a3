"""Requests passed on to another client, and its answers passed back; by opaques of our own."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pocketmq.model.limits import RELAYS_MAX
from pocketmq.model.outcome import Relay, Reply, Survey
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command, encode_request
from pocketmq.transport.server import Link

log = logging.getLogger(__name__)

_OPAQUE_MAX = (1 << 31) - 1


CarryOut = Callable[[Link, Command, Reply], None]
Bug = Callable[[Command, Link, Exception], Reply]


class _Asked(NamedTuple):
    peer_id: int
    timer: asyncio.TimerHandle
    heard: Callable[[Reply], None]
    silent: Callable[[int, str], None]
    """With the code and the remark for whoever waits for this client alone."""


class Relays:
    """What was asked of clients and not answered yet; each entry ends by an answer, its time-out or a lost client."""

    def __init__(self, send_to: Callable[[int, bytes], bool], carry_out: CarryOut, bug: Bug) -> None:
        """`send_to` reaches a client by its number; `carry_out` answers the request that asked; `bug` says an error."""
        self._send_to = send_to
        self._carry_out = carry_out
        self._bug = bug
        self._asked: dict[int, _Asked] = {}
        self._opaque = 0

    def next_opaque(self) -> int:
        """A number for a request of ours."""
        self._opaque = self._opaque % _OPAQUE_MAX + 1
        return self._opaque

    def ask(self, link: Link, request: Command, relay: Relay) -> None:
        """Asks the client; the requester hears its answer, or why there is none."""

        def heard(reply: Reply) -> None:
            chosen = relay.accepted if reply.code == ResponseCode.SUCCESS else relay.failed
            self._carry_out(link, request, chosen or reply)

        def silent(code: int, remark: str) -> None:
            self._carry_out(link, request, relay.failed or Reply(code, remark))

        self._open(relay.peer_id, relay.code, relay.fields, relay.body, relay.timeout_ms, heard, silent)

    def survey(self, link: Link, request: Command, survey: Survey) -> None:
        """Asks all of the clients at once; the requester hears the summary when the last one has answered or is out."""
        replies: dict[int, Reply] = {}
        waiting = set(survey.peer_ids)

        def out(peer_id: int) -> None:
            waiting.discard(peer_id)
            if not waiting:
                self._carry_out(link, request, self._summary(link, request, survey, replies))

        def ask(peer_id: int) -> None:
            def heard(reply: Reply) -> None:
                replies[peer_id] = reply
                out(peer_id)

            def silent(code: int, remark: str) -> None:
                out(peer_id)

            self._open(peer_id, survey.code, survey.fields, b"", survey.timeout_ms, heard, silent)

        for peer_id in survey.peer_ids:
            ask(peer_id)

    def answered(self, peer_id: int, answer: Command) -> None:
        """A client's response; one that nobody asked for is dropped."""
        asked = self._asked.get(answer.opaque)
        if asked is None or asked.peer_id != peer_id:
            log.debug("client %d answered %d, which nobody asked", peer_id, answer.opaque)
            return
        del self._asked[answer.opaque]
        asked.timer.cancel()
        asked.heard(Reply(answer.code, answer.remark, answer.fields, answer.body))

    def peer_lost(self, peer_id: int) -> None:
        """The client went away: its questions have no answer."""
        for opaque in [opaque for opaque, asked in self._asked.items() if asked.peer_id == peer_id]:
            asked = self._asked.pop(opaque)
            asked.timer.cancel()
            asked.silent(ResponseCode.CONSUMER_NOT_ONLINE, "the client went away")

    def _open(
        self,
        peer_id: int,
        code: int,
        fields: Mapping[str, str],
        body: bytes,
        timeout_ms: int,
        heard: Callable[[Reply], None],
        silent: Callable[[int, str], None],
    ) -> None:
        opaque = self.next_opaque()
        if len(self._asked) >= RELAYS_MAX:
            silent(ResponseCode.SYSTEM_BUSY, "too many requests wait for clients")
        elif not self._send_to(peer_id, encode_request(code, fields, body, opaque=opaque)):
            silent(ResponseCode.CONSUMER_NOT_ONLINE, "the client is not online")
        else:
            timer = asyncio.get_running_loop().call_later(timeout_ms / 1000, self._expired, opaque)
            self._asked[opaque] = _Asked(peer_id, timer, heard, silent)

    def _expired(self, opaque: int) -> None:
        asked = self._asked.pop(opaque, None)
        if asked is not None:
            asked.silent(ResponseCode.CONSUME_MSG_TIMEOUT, "the client did not answer in time")

    def _summary(self, link: Link, request: Command, survey: Survey, replies: Mapping[int, Reply]) -> Reply:
        try:
            return survey.summary(replies)
        except Exception as error:
            return self._bug(request, link, error)
