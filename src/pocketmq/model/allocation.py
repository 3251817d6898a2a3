"""How the queues of a topic are shared out among the members of a group: the strategies of RocketMQ's clients.

Every member computes the whole and takes its own part, so all must sort alike: queues by topic, broker name and queue
id, members by client id. `me` is the member's own client id; one that is not among the members gets nothing. Where
Java's classes throw because there are no queues, nobody gets any.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence

from pocketmq.model.java import java_long_hash, java_remainder, java_string_hash
from pocketmq.model.queue import MessageQueue

Strategy = Callable[[str, Sequence[MessageQueue], Sequence[str]], list[MessageQueue]]

VIRTUAL_NODES = 10
"""AllocateMessageQueueConsistentHash: places on the ring for each member."""

ROOM_SEPARATOR = "@"
"""AllocateMessageQueueByMachineRoom: `room@broker`."""


def allocate_averagely(me: str, queues: Sequence[MessageQueue], members: Sequence[str]) -> list[MessageQueue]:
    """Neighbouring queues for each, the first members one more if they do not divide (AVG)."""
    if me not in members:
        return []
    index = members.index(me)
    share, rest = divmod(len(queues), len(members))
    start = index * share + min(index, rest)
    return list(queues[start : start + share + (index < rest)])


def allocate_by_circle(me: str, queues: Sequence[MessageQueue], members: Sequence[str]) -> list[MessageQueue]:
    """Every n-th queue, as cards are dealt (AVG_BY_CIRCLE)."""
    return list(queues[members.index(me) :: len(members)]) if me in members else []


def allocate_by_machine_room(
    me: str, queues: Sequence[MessageQueue], members: Sequence[str], *, rooms: Collection[str]
) -> list[MessageQueue]:
    """Only queues of brokers in these rooms: a block for each, then the rest one by one (MACHINE_ROOM)."""
    if me not in members:
        return []
    near = [queue for queue in queues if _room_of_broker(queue) in rooms]
    index = members.index(me)
    share, rest = divmod(len(near), len(members))
    own = near[share * index : share * (index + 1)]
    return [*own, near[share * len(members) + index]] if index < rest else own


def allocate_nearby(
    me: str,
    queues: Sequence[MessageQueue],
    members: Sequence[str],
    *,
    room_of_queue: Callable[[MessageQueue], str],
    room_of_member: Callable[[str], str],
    strategy: Strategy = allocate_averagely,
) -> list[MessageQueue]:
    """Queues for members of the same room; those of a room without members for all (MACHINE_ROOM_NEARBY)."""
    if me not in members:
        return []
    rooms_of_members = {member: room_of_member(member) for member in members}
    queues_by_room: dict[str, list[MessageQueue]] = {}
    for queue in queues:
        queues_by_room.setdefault(room_of_queue(queue), []).append(queue)
    own_room = rooms_of_members[me]
    neighbours = [member for member in members if rooms_of_members[member] == own_room]
    near = queues_by_room.pop(own_room, [])
    mine = strategy(me, near, neighbours) if near else []
    for room in sorted(queues_by_room):
        if room not in rooms_of_members.values():
            mine += strategy(me, queues_by_room[room], members)
    return mine


def allocate_by_consistent_hash(
    me: str, queues: Sequence[MessageQueue], members: Sequence[str], *, virtual_nodes: int = VIRTUAL_NODES
) -> list[MessageQueue]:
    """The next member on a ring of MD5 hashes: few queues move when a member comes or goes (CONSISTENT_HASH)."""
    ring = {_ring_place(f"{member}-{index}"): member for member in members for index in range(virtual_nodes)}
    places = sorted(ring)
    if me not in members or not places:
        return []
    return [queue for queue in queues if ring[places[bisect_left(places, _place_of(queue)) % len(places)]] == me]


def allocate_by_config(configured: Sequence[MessageQueue]) -> Strategy:
    """The strategy that gives every member the same configured queues (CONFIG)."""
    return lambda me, queues, members: list(configured)


SERVER_STRATEGIES: Mapping[str, Strategy] = {"AVG": allocate_averagely, "AVG_BY_CIRCLE": allocate_by_circle}
"""Those that a broker knows, by what AllocateMessageQueueStrategy#getName says (QueryAssignmentProcessor)."""


def select_by_hash(key: str | int, queue_count: int, *, is_long: bool = False) -> int:
    """Which of a topic's queues takes the messages with this key (SelectMessageQueueByHash).

    A text's hash is Java's; a number is its own hash, or with `is_long` that of a Java `Long`.
    """
    if isinstance(key, str):
        code = java_string_hash(key)
    else:
        code = java_long_hash(key) if is_long else key
    return abs(java_remainder(code, queue_count))


def _room_of_broker(queue: MessageQueue) -> str | None:
    room, separator, rest = queue.broker_name.partition(ROOM_SEPARATOR)
    return room if separator and rest and ROOM_SEPARATOR not in rest else None


def _place_of(queue: MessageQueue) -> int:
    return _ring_place(f"MessageQueue [topic={queue.topic}, brokerName={queue.broker_name}, queueId={queue.queue_id}]")


def _ring_place(text: str) -> int:
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:4], "big")
