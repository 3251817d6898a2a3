"""From records to what is derived of them: queue entries and key index. The same for a fresh record and in recovery.

A record is appended first, and shown to readers by `publish`, once policy lets them see it: after the write to the file
under ASYNC_FLUSH, after the sync under SYNC_FLUSH.
"""

from pocketmq.model.delays import delay_of_level
from pocketmq.protocol.record import Scanned
from pocketmq.store.commit_log import Dispatch
from pocketmq.store.consume_queue import ConsumeQueue, put_all
from pocketmq.store.key_index import KeyIndex
from pocketmq.store.queue_kinds import PutEntries

SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX"
_SCHEDULE_TOPIC_BYTES = SCHEDULE_TOPIC.encode()
TRANSACTION_MASK = 12
TRANSACTION_COMMIT = 8
TRANSACTION_ROLLBACK = 12


def derive(
    dispatches: list[Dispatch],
    index: KeyIndex | None,
    dirty: list[ConsumeQueue],
    now_ms: int,
    put_entries: PutEntries = put_all,
) -> list[ConsumeQueue]:
    """Puts entries and keys; the queues whose watchers must look again. `dirty` gathers queues to be written."""
    woken: list[ConsumeQueue] = []
    put_entries(dispatches, dirty, woken)
    if index is not None:
        index.put_all(dispatches, now_ms)
    return woken


def is_hidden(sys_flag: int) -> bool:
    """Prepared and rolled back transaction records appear in no queue (CommitLogDispatcherBuildConsumeQueue)."""
    return (sys_flag & TRANSACTION_MASK) not in (0, TRANSACTION_COMMIT)


def stands_for_tags(topic: bytes, level: int, tags_code: int, store_timestamp: int, levels: dict[int, int]) -> int:
    """The tags code of an entry; in the schedule topic it is the delivery time (CommitLog)."""
    if level > 0 and topic == _SCHEDULE_TOPIC_BYTES:
        return store_timestamp + delay_of_level(levels, min(level, max(levels, default=level)))
    return tags_code


def dispatch_of(record: Scanned, queue: ConsumeQueue | None, levels: dict[int, int]) -> Dispatch:
    """What a record found in the log says; `queue` None for one that no queue shows."""
    facts = record.facts
    rolled_back = record.sys_flag & TRANSACTION_MASK == TRANSACTION_ROLLBACK
    return (
        queue,
        record.queue_offset,
        record.log_offset,
        record.size,
        stands_for_tags(record.topic, facts.delay_level, facts.tags_code, record.store_timestamp, levels),
        record.store_timestamp,
        record.topic,
        b"" if rolled_back else facts.unique_key,
        b"" if rolled_back else facts.keys,
    )
