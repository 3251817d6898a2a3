"""How far consumer groups have come (ConsumerOffsetManager, consumerOffset.json).

A commit says where a group goes on; it may also go back, which is how clients and tools reset. A reset made in the
broker stands in the way of commits until the consumer of that queue has been told (`take_reset`): a commit that was
under way would undo it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from pocketmq.model.data_version import DataVersion
from pocketmq.protocol.bodies.codec import from_json, to_json
from pocketmq.protocol.fastjson import dumps, loads_object

SEPARATOR = "@"
"""ConsumerOffsetManager.TOPIC_GROUP_SEPARATOR."""

BROADCAST_SUFFIX = "@broadcast"
"""BroadcastOffsetManager#broadcastGroupId: behind a group's name in the key of its hindmost broadcasting member."""

NOT_FOUND = -1

Table = dict[str, dict[int, int]]


class OffsetTable:
    """Committed, pulled and reset offsets by `topic@group` and queue id."""

    def __init__(self, now_ms: int, version_step: int) -> None:
        self.committed: Table = {}
        self.pulled: Table = {}
        self.resets: Table = {}
        self.version = DataVersion(timestamp=now_ms)
        self.is_changed = False
        self._version_step = version_step
        self._commits = 0

    def find(self, group: str, topic: str, queue_id: int) -> int:
        """Where the group goes on: a reset that its consumer does not know yet, else its last commit, else -1."""
        key = f"{topic}@{group}"
        reset = self.resets.get(key, {}).get(queue_id)
        return self.committed.get(key, {}).get(queue_id, NOT_FOUND) if reset is None else reset

    def find_pulled(self, group: str, topic: str, queue_id: int) -> int:
        """How far the group has pulled; its commit where that is not known."""
        pulled = self.pulled.get(f"{topic}@{group}", {}).get(queue_id)
        return self.find(group, topic, queue_id) if pulled is None else pulled

    def commit(self, group: str, topic: str, queue_id: int, offset: int, now_ms: int) -> bool:
        """The group goes on at `offset`; false, and nothing changes, while a reset waits for its consumer."""
        key = f"{topic}@{group}"
        if queue_id in self.resets.get(key, ()):
            return False
        self.committed.setdefault(key, {})[queue_id] = offset
        self._count(now_ms)
        return True

    def advance(self, group: str, topic: str, queue_id: int, offset: int, now_ms: int) -> bool:
        """Like `commit`, for what comes along with a pull: an offset behind the committed one is stale and ignored."""
        if offset < self.committed.get(f"{topic}@{group}", {}).get(queue_id, NOT_FOUND):
            return False
        return self.commit(group, topic, queue_id, offset, now_ms)

    def note_pulled(self, group: str, topic: str, queue_id: int, offset: int) -> None:
        """The group has pulled up to `offset`."""
        self.is_changed = True
        self.pulled.setdefault(f"{topic}@{group}", {})[queue_id] = offset

    def reset(self, group: str, topic: str, queue_id: int, offset: int, now_ms: int) -> None:
        """An administrator moves the group; commits wait until `take_reset`."""
        key = f"{topic}@{group}"
        self.resets.setdefault(key, {})[queue_id] = offset
        self.committed.setdefault(key, {})[queue_id] = offset
        self.pulled.get(key, {}).pop(queue_id, None)
        self._count(now_ms)

    def take_reset(self, group: str, topic: str, queue_id: int) -> int | None:
        """The offset a reset asks for, once: the answer to the next pull carries it to the consumer."""
        key = f"{topic}@{group}"
        waiting = self.resets.get(key)
        if waiting is None:
            return None
        offset = waiting.pop(queue_id, None)
        if not waiting:
            del self.resets[key]
        return offset

    def clone(self, source: str, target: str, topic: str, now_ms: int) -> None:
        """The target group goes on in the topic where the source group does."""
        offsets = self.committed.get(f"{topic}@{source}")
        if offsets is not None:
            self.committed[f"{topic}@{target}"] = dict(offsets)
            self._count(now_ms)

    def of_group(self, group: str, topic: str) -> Mapping[int, int]:
        """The group's commits in the topic by queue id."""
        return self.committed.get(f"{topic}@{group}", {})

    def least(self, topic: str, without: Collection[str], first: Callable[[int], int]) -> dict[int, int]:
        """By queue id the smallest commit of all groups but those `without`; those behind its `first` do not count."""
        least: dict[int, int] = {}
        for group in self.groups_of(topic).difference(without):
            for queue_id, offset in self.of_group(group, topic).items():
                if offset >= first(queue_id):
                    least[queue_id] = min(offset, least.get(queue_id, offset))
        return least

    def topics_of(self, group: str) -> set[str]:
        """Topics in which the group has committed."""
        return {topic for topic, owner in self._pairs(self.committed) if owner == group}

    def groups_of(self, topic: str) -> set[str]:
        """Groups that have committed in the topic."""
        return {group for name, group in self._pairs(self.committed) if name == topic}

    def forget_group(self, group: str) -> None:
        """Drop all that is known of a deleted group."""
        self._forget(None, group)

    def forget_topic(self, topic: str) -> None:
        """Drop all that is known of a deleted topic."""
        self._forget(topic, None)

    def encode(self) -> bytes:
        """The content of consumerOffset.json; `is_changed` is false until the next change."""
        self.is_changed = False
        return dumps(self._value(), pretty=True)

    def encode_compact(self) -> bytes:
        """The answer to GET_ALL_CONSUMER_OFFSET."""
        return dumps(self._value())

    def load(self, content: bytes) -> None:
        """Take over the content of consumerOffset.json."""
        value = loads_object(content)
        self.committed = _table(value.get("offsetTable"))
        self.pulled = _table(value.get("pullOffsetTable"))
        if isinstance(version := value.get("dataVersion"), dict):
            self.version = from_json(DataVersion, version)

    def _value(self) -> dict[str, object]:
        topics: defaultdict[str, list[str]] = defaultdict(list)
        for topic, group in self._pairs(self.committed):
            topics[group].append(topic)
        return {
            "dataVersion": to_json(self.version),
            "groupTopicMap": topics,
            "offsetTable": self.committed,
            "pullOffsetTable": self.pulled,
        }

    def _forget(self, topic: str | None, group: str | None) -> None:
        self.is_changed = True
        for table in (self.committed, self.pulled, self.resets):
            for key in list(table):
                name, _, owner = key.partition(SEPARATOR)
                if topic in (None, name) and group in (None, owner.removesuffix(BROADCAST_SUFFIX)):
                    del table[key]

    def _pairs(self, table: Table) -> Iterable[tuple[str, str]]:
        for key in table:
            topic, _, group = key.partition(SEPARATOR)
            if SEPARATOR not in group:
                yield topic, group

    def _count(self, now_ms: int) -> None:
        self.is_changed = True
        self._commits += 1
        if self._commits % self._version_step == 0:
            self.version = self.version.next(now_ms)


def _table(value: object) -> Table:
    """Offsets as the file holds them; whatever is no offset is left out."""
    table: Table = {}
    for key, offsets in value.items() if isinstance(value, dict) else ():
        if (
            isinstance(key, str)
            and isinstance(offsets, dict)
            and key.removesuffix(BROADCAST_SUFFIX).count(SEPARATOR) == 1
        ):
            table[key] = {
                int(queue_id): offset
                for queue_id, offset in offsets.items()
                if str(queue_id).isdecimal() and isinstance(offset, int)
            }
    return table
