"""A broker without node, network and clock: its decisions alone, over a memory disk.

```python
broker = LoneBroker()
broker.store("TopicTest", 0, b"hello")
assert broker.ask(RequestCode.GET_MAX_OFFSET, {"topic": "TopicTest", "queueId": "0"}).fields == {"offset": "1"}
```
"""

from collections.abc import Mapping
from functools import partial

from pocketmq.broker import boot, delays
from pocketmq.broker.router import HANDLERS, unsupported
from pocketmq.broker.state import TOPICS, BrokerState
from pocketmq.broker.topic_table import batch_topics_in
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, ReadFirst, RecordsWhenDurable, Reply, ReplyWhenDurable, ReplyWithRecords
from pocketmq.model.peer import Peer, pack_host
from pocketmq.model.versions import CURRENT
from pocketmq.protocol.codes import LANGUAGES
from pocketmq.protocol.frame import Command
from pocketmq.protocol.frame.send_reply import Stored
from pocketmq.protocol.properties import encode_properties
from pocketmq.protocol.record import NewMessage
from pocketmq.store.message_store import Appended, StoreSizes
from pocketmq.store.recovery import open_store
from pocketmq.store.tables import load_table, save_table
from pocketmq.testing.memory_disk import MemoryDisk

ADDRESS = "127.0.0.1:10911"
EPOCH_MS = 1_709_210_000_000
SIZES = StoreSizes(log_file_bytes=1 << 20, queue_file_bytes=20_000, index_slots=1_000, index_entries=4_000)
ALICE = Peer(1, "127.0.0.1", 50_001)
BOB = Peer(2, "127.0.0.1", 50_002)


class LoneBroker:
    """State, store and disk. Time stands still unless `now_ms` is moved; every request is a turn of its own."""

    def __init__(
        self, disk: MemoryDisk | None = None, *, now_ms: int = EPOCH_MS, settings: BrokerSettings | None = None
    ) -> None:
        self.now_ms = now_ms
        self.disk = MemoryDisk() if disk is None else disk
        batch_topics = load_table(self.disk, TOPICS, batch_topics_in, must_exist=False).table or ()
        store, self.recovery = open_store(self.disk, SIZES, now_ms, batch_topics=batch_topics)
        self.state = BrokerState(settings or BrokerSettings(), store, boot_ms=now_ms, address=ADDRESS)
        for name in self.state.table_names:
            load_table(self.disk, name, partial(self.state.load_table, name), must_exist=False)
        boot.start(self.state)

    def decide(
        self,
        code: int,
        fields: Mapping[str, object] | None = None,
        body: bytes = b"",
        *,
        peer: Peer = ALICE,
        version: int = CURRENT,
        language: str = "JAVA",
    ) -> Outcome | Stored:
        """What the handler of this code decides; a Refusal is raised. The turn is not ended."""
        texts = {name: str(value) for name, value in (fields or {}).items()}
        request = Command.of(code, texts, body, version=version, arrived_ms=self.now_ms)
        request.language = LANGUAGES.index(language)
        handler = HANDLERS.get(code)
        return unsupported(request) if handler is None else handler(request, peer, self.state, self.now_ms)

    def ask(
        self,
        code: int,
        fields: Mapping[str, object] | None = None,
        body: bytes = b"",
        *,
        peer: Peer = ALICE,
        version: int = CURRENT,
        language: str = "JAVA",
    ) -> Reply:
        """The answer as a client gets it, once the turn has ended and what must be saved has been."""
        try:
            outcome = self.decide(code, fields, body, peer=peer, version=version, language=language)
            while isinstance(outcome, ReadFirst):
                outcome = outcome.then(self.state.store.log.gather(outcome.entries)[0], self.now_ms)
        except Refusal as refusal:
            outcome = Reply(refusal.code, refusal.remark)
        self.save()
        self.end_turn()
        if isinstance(outcome, ReplyWhenDurable):
            return outcome.reply
        if isinstance(outcome, ReplyWithRecords):
            return outcome.reply.with_body(self.state.store.log.gather(outcome.entries)[0])
        if isinstance(outcome, RecordsWhenDurable):
            records = self.state.store.log.gather(outcome.entries)[0] if outcome.entries else b""
            return outcome.reply.with_body(outcome.reply.body + records)
        assert isinstance(outcome, Reply), outcome
        return outcome

    def store(
        self, topic: str, queue_id: int, body: bytes = b"", properties: Mapping[str, str] | None = None
    ) -> Appended:
        """Append a message, delayed if its properties say so, and end the turn."""
        message = NewMessage(
            topic,
            queue_id,
            body,
            encode_properties(properties or {}),
            born_timestamp=self.now_ms,
            born_host=pack_host("127.0.0.1", 50_001),
            store_host=self.state.store_host,
        )
        appended = self.state.store.append(delays.intercept(message, self.state), self.now_ms)
        self.end_turn()
        return appended

    def deliver_delayed(self) -> int:
        """Deliver what is due now, and end the turn."""
        delivered = delays.due(self.state, self.now_ms)
        self.end_turn()
        return delivered

    def end_turn(self) -> None:
        """Write what was appended and show it to readers."""
        store = self.state.store
        store.write()
        store.publish(store.log.written, self.now_ms)

    def flush(self) -> None:
        """Make the log durable."""
        store = self.state.store
        for target in store.log.sync_targets():
            target.sync()
        store.mark_flushed(store.log.written)

    def save(self, *names: str) -> None:
        """Save the named tables, or those that must be."""
        for name in names or sorted(self.state.unsaved & set(self.state.table_names)):
            save_table(self.disk, name, self.state.table_text(name))
        self.state.unsaved.clear()

    def restarted(self, disk: MemoryDisk, *, now_ms: int | None = None) -> "LoneBroker":
        """A broker on what a crash left of this one's disk."""
        return LoneBroker(disk, now_ms=self.now_ms if now_ms is None else now_ms, settings=self.state.settings)
