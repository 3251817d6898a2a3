"""What a read that may not wait finds, as bytes."""

from pocketmq.store.disk import File
from pocketmq.store.segments import Segments


def nowait(source: File | Segments, offset: int, size: int) -> bytes | None:
    """Up to `size` bytes from `offset`; None where a thread must read them."""
    buffer = bytearray(size)
    count = source.readinto_nowait(memoryview(buffer), offset)
    return None if count is None else bytes(buffer[:count])
