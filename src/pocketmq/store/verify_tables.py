"""Looks at what stands beside the messages: checkpoint, watermark, JSON tables, offsets that must fit the queues."""

from collections.abc import Iterator, Mapping

from pocketmq.model.errors import PocketMQError
from pocketmq.model.topic import ATTRIBUTE_QUEUE_TYPE, QUEUE_TYPE_BATCH
from pocketmq.protocol.fastjson import JsonKey, JsonValue, loads_object
from pocketmq.store.batch_queue import BATCH_FOLDER
from pocketmq.store.checkpoint import (
    CHECKPOINT_PATH,
    CHECKPOINT_SIZE,
    DURABLE_PATH,
    Checkpoint,
    load_checkpoint,
    load_durable_offset,
)
from pocketmq.store.derive import SCHEDULE_TOPIC
from pocketmq.store.disk import Disk
from pocketmq.store.finding import NEXT_START, REBUILT, Finding, Severity, Trust
from pocketmq.store.tables import FOLDER, table_path

_NUMBERS_BYTES = 48


def progress_findings(disk: Disk, log_end: int, trust: Trust) -> Iterator[Finding]:
    """What is wrong with checkpoint and watermark, for a log that ends there."""
    checkpoint = load_checkpoint(disk)
    if disk.exists(CHECKPOINT_PATH):
        content = read_file(disk, CHECKPOINT_PATH)
        numbers = content[:_NUMBERS_BYTES]
        if len(content) != CHECKPOINT_SIZE or (content.strip(b"\0") and checkpoint == Checkpoint()):
            said = f"{len(content)} bytes that are no checkpoint"
            yield Finding(Severity.DERIVED, CHECKPOINT_PATH, said, REBUILT, 0)
        elif len(content) > len(numbers) and content[_NUMBERS_BYTES:].strip(b"\0"):
            yield Finding(Severity.NOTICE, CHECKPOINT_PATH, "bytes behind its numbers", "none needed", _NUMBERS_BYTES)
    for name, log_offset, position in (
        ("confirm offset", checkpoint.confirm_offset, 32),
        ("queue log offset", checkpoint.queue_log_offset, 40),
    ):
        if log_offset > log_end:
            said = f"its {name} {log_offset} is beyond the log's end {log_end}"
            yield Finding(Severity.DAMAGE, CHECKPOINT_PATH, said, _lost_end(log_end), position, log_offset=log_offset)
    durable = load_durable_offset(disk)
    if durable is None and disk.exists(DURABLE_PATH):
        said = "does not match its CRC, so that a torn end cannot be told from damage"
        yield Finding(Severity.DERIVED, DURABLE_PATH, said, "the next start writes it again", 0)
    if durable is not None and durable > log_end:
        said = f"says that the log was on disk up to {durable}, but it ends at {log_end}"
        yield Finding(Severity.DAMAGE, DURABLE_PATH, said, _lost_end(log_end), 0, log_offset=durable)
    if not trust.was_clean:
        said = "is there: a broker is running, or the last one did not stop in order"
        yield Finding(Severity.NOTICE, "abort", said, NEXT_START)


def table_findings(disk: Disk, queue_ends: Mapping[tuple[str, int], int], trust: Trust) -> Iterator[Finding]:
    """Tables under config/ that cannot be read, and offsets in them beyond the ends of their queues."""
    names = disk.listdir(FOLDER)
    for name in names:
        path = f"{FOLDER}/{name}"
        if name.endswith(".json"):
            if (failure := _failure(disk, path)) is not None:
                is_kept = f"{name}.bak" in names and _failure(disk, f"{path}.bak") is None
                remedy = (
                    f"the next start reads {path}.bak instead" if is_kept else f"put a good copy in place of {path}"
                )
                yield Finding(Severity.DAMAGE, path, f"cannot be read: {failure}", remedy)
        elif name.endswith(".json.bak"):
            table = path.removesuffix(".bak")
            if (failure := _failure(disk, path)) is not None:
                said = f"cannot be read: {failure}"
                yield Finding(Severity.NOTICE, path, said, f"it is read only when {table} is broken")
            elif table.removeprefix(f"{FOLDER}/") not in names:
                yield Finding(Severity.DAMAGE, table, "is missing", f"the next start reads {path} instead")
        elif ".json.corrupt" in name:
            yield Finding(Severity.NOTICE, path, "was set aside because it was broken", "look at it, then remove it")
    yield from _offset_findings(disk, queue_ends, trust)


def find_table(disk: Disk, name: str) -> dict[JsonKey, JsonValue]:
    """The table of this name, or the one before it; empty if neither can be read."""
    for path in (table_path(name), f"{table_path(name)}.bak"):
        if disk.exists(path) and _failure(disk, path) is None:
            return loads_object(read_file(disk, path))
    return {}


def batch_topics(disk: Disk) -> set[str]:
    """Topics whose queues are of batches: those that have such queues, and those that the table of topics says."""
    table = find_table(disk, "topics").get("topicConfigTable")
    told = set(disk.listdir(BATCH_FOLDER))
    for topic, config in table.items() if isinstance(table, dict) else ():
        attributes = config.get("attributes") if isinstance(config, dict) else None
        if isinstance(attributes, dict) and attributes.get(ATTRIBUTE_QUEUE_TYPE) == QUEUE_TYPE_BATCH:
            told.add(str(topic))
    return told


def read_file(disk: Disk, path: str) -> bytes:
    """The whole content of a small file."""
    file = disk.open(path)
    try:
        return file.pread(0, file.size)
    finally:
        file.close()


def _offset_findings(disk: Disk, queue_ends: Mapping[tuple[str, int], int], trust: Trust) -> Iterator[Finding]:
    topics = {topic for topic, _ in queue_ends}
    for key, queue_id, offset in _offsets(find_table(disk, "consumerOffset")):
        topic, _, group = key.partition("@")
        end = queue_ends.get((topic, queue_id), 0)
        if offset > end:
            severity = Severity.DAMAGE if trust.was_clean and topic in topics else Severity.NOTICE
            yield _beyond("consumerOffset", f"group {group} goes on at", topic, queue_id, offset, end, severity)
    levels = find_table(disk, "delayOffset").get("offsetTable")
    for level, reached in levels.items() if isinstance(levels, dict) else ():
        if str(level).isdecimal() and isinstance(reached, int):
            queue_id = int(str(level)) - 1
            end = queue_ends.get((SCHEDULE_TOPIC, queue_id), 0)
            if reached > end:
                severity = Severity.DAMAGE if trust.was_clean else Severity.NOTICE
                words = f"delay level {level} goes on at"
                yield _beyond("delayOffset", words, SCHEDULE_TOPIC, queue_id, reached, end, severity)


def _offsets(table: Mapping[JsonKey, JsonValue]) -> Iterator[tuple[str, int, int]]:
    """`topic@group`, queue id and offset of each commit (ConsumerOffsetManager)."""
    commits = table.get("offsetTable")
    for key, offsets in commits.items() if isinstance(commits, dict) else ():
        for queue_id, offset in offsets.items() if isinstance(offsets, dict) else ():
            if str(queue_id).isdecimal() and isinstance(offset, int):
                yield str(key), int(str(queue_id)), offset


def _beyond(name: str, words: str, topic: str, queue_id: int, offset: int, end: int, severity: Severity) -> Finding:
    said = f"{words} {offset}, the queue ends at {end}"
    remedy = f"the next start sets it back to {end}: nothing is skipped"
    return Finding(severity, table_path(name), said, remedy, None, topic, queue_id, offset)


def _failure(disk: Disk, path: str) -> str | None:
    """Why a table is no JSON object; None if it is one."""
    content = read_file(disk, path)
    if not content:
        return "it is empty"
    try:
        loads_object(content)
    except (PocketMQError, ValueError) as failure:
        return str(failure)
    return None


def _lost_end(log_end: int) -> str:
    return f"the end of the log is lost: restore commitlog from a backup, or go on at {log_end}"
