"""The one log that everything else is derived from: records of all topics, one behind the other.

`log` holds the records, `batches` takes a batch apart into records, `cutting` finds records in what was read.
"""

from pocketmq.store.commit_log.batches import append_batch
from pocketmq.store.commit_log.cutting import is_sound
from pocketmq.store.commit_log.log import LOG_FOLDER, CommitLog, Dispatch, illegal_size

__all__ = ["LOG_FOLDER", "CommitLog", "Dispatch", "append_batch", "illegal_size", "is_sound"]
