# The C types behind batches.py.

from pocketmq.protocol.frame.send_header cimport SendHeader
from pocketmq.protocol.record.facts cimport Facts, examine
from pocketmq.protocol.record.laying cimport size_of
from pocketmq.store.commit_log.log cimport CommitLog
from pocketmq.store.consume_queue cimport ConsumeQueue
