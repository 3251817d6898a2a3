"""Counters by topic and group, and what they were a minute, an hour and a day ago (StatsItem, BrokerStatsManager).

```
each second       totals of the store: puts, found, missed and transferred reads; kept for 601 seconds
each 10 seconds   every counter, kept for 7 samples: the minute
each 10 minutes   every counter, kept for 7 samples: the hour
each hour         every counter, kept for 25 samples: the day
```
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pocketmq.model.limits import STATISTICS_COUNTERS_MAX

TOPIC_PUT_NUMS = "TOPIC_PUT_NUMS"
TOPIC_PUT_SIZE = "TOPIC_PUT_SIZE"
GROUP_GET_NUMS = "GROUP_GET_NUMS"
GROUP_GET_SIZE = "GROUP_GET_SIZE"
SNDBCK_PUT_NUMS = "SNDBCK_PUT_NUMS"
DLQ_PUT_NUMS = "DLQ_PUT_NUMS"
BROKER_PUT_NUMS = "BROKER_PUT_NUMS"
BROKER_GET_NUMS = "BROKER_GET_NUMS"
BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC = "BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC"
BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC = "BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC"
NAMES = (
    TOPIC_PUT_NUMS,
    TOPIC_PUT_SIZE,
    GROUP_GET_NUMS,
    GROUP_GET_SIZE,
    SNDBCK_PUT_NUMS,
    DLQ_PUT_NUMS,
    BROKER_PUT_NUMS,
    BROKER_GET_NUMS,
    BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC,
    BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC,
)
"""Stats: the names that VIEW_BROKER_STATS_DATA may ask for."""

SECOND_MS = 1_000
DAY_MS = 86_400_000
TOTALS_KEPT = 601
"""StoreStatsService.MAX_RECORDS_OF_SAMPLING and the one before them."""

IDLE_MS_MAX = 2 * DAY_MS
"""A counter that did not move for so long has nothing left to say about a day."""


class Sample(NamedTuple):
    """A counter at one moment."""

    at_ms: int
    times: int
    value: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How a counter moved over a span: the sum, the sum per second, and the sum per time it was counted."""

    sum: int = 0
    tps: float = 0.0
    average: float = 0.0


class Span(NamedTuple):
    """How often one of the three spans is sampled, and how many samples it keeps."""

    period_ms: int
    kept: int


MINUTE = Span(10_000, 7)
HOUR = Span(600_000, 7)
DAY = Span(3_600_000, 25)
SPANS = (MINUTE, HOUR, DAY)


class Counter:
    """A sum that only grows, with its samples per span."""

    __slots__ = ("moved_ms", "samples", "times", "value")

    def __init__(self, now_ms: int) -> None:
        self.value = 0
        self.times = 0
        self.moved_ms = now_ms
        self.samples: dict[Span, deque[Sample]] = {}

    def sample(self, span: Span, now_ms: int) -> None:
        """Remember what the counter says now. The first sample of a span starts it at zero one period earlier."""
        samples = self.samples.get(span)
        if samples is None:
            samples = self.samples[span] = deque([Sample(now_ms - span.period_ms, 0, 0)], maxlen=span.kept)
        elif samples[-1].value != self.value:
            self.moved_ms = now_ms
        samples.append(Sample(now_ms, self.times, self.value))

    def snapshot(self, span: Span) -> Snapshot:
        """How it moved from the oldest to the newest sample of the span."""
        samples = self.samples.get(span)
        if not samples:
            return Snapshot()
        first, last = samples[0], samples[-1]
        total, times = last.value - first.value, last.times - first.times
        elapsed_ms = last.at_ms - first.at_ms
        return Snapshot(
            total, total * 1000 / elapsed_ms if elapsed_ms > 0 else 0.0, total / times if times > 0 else 0.0
        )


class Totals(NamedTuple):
    """What the store did since the start."""

    at_ms: int
    put: int
    found: int
    missed: int
    transferred: int


class Statistics:
    """Every counter of a broker. The node calls `sample` once a second."""

    def __init__(self, cluster_name: str, now_ms: int, day_starts_ms: int = 0) -> None:
        """`day_starts_ms` is when a local day begins, as an offset from the UTC one."""
        self.cluster_name = cluster_name
        self.counters: dict[str, dict[str, Counter]] = {name: {} for name in NAMES}
        self.counters_dropped = 0
        self.put_bytes = self.put_failed = 0
        self.put_total = self.found_total = self.missed_total = self.transferred_total = 0
        self.put_until_yesterday = self.put_until_today = 0
        self.got_until_yesterday = self.got_until_today = 0
        self.totals: deque[Totals] = deque(maxlen=TOTALS_KEPT)
        self._day_starts_ms = day_starts_ms
        self._day = self._day_of(now_ms)
        self._due_ms = dict.fromkeys(SPANS, now_ms)
        self._broker = {name: self._counter(name, cluster_name, now_ms) for name in NAMES if name.startswith("BROKER_")}
        self._now_ms = now_ms
        self._count = len(self._broker)

    def count_put(self, topic: str, size: int, count: int = 1, *, is_system: bool = False) -> None:
        """`count` messages of together `size` log bytes were stored in the topic."""
        self.add(TOPIC_PUT_NUMS, topic, count)
        self.add(TOPIC_PUT_SIZE, topic, size)
        self._broker[BROKER_PUT_NUMS].value += count
        if not is_system:
            self._broker[BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC].value += count
        self.put_total += count
        self.put_bytes += size

    def count_get(self, group: str, topic: str, size: int, count: int, *, is_system: bool = False) -> None:
        """A read found `count` messages of together `size` bytes for the group; none means it missed."""
        if not count:
            self.missed_total += 1
            return
        key = f"{topic}@{group}"
        self.add(GROUP_GET_NUMS, key, count)
        self.add(GROUP_GET_SIZE, key, size)
        self._broker[BROKER_GET_NUMS].value += count
        if not is_system:
            self._broker[BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC].value += count
        self.found_total += 1
        self.transferred_total += count

    def count_send_back(self, group: str, topic: str, *, is_dead_letter: bool) -> None:
        """A consumer of the group returned a message of the topic."""
        self.add(SNDBCK_PUT_NUMS, f"{topic}@{group}", 1)
        if is_dead_letter:
            self.add(DLQ_PUT_NUMS, f"{topic}@{group}", 1)

    def add(self, name: str, key: str, value: int) -> None:
        """Count once, by `value`."""
        counter = self.counters[name].get(key)
        if counter is None:
            if self._count >= STATISTICS_COUNTERS_MAX:
                self.counters_dropped += 1
                return
            self._count += 1
            counter = self._counter(name, key, self._now_ms)
        counter.value += value
        counter.times += 1

    def find(self, name: str, key: str) -> Counter | None:
        """The counter, if it ever counted."""
        return self.counters.get(name, {}).get(key)

    def minute_tps(self, name: str, key: str) -> float:
        """How much a counter grew per second in the last minute; 0 for one that never counted."""
        counter = self.find(name, key)
        return counter.snapshot(MINUTE).tps if counter is not None else 0.0

    @property
    def put_today(self) -> int:
        """Messages stored in topics that are not RocketMQ's own, since the start."""
        return self._broker[BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC].value

    @property
    def got_today(self) -> int:
        """Messages read from topics that are not RocketMQ's own, since the start."""
        return self._broker[BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC].value

    def tps_texts(self) -> dict[str, str]:
        """The five `…Tps` lines of the runtime table: rates over 10, 60 and 600 seconds, blank where not known yet."""
        rates = [self._rates(seconds) for seconds in (10, 60, 600)]
        texts = {
            name: " ".join("" if rate is None else repr(rate[place]) for rate in rates)
            for name, place in (("putTps", 0), ("getFoundTps", 1), ("getMissTps", 2), ("getTransferredTps", 3))
        }
        texts["getTotalTps"] = " ".join("0.0" if rate is None else repr(rate[1] + rate[2]) for rate in rates)
        return texts

    def sample(self, now_ms: int) -> None:
        """Take the samples that are due."""
        self._now_ms = now_ms
        if not self.totals or now_ms - self.totals[-1].at_ms >= SECOND_MS:
            self.totals.append(
                Totals(now_ms, self.put_total, self.found_total, self.missed_total, self.transferred_total)
            )
        for span in SPANS:
            if now_ms >= self._due_ms[span]:
                self._due_ms[span] = now_ms + span.period_ms
                self._sample_span(span, now_ms)
        if self._day_of(now_ms) != self._day:
            self._day = self._day_of(now_ms)
            self.put_until_yesterday, self.put_until_today = self.put_until_today, self.put_today
            self.got_until_yesterday, self.got_until_today = self.got_until_today, self.got_today

    def forget_topic(self, topic: str) -> None:
        """Drop the counters of a deleted topic."""
        self._forget(lambda key: key == topic or key.startswith(f"{topic}@"))

    def forget_group(self, group: str) -> None:
        """Drop the counters of a deleted group."""
        self._forget(lambda key: key.endswith(f"@{group}"))

    def _forget(self, belongs: Callable[[str], bool]) -> None:
        for name, counters in self.counters.items():
            if name.startswith("BROKER_"):
                continue
            for key in [key for key in counters if belongs(key)]:
                del counters[key]
                self._count -= 1

    def _sample_span(self, span: Span, now_ms: int) -> None:
        for name, counters in self.counters.items():
            for key, counter in list(counters.items()):
                counter.sample(span, now_ms)
                if span is DAY and now_ms - counter.moved_ms > IDLE_MS_MAX and not name.startswith("BROKER_"):
                    del counters[key]
                    self._count -= 1

    def _rates(self, seconds: int) -> tuple[float, float, float, float] | None:
        if len(self.totals) <= seconds:
            return None
        last, before = self.totals[-1], self.totals[-1 - seconds]
        elapsed_ms = last.at_ms - before.at_ms
        put, found, missed, transferred = (
            (new - old) / elapsed_ms * 1000 for new, old in zip(last[1:], before[1:], strict=True)
        )
        return put, found, missed, transferred

    def _counter(self, name: str, key: str, now_ms: int) -> Counter:
        counter = self.counters[name][key] = Counter(now_ms)
        return counter

    def _day_of(self, now_ms: int) -> int:
        return (now_ms - self._day_starts_ms) // DAY_MS
