"""Members of broadcasting groups: where one that comes by a proxy goes on, and what is kept of the others."""

import json

import pytest
from hand_frames import pull_fields

from pocketmq.broker import broadcasts, sessions
from pocketmq.broker.broadcast_offsets import BroadcastOffsets
from pocketmq.broker.topics import create_plain
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.limits import BROADCAST_MEMBERS_MAX
from pocketmq.model.outcome import Reply
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import BOB, LoneBroker

GROUP, TOPIC = "GroupA", "TopicA"
KEY = "TopicA@GroupA@broadcast"
MOVED = 21


@pytest.fixture
def ready(broker: LoneBroker) -> LoneBroker:
    return filled(broker)


def filled(broker: LoneBroker) -> LoneBroker:
    create_plain(broker.state, TOPIC, 2, broker.now_ms)
    for _ in range(5):
        broker.store(TOPIC, 0, b"x")
    return broker


def proxied(broker: LoneBroker, client: str, offset: int, **more: str) -> Reply:
    """A pull that a proxy makes for that client."""
    own = {"consumerGroup": GROUP, "sysFlag": "4", "requestSource": "1", "proxyFrowardClientId": client}
    return broker.ask(RequestCode.PULL_MESSAGE, pull_fields(TOPIC, 0, offset, **(own | more)))


def told(reply: Reply) -> int | None:
    """Where the member is sent, if it is."""
    return int(reply.fields["nextBeginOffset"]) if reply.code == MOVED else None


def join(broker: LoneBroker, client_id: str, **more: object) -> None:
    group = {"groupName": GROUP, "messageModel": "BROADCASTING", "subscriptionDataSet": [{"topic": TOPIC}]} | more
    beat = {"clientID": client_id, "consumerDataSet": [group]}
    broker.ask(RequestCode.HEART_BEAT, body=json.dumps(beat).encode(), peer=BOB)


def direct(broker: LoneBroker, offset: int) -> Reply:
    fields = pull_fields(TOPIC, 0, offset, consumerGroup=GROUP, sysFlag="0")
    return broker.ask(RequestCode.PULL_MESSAGE, fields, peer=BOB)


def test_a_member_goes_on_where_it_was(ready: LoneBroker) -> None:
    assert told(proxied(ready, "p1", -1)) == 0
    assert told(proxied(ready, "p1", 4)) is None
    assert told(proxied(ready, "p1", 2)) is None
    assert told(proxied(ready, "p1", -1)) == 4, "places move forward only"


def test_a_new_member_begins_where_the_hindmost_is(ready: LoneBroker) -> None:
    for client, offset in {"p1": 4, "p2": 3}.items():
        proxied(ready, client, offset)
    assert told(proxied(ready, "p3", -1)) == 0, "nothing is committed yet"
    proxied(ready, "p3", 3)
    broadcasts.settle(ready.state, ready.now_ms)
    assert ready.state.offsets.committed == {KEY: {0: 3}}
    assert told(proxied(ready, "p4", -1)) == 3


def test_a_queue_whose_start_has_left_memory_begins_at_its_end(ready: LoneBroker) -> None:
    ready.state.memory_bytes = 0
    assert told(proxied(ready, "p1", -1)) == 5


def test_a_member_that_changes_its_way_is_told(ready: LoneBroker) -> None:
    join(ready, "c1")
    assert told(direct(ready, 2)) is None
    assert told(proxied(ready, "c1", 5)) == 2
    assert told(proxied(ready, "c1", 2)) is None
    assert told(direct(ready, 4)) == 2
    assert told(direct(ready, 4)) is None


def test_an_administrator_s_reset_comes_first(ready: LoneBroker) -> None:
    proxied(ready, "p1", 4)
    ready.state.offsets.reset(GROUP, TOPIC, 0, 1, ready.now_ms)
    assert told(proxied(ready, "p1", -1)) == 1
    assert told(proxied(ready, "p1", -1)) == 4


@pytest.mark.parametrize("more", [{"messageModel": "CLUSTERING"}, {"consumeType": "CONSUME_ACTIVELY"}])
def test_other_groups_are_none_of_its_business(ready: LoneBroker, more: dict[str, str]) -> None:
    join(ready, "c1", **more)
    direct(ready, 2)
    assert len(ready.state.broadcasts) == 0


def test_who_is_not_known_or_not_wanted_is_not_noted(ready: LoneBroker) -> None:
    assert told(proxied(ready, "", -1)) == 0, "the offset is too small, as for anybody"
    join(ready, "c1")
    fields = pull_fields(TOPIC, 0, 1, consumerGroup=GROUP, sysFlag="0")
    assert ready.ask(RequestCode.PULL_MESSAGE, fields).code == 0, "a connection of nobody's"
    assert len(ready.state.broadcasts) == 0
    off = filled(LoneBroker(settings=BrokerSettings(enable_broadcast_offset_store=False)))
    proxied(off, "p1", 3)
    assert len(off.state.broadcasts) == 0


def test_members_that_are_silent_are_forgotten(ready: LoneBroker) -> None:
    join(ready, "c1")
    direct(ready, 1)
    proxied(ready, "p1", 3)
    proxied(ready, "p2", 4, consumerGroup="GroupB")
    ready.now_ms += 119_999
    broadcasts.settle(ready.state, ready.now_ms)
    assert len(ready.state.broadcasts) == 3
    ready.now_ms += 1
    broadcasts.settle(ready.state, ready.now_ms)
    assert len(ready.state.broadcasts) == 1, "a connected one stays longer"
    ready.now_ms += 179_999
    broadcasts.settle(ready.state, ready.now_ms)
    assert len(ready.state.broadcasts) == 1
    ready.now_ms += 1
    sessions.expire(ready.state, ready.now_ms)
    assert len(ready.state.broadcasts) == 0
    assert ready.state.broadcasts._members == {}, "an empty group is kept"


def test_a_member_that_is_silent_no_longer_holds_the_others_back(ready: LoneBroker) -> None:
    for client, offset in {"p1": 1, "p2": 3}.items():
        proxied(ready, client, offset)
    ready.now_ms += 119_999
    proxied(ready, "p2", 4)
    ready.now_ms += 1
    broadcasts.settle(ready.state, ready.now_ms)
    assert ready.state.offsets.committed == {KEY: {0: 4}}
    assert len(ready.state.broadcasts) == 1


def test_a_place_is_committed_once(ready: LoneBroker) -> None:
    proxied(ready, "p1", 3)
    broadcasts.settle(ready.state, ready.now_ms)
    ready.state.offsets.is_changed = False
    broadcasts.settle(ready.state, ready.now_ms)
    assert not ready.state.offsets.is_changed


def test_the_places_of_groups_survive_and_are_no_groups(ready: LoneBroker) -> None:
    proxied(ready, "p1", 3)
    ready.state.offsets.commit(GROUP, TOPIC, 0, 1, ready.now_ms)
    broadcasts.settle(ready.state, ready.now_ms)
    ready.save("consumerOffset")
    again = ready.restarted(ready.disk)
    assert again.state.offsets.committed == {"TopicA@GroupA": {0: 1}, KEY: {0: 3}}
    assert again.state.offsets.groups_of(TOPIC) == {GROUP}
    assert again.state.offsets.topics_of("GroupA@broadcast") == set()
    again.state.offsets.forget_group("GroupB")
    assert KEY in again.state.offsets.committed
    again.state.offsets.forget_group(GROUP)
    assert again.state.offsets.committed == {}


def test_members_have_a_bound() -> None:
    kept = BroadcastOffsets()
    for number in range(BROADCAST_MEMBERS_MAX + 1):
        kept.note(TOPIC, GROUP, 0, 7, f"c{number}", is_proxied=True, now_ms=1)
    assert len(kept) == BROADCAST_MEMBERS_MAX
    last = f"c{BROADCAST_MEMBERS_MAX}"
    assert kept.wants_start(TOPIC, GROUP, 0, -1, last, is_proxied=True, now_ms=1) == (True, None)
    assert kept.wants_start(TOPIC, GROUP, 0, -1, "c0", is_proxied=True, now_ms=1) == (True, 7)
