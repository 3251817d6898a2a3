"""What lies in a store's folder, and how large its files are: found from the files, where no setting is kept."""

from collections import Counter
from dataclasses import dataclass

from pocketmq.model.errors import UserError
from pocketmq.store.batch_queue import BATCH_FOLDER, UNIT_BYTES
from pocketmq.store.commit_log import LOG_FOLDER
from pocketmq.store.consume_queue import ENTRY_BYTES
from pocketmq.store.disk import Disk
from pocketmq.store.message_store import StoreSizes
from pocketmq.store.queue_extension import EXTENSION_FOLDER
from pocketmq.store.recovery import QUEUE_FOLDER
from pocketmq.store.segments import NAME_DIGITS


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes in bytes of a file of the log and of each kind of queue; `doubts`: sentences on what could only be guessed.

    `unknown_sizes`: the settings whose files are all gone though their folder is there; Java's default stands for each.
    """

    log_file_bytes: int
    queue_file_bytes: int
    batch_file_bytes: int
    extension_file_bytes: int
    unknown_sizes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def find_layout(disk: Disk) -> Layout:
    """The sizes that most files have, Java's defaults where there is none. UserError where there is no store."""
    if not disk.exists(LOG_FOLDER):
        raise UserError(f"no store: there is no folder {LOG_FOLDER} in it")
    doubts: list[str] = []
    usual = StoreSizes()
    log_sizes = file_sizes(disk, LOG_FOLDER)
    log_bytes = _prevailing_size(log_sizes, usual.log_file_bytes, "a log file (mappedFileSizeCommitLog)", doubts)
    unknown: list[str] = []
    sizes_found: list[int] = []
    for kind, unit_bytes, default, setting in (
        (QUEUE_FOLDER, ENTRY_BYTES, usual.queue_file_bytes, "mappedFileSizeConsumeQueue"),
        (BATCH_FOLDER, UNIT_BYTES, usual.batch_queue_file_bytes, "mapperFileSizeBatchConsumeQueue"),
        (EXTENSION_FOLDER, 1, usual.extension_file_bytes, "mappedFileSizeConsumeQueueExt"),
    ):
        places = queue_places(disk, kind)
        sizes = [size for topic, queue_id in places for size in file_sizes(disk, queue_folder(topic, queue_id, kind))]
        whole = [size for size in sizes if size % unit_bytes == 0]
        sizes_found.append(_prevailing_size(whole, default, f"a file of {kind} ({setting})", doubts))
        if not any(whole) and (places or kind == QUEUE_FOLDER):
            unknown.append(setting)
    queue_bytes, batch_bytes, extension_bytes = sizes_found
    return Layout(log_bytes, queue_bytes, batch_bytes, extension_bytes, tuple(unknown), tuple(doubts))


def queue_places(disk: Disk, kind: str = QUEUE_FOLDER) -> list[tuple[str, int]]:
    """Topic and queue id of all queues that have a folder among those of that kind, in order."""
    return [
        (topic, int(queue_id))
        for topic in disk.listdir(kind)
        for queue_id in sorted(filter(_is_number, disk.listdir(f"{kind}/{topic}")), key=int)
    ]


def queue_folder(topic: str, queue_id: int, kind: str = QUEUE_FOLDER) -> str:
    """Where a queue's files of that kind lie."""
    return f"{kind}/{topic}/{queue_id}"


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
