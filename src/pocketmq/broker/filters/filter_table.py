"""What each group filters each topic by, as its heartbeats said, kept beyond the group's absence (consumerFilter.json).

    heartbeat ─▶ born ─▶ dead, when no consumer of the group is there ─▶ forgotten after filterDataCleanTimeSpan
                  ▲────────────── alive again ◀──┘

A subscription's version says which of two expressions is newer: it is the time at which a client subscribed. Source:
ConsumerFilterManager.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from pocketmq.broker.filters.bloom import BloomFilter
from pocketmq.broker.filters.matching import Filter, filter_for
from pocketmq.broker.filters.words import FilterFault
from pocketmq.model.limits import FILTER_CHARS_PER_HEARTBEAT_MAX, FILTER_TABLE_CHARS_MAX
from pocketmq.model.subscription import BloomBits, SubscriptionData, is_tag_type
from pocketmq.protocol.bodies.filters import ConsumerFilterData, ConsumerFilterWrapper, FilterDataMapByTopic

_SEEN_BEFORE_BOOT_MS = 30_000
"""ConsumerFilterManager#decode: consumers of the file count as gone since that long before the start."""


class Registered(NamedTuple):
    """What a group said, the filter that came of it, and the bits that stand for it in bit maps of that many bytes."""

    said: ConsumerFilterData
    filter: Filter
    bits: int
    bit_map_bytes: int


class FilterTable:
    """By topic and group. `is_changed`: the file does not say so yet."""

    def __init__(self, boot_ms: int, bloom: BloomFilter | None = None) -> None:
        self.is_changed = False
        self._boot_ms = boot_ms
        self._bloom = bloom or BloomFilter()
        self._by_topic: dict[str, dict[str, Registered]] = {}
        self._topics_of: dict[str, set[str]] = {}
        self._chars = 0

    def __len__(self) -> int:
        return sum(map(len, self._by_topic.values()))

    def find(self, topic: str, group: str) -> Registered | None:
        """What the group filters the topic by."""
        return self._by_topic.get(topic, {}).get(group)

    @property
    def bit_map_bytes(self) -> int:
        """The size of a message's bit map."""
        return self._bloom.bits // 8

    def of_topic(self, topic: str) -> Collection[Registered]:
        """What all groups filter the topic by, those that are dead among them."""
        return self._by_topic.get(topic, {}).values()

    def register(self, group: str, subscriptions: Iterable[SubscriptionData], now_ms: int) -> None:
        """A heartbeat's subscriptions, all of them: topics that are not among them are dead."""
        topics = set()
        chars_left = FILTER_CHARS_PER_HEARTBEAT_MAX
        for wanted in subscriptions:
            topics.add(wanted.topic)
            if is_tag_type(wanted.expression_type) or not wanted.sub_string or self._is_known(group, wanted):
                continue
            chars_left -= len(wanted.sub_string)
            if chars_left >= 0:
                self._replace_by(group, wanted, now_ms)
        for topic in self._topics_of.get(group, set()) - topics:
            self._died(topic, group, now_ms)

    def groups_alive(self) -> list[str]:
        """Groups that have an expression which is not dead."""
        return [
            group
            for group, topics in self._topics_of.items()
            if any(not self._by_topic[topic][group].said.is_dead for topic in topics)
        ]

    def unregister(self, group: str, now_ms: int) -> None:
        """The group's last consumer is gone."""
        for topic in self._topics_of.get(group, ()):
            self._died(topic, group, now_ms)

    def forget_dead(self, now_ms: int, kept_ms: int) -> None:
        """Forgets what has been dead for `kept_ms`."""
        for group, topics in list(self._topics_of.items()):
            for topic in sorted(topics):
                said = self._by_topic[topic][group].said
                if said.is_dead and now_ms - said.dead_time >= kept_ms:
                    self._remove(topic, group)

    def encode(self) -> bytes:
        """The content of consumerFilter.json."""
        self.is_changed = False
        by_topic = {
            topic: FilterDataMapByTopic(topic, {group: row.said for group, row in rows.items()})
            for topic, rows in self._by_topic.items()
        }
        return ConsumerFilterWrapper(by_topic).encode(pretty=True)

    def load(self, content: bytes) -> None:
        """Take over the content of consumerFilter.json; what can no longer be read as an expression is left out.

        Where other bits stood for a group when the file was written, older bit maps say nothing: it is born anew.
        """
        for by_topic in ConsumerFilterWrapper.decode(content).filter_data_by_topic.values():
            for said in by_topic.group_filter_data.values():
                bits = self._bits(said.topic, said.consumer_group)
                if said.bloom_filter_data is None or _other(said.bloom_filter_data, bits):
                    born = max(self._boot_ms, said.born_time)
                    said = replace(said, born_time=born, dead_time=born, bloom_filter_data=bits)
                if said.dead_time == 0:
                    said = replace(said, dead_time=max(self._boot_ms - _SEEN_BEFORE_BOOT_MS, said.born_time))
                self._put(said)

    def _is_known(self, group: str, wanted: SubscriptionData) -> bool:
        """Whether nothing new is to be read: the expression is the known one, or older than it."""
        known = self.find(wanted.topic, group)
        if known is None:
            return False
        is_same = (known.said.expression, known.said.expression_type) == (wanted.sub_string, wanted.expression_type)
        if wanted.sub_version > known.said.client_version and is_same:
            self._replace(known, replace(known.said, client_version=wanted.sub_version, dead_time=0))
        elif wanted.sub_version == known.said.client_version and known.said.is_dead:
            self._replace(known, replace(known.said, dead_time=0))
        return is_same or wanted.sub_version <= known.said.client_version

    def _replace_by(self, group: str, wanted: SubscriptionData, now_ms: int) -> None:
        if self.find(wanted.topic, group) is not None:
            self._remove(wanted.topic, group)
        self._put(
            ConsumerFilterData(
                consumer_group=group,
                topic=wanted.topic,
                expression=wanted.sub_string,
                expression_type=wanted.expression_type,
                born_time=now_ms,
                client_version=wanted.sub_version,
                bloom_filter_data=self._bits(wanted.topic, group),
            )
        )

    def _bits(self, topic: str, group: str) -> BloomBits:
        return BloomBits(self._bloom.bits, self._bloom.positions(f"{group}#{topic}"))

    def _put(self, said: ConsumerFilterData) -> None:
        """Unless it is no expression, or there is no room: pulls are then told that there is none (code 27)."""
        if self._chars + _chars_of(said) > FILTER_TABLE_CHARS_MAX:
            return
        try:
            compiled = filter_for(said.expression_type, said.expression)
        except FilterFault:
            return
        positions = said.bloom_filter_data.bit_pos if said.bloom_filter_data is not None else ()
        bits = sum(1 << position for position in set(positions))
        row = Registered(said, compiled, bits, self.bit_map_bytes)
        self._by_topic.setdefault(said.topic, {})[said.consumer_group] = row
        self._topics_of.setdefault(said.consumer_group, set()).add(said.topic)
        self._chars += _chars_of(said)
        self.is_changed = True

    def _replace(self, known: Registered, said: ConsumerFilterData) -> None:
        self._by_topic[said.topic][said.consumer_group] = known._replace(said=said)
        self.is_changed = True

    def _died(self, topic: str, group: str, now_ms: int) -> None:
        known = self._by_topic[topic][group]
        if not known.said.is_dead:
            self._replace(known, replace(known.said, dead_time=now_ms))

    def _remove(self, topic: str, group: str) -> None:
        self._chars -= _chars_of(self._by_topic[topic].pop(group).said)
        if not self._by_topic[topic]:
            del self._by_topic[topic]
        self._topics_of[group].discard(topic)
        if not self._topics_of[group]:
            del self._topics_of[group]
        self.is_changed = True


def _other(one: BloomBits, another: BloomBits) -> bool:
    return (one.bit_num, tuple(one.bit_pos)) != (another.bit_num, tuple(another.bit_pos))


def _chars_of(said: ConsumerFilterData) -> int:
    return len(said.topic) + len(said.consumer_group) + len(said.expression)
