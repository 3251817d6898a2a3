"""How much each group reads that lies far behind, and which of them have to wait (ColdDataCgCtrService).

Bytes are counted in windows of five seconds. A group over its threshold, or any group that reads far behind while all
together are over theirs, waits for the next window. Thresholds set over the network are forgotten by a restart, as in
Java; there is no strategy that adapts them.
"""

from dataclasses import dataclass

from pocketmq.model import names
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import GROUPS_PER_BROKER_MAX
from pocketmq.protocol.codes import ResponseCode

WINDOW_MS = 5_000
"""ColdDataCgCtrService#run while the control is on."""

KEPT_MS = 60_000
"""ColdDataCgCtrService.cgColdAccResideTimeoutMills: a group that reads nothing old for so long is forgotten."""


@dataclass(slots=True)
class ColdReader:
    """A group that reads far behind: bytes in this window, and when it was first and last seen doing so."""

    read_bytes: int
    first_ms: int
    last_ms: int


class ColdReads:
    """Off unless `coldDataFlowControlEnable` is set; `is_on` is all that a broker without it asks."""

    def __init__(self, settings: BrokerSettings, now_ms: int) -> None:
        self.readers: dict[str, ColdReader] = {}
        self.thresholds: dict[str, int] = {}
        self.read_bytes = 0
        self._settings = settings
        self._window_ms = now_ms

    @property
    def is_on(self) -> bool:
        """Whether anything is counted."""
        return self._settings.cold_data_flow_control_enable

    def is_far_behind(self, log_offset: int, log_offset_end: int, memory_bytes: int) -> bool:
        """Memory is not expected to hold what lies at this log offset (checkInColdAreaByCommitOffset)."""
        return log_offset_end - log_offset > memory_bytes * self._settings.access_message_in_memory_hot_ratio // 100

    def wait_ms(self, group: str, now_ms: int) -> int:
        """How long the group has to wait before it reads anything far behind."""
        self._turn_window(now_ms)
        reader = self.readers.get(group)
        if reader is None or names.is_system_group(group):
            return 0
        is_over = reader.read_bytes >= self.threshold_of(group)
        if is_over or self.read_bytes >= self._settings.global_cold_read_threshold:
            return self._window_ms + WINDOW_MS - now_ms
        return 0

    def note(self, group: str, size: int, now_ms: int) -> None:
        """The group has read this many bytes that lay far behind."""
        self._turn_window(now_ms)
        self.read_bytes += size
        reader = self.readers.get(group)
        if reader is None:
            if len(self.readers) >= GROUPS_PER_BROKER_MAX:
                return
            reader = self.readers[group] = ColdReader(0, now_ms, now_ms)
        reader.read_bytes += size
        reader.last_ms = now_ms

    def threshold_of(self, group: str) -> int:
        """Bytes that the group may read in a window."""
        return self.thresholds.get(group, self._settings.cg_cold_read_threshold)

    def set_threshold(self, group: str, threshold: int) -> None:
        """The group's own threshold from now on; Refusal SYSTEM_ERROR if there are too many of them."""
        if group not in self.thresholds and len(self.thresholds) >= GROUPS_PER_BROKER_MAX:
            raise Refusal(ResponseCode.SYSTEM_ERROR, f"{GROUPS_PER_BROKER_MAX} groups have thresholds: remove some")
        self.thresholds[group] = threshold

    def _turn_window(self, now_ms: int) -> None:
        if 0 <= now_ms - self._window_ms < WINDOW_MS:
            return
        self._window_ms = now_ms
        self.read_bytes = 0
        for group, reader in list(self.readers.items()):
            reader.read_bytes = 0
            if now_ms >= reader.last_ms + KEPT_MS:
                del self.readers[group]
