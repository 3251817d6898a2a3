"""A name server without sockets: asked over frames, told of connections that end, living on a clock of its own."""

from typing import Any

from namesrv_dialogues import Step

from pocketmq.model.errors import Refusal
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.outcome import Reply
from pocketmq.model.peer import Peer
from pocketmq.namesrv import NamesrvState, Notice, RouteTable, expire, handle, peer_closed
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.fastjson import loads
from pocketmq.protocol.frame import Command, encode_request, encode_response

STEP_MS = 10
OPAQUE = 7


class NameServer:
    """The state of a name server, and what the node would do around it."""

    def __init__(self, routes: RouteTable | None = None, /, **settings: str) -> None:
        loaded = NamesrvSettings()
        for key, text in settings.items():
            loaded.assign(key, text)
        self.state = NamesrvState(loaded, started_ms=0, routes=routes)
        self.now_ms = 0
        self.peers: dict[str, Peer] = {}
        self.peers_seen = 0

    def connect(self, name: str) -> Peer:
        """The connection of this name, made now if there is none."""
        if name not in self.peers:
            self.peers_seen += 1
            self.peers[name] = Peer(self.peers_seen, "127.0.0.1", 40_000 + self.peers_seen)
        return self.peers[name]

    def hang_up(self, name: str) -> None:
        """A connection ends."""
        peer_closed(self.state, self.peers.pop(name).id, self.now_ms)

    def pause(self, milliseconds: int) -> list[str]:
        """Time passes; silent brokers are looked for at every interval, and their connections closed and returned."""
        end_ms, closed = self.now_ms + milliseconds, []
        while self.now_ms < end_ms:
            self.now_ms += min(self.state.settings.scan_not_active_broker_interval, end_ms - self.now_ms)
            closed += self.look()
        return closed

    def look(self) -> list[str]:
        """Looks for silent brokers once; the connections closed for it."""
        names = {peer.id: name for name, peer in self.peers.items()}
        closed = [names[peer_id] for peer_id in expire(self.state, self.now_ms) if peer_id in names]
        for name in closed:
            self.hang_up(name)
        return closed

    def ask(self, step: Step) -> Command:
        """The answer to a step's request, as its receiver reads it."""
        self.now_ms += STEP_MS
        request, peer = step["say"], self.connect(step["peer"])
        body = bytes.fromhex(request["hex"]) if "hex" in request else request["body"].encode()
        frame = encode_request(request["code"], request["fields"], body, opaque=OPAQUE, version=request["version"])
        (command,) = Connection().feed(frame)
        try:
            reply = handle(command, peer, self.state, self.now_ms)
        except Refusal as refusal:
            reply = Reply(code=refusal.code, remark=refusal.remark)
        assert isinstance(reply, Reply)
        (answer,) = Connection().feed(encode_response(command, reply))
        assert answer.opaque == OPAQUE
        return answer

    def asked(self, step: Step) -> Any:
        """The body of a successful answer, None if it is empty."""
        answer = self.ask(step)
        assert answer.code == 0, answer.remark
        return loads(answer.body) if answer.body else None

    def refused(self, step: Step) -> tuple[int, str]:
        """Code and remark of an answer that is no success."""
        answer = self.ask(step)
        assert answer.code != 0
        return answer.code, answer.remark or ""

    def notices(self) -> list[Step]:
        """What brokers have been told without having asked, since the last look."""
        said = [notice for notice in self.state.outbox if isinstance(notice, Notice)]
        assert len(said) == len(self.state.outbox)
        self.state.outbox.clear()
        return [{"to": notice.address, "code": notice.code, "fields": dict(notice.fields)} for notice in said]
