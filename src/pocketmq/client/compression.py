"""Which bodies leave compressed, and how any body is restored."""

from pocketmq.client.errors import UnreadableBody
from pocketmq.model.errors import PocketMQError
from pocketmq.model.flags import COMPRESSED, CompressionType, compression_type
from pocketmq.protocol.compression import compress, decompress

ZLIB_FLAG = COMPRESSED | CompressionType.ZLIB.flag


def packed(body: bytes) -> tuple[bytes, int]:
    """The compressed body and the system flag that says so; the body as it is and 0 if that is no longer."""
    smaller = compress(body, CompressionType.ZLIB)
    return (smaller, ZLIB_FLAG) if len(smaller) < len(body) else (body, 0)


def restored(body: bytes, sys_flag: int) -> bytes:
    """The body as its producer gave it. Raises UnreadableBody: broken, beyond the bound, or a library is missing."""
    if not sys_flag & COMPRESSED:
        return body
    try:
        return decompress(body, compression_type(sys_flag))
    except (PocketMQError, ValueError) as error:
        raise UnreadableBody(str(error)) from error
