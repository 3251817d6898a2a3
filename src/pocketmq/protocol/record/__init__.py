"""Log records: how a message lies in the commit log and travels to consumers. Big endian.

    0 total size 4      4 magic 4             8 body CRC 4          12 queue id 4        16 flag 4
    20 queue offset 8   28 log offset 8       36 system flag 4      40 born time 8       48 born host 8 | 20
    .. store time 8     .. store host 8 | 20  .. reconsume times 4  .. prepared transaction offset 8
    .. body length 4, body                    .. topic length 1 (V1) | 2 (V2), topic     .. properties length 2 + text

A host is its address bytes and a 4-byte port; bits of the system flag say which hosts are IPv6. V2 is chosen for topics
over 127 bytes. A file ends in a blank: 4 bytes of length, 4 of magic, the rest unused. The CRC covers the body alone.

`facts` knows the properties, `laying` writes, `scanning` reads what stands in a log, `sealing` adds a checksum of
the whole record.
Sources: MessageExtEncoder, MessageDecoder, CommitLog#checkMessageAndReturnSize, MessageVersion.
"""

from pocketmq.protocol.record.facts import Facts, examine, tags_code
from pocketmq.protocol.record.laying import BLANK_BYTES_MIN, MAGIC_START, NewMessage, blank, lay, size_of
from pocketmq.protocol.record.scanning import MESSAGES_PER_RECORD_MAX, NoRecord, Scanned, inner_count, scan

__all__ = [
    "BLANK_BYTES_MIN",
    "MAGIC_START",
    "MESSAGES_PER_RECORD_MAX",
    "Facts",
    "NewMessage",
    "NoRecord",
    "Scanned",
    "blank",
    "examine",
    "inner_count",
    "lay",
    "scan",
    "size_of",
    "tags_code",
]
