"""A name server: its state, its connections, its clock; and the process that is nothing else."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from functools import partial

from pocketmq.model.errors import Refusal, UserError
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.outcome import Reply
from pocketmq.namesrv.kv_config import KvConfig
from pocketmq.namesrv.registration import expire, peer_closed
from pocketmq.namesrv.router import handle
from pocketmq.namesrv.state import KV_CONFIG, NamesrvState
from pocketmq.node.config_files import write_changes
from pocketmq.node.flusher import Flusher
from pocketmq.node.session import Session
from pocketmq.node.signals import StopSignals
from pocketmq.node.start_up_lines import namesrv_started
from pocketmq.node.tables_writer import TablesWriter
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command, encode_request, encode_response
from pocketmq.transport.clock import Clock
from pocketmq.transport.server import Link, Server

log = logging.getLogger(__name__)


class NamesrvNode:
    """Listens, answers, forgets the silent. `start` and `stop` belong to one loop."""

    def __init__(self, settings: NamesrvSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.port = 0
        self.state = NamesrvState(settings, started_ms=clock.now_ms(), kv_config=_load_kv_config(settings))
        self.server = Server(lambda link: Session(link, self._decide_all, self._lost))
        self._flusher: Flusher | None = None
        self._tables: TablesWriter | None = None
        self._opaque = 0

    async def start(self) -> None:
        """Accepts connections when it returns. Raises UserError."""
        self._flusher = Flusher("namesrv-tables")
        self._tables = TablesWriter(self._flusher, self.state.unsaved, self._work_of)
        self.port = await self.server.listen(self.settings.bind_address, self.settings.listen_port)

    async def stop(self) -> None:
        """Finishes what it has, closes every connection."""
        await self.server.close()
        if self._flusher is not None:
            self._flusher.stop()

    async def watch(self) -> None:
        """Removes brokers that fell silent, every `scanNotActiveBrokerInterval`, for ever."""
        while True:
            await self.clock.sleep(self.settings.scan_not_active_broker_interval / 1000)
            for peer_id in expire(self.state, self.clock.now_ms()):
                if (link := self.server.links.get(peer_id)) is not None:
                    link.close()
            idle_ms = self.settings.server_channel_max_idle_time_seconds * 1000
            self.server.close_idle(-(-idle_ms // self.settings.scan_not_active_broker_interval))
            self._send_outbox()

    def _decide_all(self, session: Session, commands: list[Command]) -> None:
        for command in commands:
            if not command.is_response:
                self._decide(session.link, command)

    def _decide(self, link: Link, command: Command) -> None:
        """Answers one request, at once or when what it changed is on disk."""
        assert self._tables is not None
        try:
            outcome = handle(command, link.peer, self.state, self.clock.now_ms())
        except Refusal as refusal:
            outcome = Reply(refusal.code, refusal.remark)
        except Exception as error:
            log.error("request %d of %s broke us: %r", command.code, link.peer.address, command, exc_info=error)
            outcome = Reply(ResponseCode.SYSTEM_ERROR, f"{type(error).__name__} in PocketMQ, see the name server's log")
        if isinstance(outcome, Reply) and not command.is_oneway:
            if self.state.unsaved:
                self._tables.when_saved(partial(_answer, link, command, outcome))
            else:
                _answer(link, command, outcome, None)
        self._send_outbox()

    def _lost(self, session: Session) -> None:
        """A broker that hung up is a broker that is gone."""
        peer_closed(self.state, session.link.id, self.clock.now_ms())
        self._send_outbox()

    def _send_outbox(self) -> None:
        if not self.state.outbox:
            return
        pushes = list(self.state.outbox)
        self.state.outbox.clear()
        for push in pushes:
            if (link := self.server.links.get(push.peer_id)) is not None:
                self._opaque += 1
                link.write(encode_request(push.code, push.fields, push.body, opaque=self._opaque, oneway=True))

    def _work_of(self, name: str) -> Callable[[], None]:
        if name == KV_CONFIG:
            return partial(_replace_file, self.settings.kv_config_path, self.state.table_text(name))
        return partial(write_changes, self.settings.config_store_path, dict(self.state.changed_settings))


def _answer(link: Link, command: Command, reply: Reply, error: OSError | None) -> None:
    if error is not None:
        reply = Reply(ResponseCode.SYSTEM_ERROR, f"cannot be saved: {error}")
    link.write(encode_response(command, reply))


def _load_kv_config(settings: NamesrvSettings) -> KvConfig:
    path = settings.kv_config_path
    for candidate in (path, f"{path}.bak"):
        with contextlib.suppress(FileNotFoundError), open(candidate, "rb") as config:
            try:
                return KvConfig.load(config.read())
            except Refusal as broken:
                log.error("%s is broken (%s)", candidate, broken.remark)
    if os.path.exists(path):
        raise UserError(f"{path} and its .bak are broken: repair one of them, or move both away to start without")
    return KvConfig()


def _replace_file(path: str, content: bytes) -> None:
    """The file as a whole, durably; the content before it stays as `.bak`."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.tmp", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if os.path.exists(path):
        os.replace(path, f"{path}.bak")
    os.replace(f"{path}.tmp", path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def serve_namesrv(settings: NamesrvSettings) -> int:
    """`mqnamesrv`: serves until SIGTERM or SIGINT; the exit status."""
    signals = StopSignals()
    node = NamesrvNode(settings, Clock())
    await node.start()
    print(namesrv_started(f"{settings.bind_address}:{node.port}"), flush=True)
    try:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(node.watch())
            await signals.wait()
            watching.cancel()
    finally:
        await node.stop()
    return 0
