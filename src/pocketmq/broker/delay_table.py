"""How far each delay level has been delivered (ScheduleMessageService, delayOffset.json)."""

from collections import deque
from typing import NamedTuple

from pocketmq.model.data_version import DataVersion
from pocketmq.model.delays import delay_of_level, parse_delay_levels
from pocketmq.protocol.bodies.offsets import DelayOffsetSerializeWrapper


class Move(NamedTuple):
    """A level has been delivered below `offset`, once the log is durable below `log_offset_end`."""

    offset: int
    log_offset_end: int


class DelayTable:
    """The level table and, by level, the offset of the first message not yet delivered.

    What is written to the file waits for the log: an offset that survived a power loss which took the delivered
    message with it would have lost that message. `checked_until` holds, by level, the end of what may have been
    delivered before a crash that kept the message but lost the offset: those are looked up before they are delivered.
    """

    def __init__(self, levels: str, now_ms: int, version_step: int) -> None:
        self.levels = parse_delay_levels(levels)
        self.offsets: dict[int, int] = {}
        self.checked_until: dict[int, int] = {}
        self.version = DataVersion(timestamp=now_ms)
        self.discarded = 0
        self.is_changed = False
        self._durable: dict[int, int] = {}
        self._waiting: dict[int, deque[Move]] = {}
        self._version_step = version_step
        self._moves = 0

    @property
    def level_max(self) -> int:
        """The highest level."""
        return max(self.levels, default=0)

    def delay_ms(self, level: int) -> int:
        """How long a message of the level waits."""
        return delay_of_level(self.levels, level)

    def place(self, level: int, offset: int) -> None:
        """The level goes on at `offset`, which needs nothing to become durable."""
        self.is_changed = True
        self.offsets[level] = self._durable[level] = offset
        self._waiting.pop(level, None)

    def move(self, level: int, move: Move, now_ms: int) -> None:
        """The level has been delivered further."""
        self.is_changed = True
        self.offsets[level] = move.offset
        waiting = self._waiting.setdefault(level, deque())
        if waiting and waiting[-1].log_offset_end >= move.log_offset_end:
            waiting[-1] = Move(move.offset, waiting[-1].log_offset_end)
        else:
            waiting.append(move)
        self._moves += 1
        if self._moves % self._version_step == 0:
            self.version = self.version.next(now_ms)

    def settle(self, log_offset: int) -> None:
        """The log is durable below `log_offset`."""
        for level, waiting in self._waiting.items():
            while waiting and waiting[0].log_offset_end <= log_offset:
                self._durable[level] = waiting.popleft().offset

    def encode_durable(self) -> bytes:
        """The content of delayOffset.json; `is_changed` is false if nothing waits for the log any more."""
        self.is_changed = any(self._waiting.values())
        return self._wrapper(self._durable).encode(pretty=True)

    def encode(self) -> bytes:
        """The answer to GET_ALL_DELAY_OFFSET."""
        return self._wrapper(self.offsets).encode()

    def load(self, content: bytes) -> None:
        """Take over the content of delayOffset.json."""
        wrapper = DelayOffsetSerializeWrapper.decode(content)
        for level, offset in wrapper.offset_table.items():
            self.place(level, offset)
        if wrapper.data_version is not None:
            self.version = wrapper.data_version

    def _wrapper(self, offsets: dict[int, int]) -> DelayOffsetSerializeWrapper:
        return DelayOffsetSerializeWrapper(offset_table=dict(sorted(offsets.items())), data_version=self.version)
