"""The receiving half of a connection, sans-IO: bytes in, in pieces of any size; whole commands out."""

from pocketmq.model.errors import ProtocolError
from pocketmq.model.limits import FRAME_BYTES_MAX
from pocketmq.protocol.frame import Command, split


class Connection:
    """Keeps the beginning of a frame whose end has not come yet; never more than one frame."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 0

    @property
    def unread_bytes(self) -> int:
        """Bytes of the frame that is still incomplete."""
        return self._have

    def feed(self, data: bytes) -> list[Command]:
        """The commands that `data` completes. Raises ProtocolError; the connection is then of no further use."""
        commands: list[Command] = []
        if self._have:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return commands
            data = b"".join(self._parts)
        taken = split(data, commands)
        left = len(data) - taken
        if left:
            self._keep(data[taken:] if taken else data, left)
        elif self._have:
            self._keep(b"", 0)
        return commands

    def _keep(self, rest: bytes, size: int) -> None:
        self._parts = [rest] if size else []
        self._have = size
        self._need = 4
        if size >= 4:
            length = int.from_bytes(rest[:4], "big", signed=True)
            if not 0 <= length <= FRAME_BYTES_MAX:
                raise ProtocolError(f"frame length {length} is outside 4..{FRAME_BYTES_MAX} bytes")
            self._need = 4 + length
