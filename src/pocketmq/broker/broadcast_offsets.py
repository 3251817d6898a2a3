"""Where the members of broadcasting groups are, for when they come by another way (BroadcastOffsetManager).

Each member gets every message and keeps its own offsets; a proxy in between has no disk to keep them on. It asks from
-1, and is told where the member goes on:

    its own last place here ─▶ else the place of the group's hindmost member ─▶ else the start or the end of the queue

So is a member that had a proxy and now has none, or the other way round. The hindmost member's place is committed for
`group@broadcast` from time to time; what the members do in between is forgotten with the process.
"""

from dataclasses import dataclass, field

from pocketmq.broker.offset_table import BROADCAST_SUFFIX, OffsetTable
from pocketmq.broker.session_table import SessionTable
from pocketmq.model.limits import BROADCAST_MEMBERS_MAX
from pocketmq.model.settings import LONG_MAX

PROXY_FOR_BROADCAST = 1
"""RequestSource."""


@dataclass(slots=True)
class Member:
    """One client: whether it last came by a proxy, when, and from where in which queue."""

    is_proxied: bool
    seen_ms: int
    places: dict[int, int] = field(default_factory=dict)


class BroadcastOffsets:
    """Members by topic and group, and by client id."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], dict[str, Member]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def note(
        self, topic: str, group: str, queue_id: int, offset: int, client_id: str, *, is_proxied: bool, now_ms: int
    ) -> None:
        """The member pulls from here; its places only move forward. Members beyond BROADCAST_MEMBERS_MAX go unnoted."""
        member = self._member(topic, group, client_id, is_proxied, now_ms)
        member.seen_ms = now_ms
        member.is_proxied = is_proxied
        member.places[queue_id] = max(offset, member.places.get(queue_id, offset))

    def wants_start(
        self, topic: str, group: str, queue_id: int, offset: int, client_id: str, *, is_proxied: bool, now_ms: int
    ) -> tuple[bool, int | None]:
        """Whether the member that pulls from `offset` must be told where to go on, and its own last place if known."""
        if (topic, group) not in self._members:
            return is_proxied and offset < 0, None
        member = self._member(topic, group, client_id, is_proxied, now_ms)
        asks = member.is_proxied and offset < 0
        return asks or member.is_proxied != is_proxied, member.places.get(queue_id)

    def settle(
        self, sessions: SessionTable, offsets: OffsetTable, *, expire_ms: int, expire_max_ms: int, now_ms: int
    ) -> None:
        """Commit the place of each group's hindmost member, and forget members that have not pulled for long."""
        for (topic, group), members in list(self._members.items()):
            hindmost: dict[int, int] = {}
            for client_id, member in list(members.items()):
                is_connected = sessions.find_consumer(group, client_id) is not None
                silent_ms = now_ms - member.seen_ms
                if is_connected or silent_ms < expire_ms:
                    for queue_id, place in member.places.items():
                        hindmost[queue_id] = min(place, hindmost.get(queue_id, LONG_MAX))
                if silent_ms >= (expire_max_ms if is_connected else expire_ms):
                    del members[client_id]
                    self._count -= 1
            if not members:
                del self._members[topic, group]
            for queue_id, place in hindmost.items():
                if offsets.find(group + BROADCAST_SUFFIX, topic, queue_id) != place:
                    offsets.commit(group + BROADCAST_SUFFIX, topic, queue_id, place, now_ms)

    def _member(self, topic: str, group: str, client_id: str, is_proxied: bool, now_ms: int) -> Member:
        known = self._members.get((topic, group), {}).get(client_id)
        if known is not None:
            return known
        member = Member(is_proxied, now_ms)
        if self._count < BROADCAST_MEMBERS_MAX:
            self._members.setdefault((topic, group), {})[client_id] = member
            self._count += 1
        return member
