"""The commit log of `enabledAppendPropCRC`: each record ends in a checksum of all that stands before it.

    record = all its fields … properties, then   __CRC32# \\x01 dddddddddd \\x02      20 bytes, part of the properties

The ten digits are the CRC-32 of the record without these bytes, the top bit cleared, lowest digit first. It covers what
the body's CRC leaves open: topic, queue, offsets, times and properties. The store makes this log instead of the plain
one when it opens, so that who does not ask for it does not pay. Sources: CommitLog.CRC32_RESERVED_LEN,
MessageExtEncoder, MessageDecoder#createCrc32, CommitLog#checkMessageAndReturnSize.
"""

from pocketmq.model.properties import CRC32
from pocketmq.protocol.checksums import crc32_positive, crc_property
from pocketmq.protocol.record import BLANK_BYTES_MIN, Facts, lay
from pocketmq.store.commit_log import CommitLog
from pocketmq.store.consume_queue import ConsumeQueue

RESERVED_BYTES = len(crc_property(0))
"""CommitLog.CRC32_RESERVED_LEN."""

_START = f"{CRC32}\x01".encode()
_SEPARATOR = b"\x02"
_TRANSACTION_MASK = 12
_TRANSACTION_COMMIT = 8


class ChecksummedLog(CommitLog):
    """Appends as `CommitLog` does, and refuses what 20 bytes more make too long."""

    _reserved = RESERVED_BYTES

    def append(
        self,
        queue: ConsumeQueue,
        facts: Facts,
        body: bytes,
        properties: bytes,
        flag: int,
        sys_flag: int,
        born_timestamp: int,
        born_host: bytes,
        store_host: bytes,
        reconsume_times: int,
        prepared_transaction_offset: int,
        tags_code: int,
        now_ms: int,
    ) -> int:
        """As `CommitLog.append`: the record is laid twice, for its checksum must be known before it is kept."""
        properties = without_checksum(properties)
        now_ms = max(now_ms, self.last_store_timestamp)
        hidden = sys_flag & _TRANSACTION_MASK not in (0, _TRANSACTION_COMMIT)
        draft = bytearray()
        size = lay(
            draft,
            0,
            queue.topic_bytes,
            queue.queue_id,
            flag,
            0 if hidden else queue.next_offset,
            0,
            sys_flag,
            born_timestamp,
            born_host,
            now_ms,
            store_host,
            reconsume_times,
            prepared_transaction_offset,
            body,
            properties + crc_property(0),
        )
        self._reserved = 0
        try:
            self.check(size, len(body), len(properties) + RESERVED_BYTES)
            draft[28:36] = self._place_of(size).to_bytes(8, "big")
            return super().append(
                queue,
                facts,
                body,
                properties + crc_property(crc32_positive(bytes(draft[: size - RESERVED_BYTES]))),
                flag,
                sys_flag,
                born_timestamp,
                born_host,
                store_host,
                reconsume_times,
                prepared_transaction_offset,
                tags_code,
                now_ms,
            )
        finally:
            self._reserved = RESERVED_BYTES

    def check(self, size: int, body_bytes: int, properties_bytes: int) -> None:
        """As `CommitLog.check`, for a record that is yet to get its checksum."""
        super().check(size + self._reserved, body_bytes, properties_bytes + self._reserved)

    def _place_of(self, size: int) -> int:
        """The log offset that a record of this size gets."""
        room = self.segments.segment_size - self.end % self.segments.segment_size
        return self.end + room if size + BLANK_BYTES_MIN > room else self.end


def without_checksum(properties: bytes) -> bytes:
    """The properties without a checksum they may have brought along, ready to be continued."""
    if _START in properties:
        properties = b"".join(
            pair + _SEPARATOR for pair in properties.split(_SEPARATOR) if pair and not pair.startswith(_START)
        )
    return properties if not properties or properties.endswith(_SEPARATOR) else properties + _SEPARATOR


def checksum_fault(record: bytes) -> str:
    """Why the record is not what it was when it got its checksum; "" if it is, or never had one."""
    tail = record[-RESERVED_BYTES:]
    if not tail.startswith(_START):
        return ""
    expected = crc_property(crc32_positive(record[:-RESERVED_BYTES]))
    return "" if tail == expected else "properties CRC"
