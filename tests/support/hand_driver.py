"""A broker driver without sockets, threads and time: links that remember, a flusher that works when told."""

from collections.abc import Callable

from pocketmq.model.peer import Peer
from pocketmq.node.driver import BrokerDriver
from pocketmq.node.durability import Durability
from pocketmq.node.session import Session
from pocketmq.node.tables_writer import TablesWriter
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import Command
from pocketmq.protocol.frame.send_reply import SendReplies
from pocketmq.store.disk import Disk
from pocketmq.store.tables import save_table
from pocketmq.testing.lone_broker import LoneBroker


class HandLink:
    """A link whose peer reads everything."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.peer = Peer(number, "127.0.0.1", 50_000 + number)
        self.is_open = True
        self._connection = Connection()
        self._received: list[Command] = []

    def write(self, data: bytes) -> None:
        if self.is_open:
            self._received += self._connection.feed(data)

    def close(self) -> None:
        self.is_open = False

    abort = close

    def take(self) -> list[Command]:
        """What was written since the last call."""
        received, self._received = self._received, []
        return received


class HandFlusher:
    """Keeps its jobs until `step`."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable[[], None], Callable[[OSError | None], None]]] = []

    def sync(self, targets, done) -> None:  # type: ignore[no-untyped-def]
        self.run(lambda: [target.sync() for target in targets], done)  # type: ignore[arg-type, return-value]

    def run(self, work: Callable[[], None], done: Callable[[OSError | None], None]) -> None:
        self.jobs.append((work, done))

    def step(self) -> None:
        """Does the oldest job."""
        work, done = self.jobs.pop(0)
        try:
            work()
        except OSError as error:
            done(error)
        else:
            done(None)

    def drain(self) -> None:
        """Does all jobs, and those they cause."""
        while self.jobs:
            self.step()


class HandDriver:
    """Use inside a running loop. `turn` ends the turn that the loop would end by itself."""

    def __init__(self, *, is_sync: bool = False, broker: LoneBroker | None = None) -> None:
        self.broker = broker or LoneBroker()
        self.now_ms = self.broker.now_ms
        self.state = self.broker.state
        self.flusher = HandFlusher()
        self.table_flusher = HandFlusher()
        self.durability = Durability(self.state.store, self.flusher, is_sync=is_sync, timeout_ms=5_000)  # type: ignore[arg-type]
        disk: Disk = self.state.store.disk
        self.tables = TablesWriter(
            self.table_flusher,  # type: ignore[arg-type]
            self.state.unsaved,
            lambda name: lambda text=self.state.table_text(name): save_table(disk, name, text),  # type: ignore[misc]
        )
        replies = SendReplies(self.state.store_host, "DefaultRegion", True)
        self.driver = BrokerDriver(self.state, self.durability, self.tables, self.flusher, replies, lambda: self.now_ms)
        self._links = 0

    def connect(self) -> tuple[HandLink, Session]:
        """A new client."""
        self._links += 1
        link = HandLink(self._links)
        return link, self.driver.accept(link)  # type: ignore[arg-type]

    def turn(self) -> None:
        """The end of a turn of the loop."""
        self.driver.end_turn()
