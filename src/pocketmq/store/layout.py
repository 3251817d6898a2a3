"""What lies in a store's folder, and how large its files are: found from the files, where no setting is kept."""

from collections import Counter
from dataclasses import dataclass

from pocketmq.model.errors import UserError
from pocketmq.store.consume_queue import ENTRY_BYTES
from pocketmq.store.disk import Disk
from pocketmq.store.message_store import StoreSizes
from pocketmq.store.recovery import QUEUE_FOLDER
from pocketmq.store.segments import NAME_DIGITS

LOG_FOLDER = "commitlog"


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of a log file and a queue file in bytes; `doubts`: sentences on what could only be guessed.

    `has_queue_files`: there is at least one, so that its size is not Java's default.
    """

    log_file_bytes: int
    queue_file_bytes: int
    has_queue_files: bool = True
    doubts: tuple[str, ...] = ()


def find_layout(disk: Disk) -> Layout:
    """The sizes that most files have, Java's defaults where there is none. UserError where there is no store."""
    if not disk.exists(LOG_FOLDER):
        raise UserError(f"no store: there is no folder {LOG_FOLDER} in it")
    doubts: list[str] = []
    usual = StoreSizes()
    log_sizes = file_sizes(disk, LOG_FOLDER)
    log_bytes = _prevailing_size(log_sizes, usual.log_file_bytes, "a log file (mappedFileSizeCommitLog)", doubts)
    queue_sizes = [
        size for topic, queue_id in queue_places(disk) for size in file_sizes(disk, queue_folder(topic, queue_id))
    ]
    whole = [size for size in queue_sizes if size % ENTRY_BYTES == 0]
    queue_bytes = _prevailing_size(whole, usual.queue_file_bytes, "a queue file (mappedFileSizeConsumeQueue)", doubts)
    return Layout(log_bytes, queue_bytes, any(whole), tuple(doubts))


def queue_places(disk: Disk) -> list[tuple[str, int]]:
    """Topic and queue id of all queues that have a folder, in order."""
    return [
        (topic, int(queue_id))
        for topic in disk.listdir(QUEUE_FOLDER)
        for queue_id in sorted(filter(_is_number, disk.listdir(f"{QUEUE_FOLDER}/{topic}")), key=int)
    ]


def queue_folder(topic: str, queue_id: int) -> str:
    """Where a queue's files lie."""
    return f"{QUEUE_FOLDER}/{topic}/{queue_id}"


def segment_names(disk: Disk, folder: str) -> list[str]:
    """The names in a folder that are offsets, ascending."""
    return [name for name in disk.listdir(folder) if len(name) == NAME_DIGITS and _is_number(name)]


def file_sizes(disk: Disk, folder: str) -> list[int]:
    """The sizes of the folder's files in bytes, in the order of their names."""
    return [disk.size(f"{folder}/{name}") for name in segment_names(disk, folder)]


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _prevailing_size(sizes: list[int], usual: int, what: str, doubts: list[str]) -> int:
    counts = Counter(size for size in sizes if size)
    if not counts:
        return usual
    chosen = max(counts, key=lambda size: (counts[size], size))
    if len(counts) > 1:
        others = ", ".join(str(size) for size in sorted(counts) if size != chosen)
        doubts.append(f"{what} is taken to have {chosen} bytes, as most have; there are some of {others}")
    return chosen
