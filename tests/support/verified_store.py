"""Stores to verify: stopped in order or killed, and what a verification finds in them."""

from store_life import SIZES, T0, reopened, send, sync

from pocketmq.protocol.record import NewMessage
from pocketmq.store.derive import SCHEDULE_TOPIC
from pocketmq.store.finding import Finding
from pocketmq.store.index_file import Shape
from pocketmq.store.message_store import Appended
from pocketmq.store.read_only_disk import ReadOnlyDisk
from pocketmq.store.verify import verify
from pocketmq.testing.memory_disk import MemoryDisk

SHAPE = Shape(SIZES.index_slots, SIZES.index_entries)


def findings(disk: MemoryDisk, shape: Shape = SHAPE) -> list[Finding]:
    return [one for one in verify(ReadOnlyDisk(disk), shape) if isinstance(one, Finding)]


def stopped(count: int = 230) -> tuple[MemoryDisk, list[Appended]]:
    """A store that was stopped in order: two queues, three log files, five index files."""
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, count)
    store.close()
    return disk, sent


def killed(count: int = 230) -> tuple[MemoryDisk, list[Appended]]:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    sent = send(store, count)
    sync(store)
    return disk.crash_process(), sent


def paths(disk: MemoryDisk, folder: str = "") -> list[str]:
    found = []
    for name in disk.listdir(folder):
        path = f"{folder}/{name}" if folder else name
        try:
            found += paths(disk, path)
        except NotADirectoryError:
            found.append(path)
    return found


def put(disk: MemoryDisk, path: str, at: int, content: bytes) -> None:
    disk.open(path, create=True).pwrite(at, content)


def briefly(found: list[Finding]) -> list[tuple[str, str, int | None]]:
    return [(str(one.severity), one.path, one.file_offset) for one in found]


def with_delays() -> MemoryDisk:
    disk = MemoryDisk()
    store, _ = reopened(disk)
    for number in range(6):
        store.append(
            NewMessage(SCHEDULE_TOPIC, 2, b"later", b"DELAY\x013\x02TAGS\x01A\x02KEYS\x01k\x02"), T0 + 7 * number
        )
    store.write()
    store.publish(store.log.written, T0)
    store.close()
    return disk
