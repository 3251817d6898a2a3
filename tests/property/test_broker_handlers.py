"""Whatever arrives, a handler answers or refuses, and leaves a state that can be saved and loaded again."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields as fields_of
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pocketmq.broker.lock_table import LEASE_MS
from pocketmq.broker.router import HANDLERS
from pocketmq.broker.sessions import connection_closed, expire
from pocketmq.broker.topic_table import stored_name_fault
from pocketmq.broker.topics import create_plain
from pocketmq.model.errors import Refusal
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.names import group_fault
from pocketmq.model.outcome import Outcome
from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import SubscriptionData
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.bodies.clients import LockBatchResponseBody
from pocketmq.protocol.bodies.codec import Body
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.headers.declaration import Header, rules
from pocketmq.testing.lone_broker import ALICE, BOB, LoneBroker

SEND_AND_PULL = {10, 11, 310, 320, 361}


def subclasses(root: type) -> set[Any]:
    """Every class below it."""
    return {below for child in root.__subclasses__() for below in {child, *subclasses(child)}}


def camel(attribute: str) -> str:
    """How Java spells it."""
    first, *others = attribute.split("_")
    return first + "".join(map(str.title, others))


CODES = sorted(code for code in HANDLERS if code not in SEND_AND_PULL)

NAMES = st.sampled_from(
    [
        "TopicA",
        "TopicB",
        "GroupA",
        "%RETRY%GroupA",
        "%DLQ%GroupA",
        "TBW102",
        "SCHEDULE_TOPIC_XXXX",
        "../../x",
        "",
        " ",
        "a\0b",
    ]
)
NUMBERS = st.sampled_from(
    ["0", "1", "-1", "7", "4096", str(2**31 - 1), str(2**31), str(2**63), "-" + str(2**63), "1e3"]
)
WORDS = st.sampled_from(["true", "false", "SINGLE_TAG", "UPPER", "+message.type=FIFO", "{}", "null", "TOPIC_PUT_NUMS"])
TEXTS = st.one_of(NAMES, NUMBERS, WORDS, st.text(max_size=20))
FIELDS = st.sampled_from(sorted({row.wire_name for header in subclasses(Header) for row in rules(header)}))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
SHAPES = [SubscriptionData, TopicConfig, SubscriptionGroupConfig, MessageQueue, *subclasses(Body)]
KEYS = st.sampled_from(sorted({camel(row.name) for shape in SHAPES for row in fields_of(shape)} | {"clientID"}))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=40),
    st.builds(lambda value: json.dumps(value).encode(), VALUES),
    st.builds(
        lambda lines: "\n".join(f"{key}={value}" for key, value in lines.items()).encode(), st.dictionaries(KEYS, TEXTS)
    ),
)


def prepared() -> LoneBroker:
    broker = LoneBroker()
    for topic in ("TopicA", "TopicB"):
        create_plain(broker.state, topic, 2, broker.now_ms)
        broker.store(topic, 0, b"x", {"KEYS": "TopicA", "UNIQ_KEY": "7F000001000018B4AAC2000000000001"})
    broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA"}')
    return broker


def answer(broker: LoneBroker, code: int, fields: Mapping[str, str], body: bytes) -> None:
    """Anything but an outcome or a Refusal escapes as an error."""
    with suppress(Refusal):
        assert isinstance(broker.decide(code, fields, body), Outcome)
    broker.end_turn()


def assert_sound(broker: LoneBroker) -> None:
    state = broker.state
    assert [name for name in state.topics.configs if stored_name_fault(name)] == []
    assert [name for name in state.groups.configs if group_fault(name)] == []
    assert {path.split("/")[0] for path in broker.disk.listdir("")} <= {
        "commitlog",
        "consumequeue",
        "batchconsumequeue",
        "index",
        "config",
        "abort",
        "checkpoint",
        "durable",
    }
    assert all(stored_name_fault(topic) is None for topic in state.store.topics())
    broker.save(*state.table_names)
    again = LoneBroker(settings=state.settings)
    for name in state.table_names:
        again.state.load_table(name, state.table_text(name))
    assert again.state.topics.configs == state.topics.configs
    assert again.state.groups.configs == state.groups.configs
    assert again.state.groups.forbidden == state.groups.forbidden
    assert again.state.offsets.committed == {key: row for key, row in state.offsets.committed.items() if row}


@settings(deadline=None, max_examples=60, print_blob=True)
@given(st.lists(st.tuples(st.sampled_from(CODES), st.dictionaries(FIELDS, TEXTS), BODIES), min_size=1, max_size=8))
def test_any_fields_and_bodies(requests: list[tuple[int, dict[str, str], bytes]]) -> None:
    broker = prepared()
    for code, fields, body in requests:
        answer(broker, code, fields, body)
    expire(broker.state, broker.now_ms + 10**6)
    assert_sound(broker)


PLAUSIBLE: dict[int, dict[str, str]] = {
    14: {"consumerGroup": "GroupA", "topic": "TopicA", "queueId": "0"},
    15: {"consumerGroup": "GroupA", "topic": "TopicA", "queueId": "0", "commitOffset": "1"},
    17: {
        "topic": "TopicC",
        "defaultTopic": "TBW102",
        "readQueueNums": "1",
        "writeQueueNums": "1",
        "perm": "6",
        "topicFilterType": "SINGLE_TAG",
    },
    21: {"topicSeq": "0"},
    29: {"topic": "TopicA", "queueId": "0", "timestamp": "1"},
    36: {"offset": "0", "group": "GroupA", "delayLevel": "0"},
    12: {"topic": "TopicA", "key": "TopicA", "maxNum": "9", "beginTimestamp": "0", "endTimestamp": "9"},
    33: {"offset": "0"},
    202: {"topic": "TopicA"},
    207: {"groupName": "GroupA", "cleanOffset": "true"},
    208: {"consumerGroup": "GroupA", "topic": "TopicA"},
    215: {"topic": "TopicA"},
    222: {"group": "GroupA", "topic": "TopicA", "timestamp": "-1", "isForce": "true"},
    303: {"group": "GroupA", "topic": "TopicA"},
    309: {"consumerGroup": "GroupA", "clientId": "c", "msgId": "7F00000100002A9F0000000000000000"},
    314: {"srcGroup": "GroupA", "destGroup": "GroupB"},
    315: {"statsName": "TOPIC_PUT_NUMS", "statsKey": "TopicA"},
    321: {"topic": "TopicA", "queueId": "0", "index": "0", "count": "9"},
    353: {"group": "GroupA", "topic": "TopicA", "readable": "false"},
}


@settings(deadline=None, max_examples=80, print_blob=True)
@given(st.sampled_from(sorted(PLAUSIBLE)), st.data())
def test_one_field_wrong(code: int, data: st.DataObject) -> None:
    broker = prepared()
    fields = dict(PLAUSIBLE[code])
    answer(broker, code, fields, b"")
    spoilt = data.draw(st.sampled_from(sorted(fields)))
    answer(broker, code, {**fields, spoilt: data.draw(TEXTS)}, b"")
    del fields[spoilt]
    answer(broker, code, fields, b"")
    assert_sound(broker)


class Offsets(RuleBasedStateMachine):
    """An offset is the last commit that was not held back; it goes back only by a commit or reset that says so."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = prepared()
        self.offsets: dict[int, int] = {}
        self.held: dict[int, int] = {}

    def commit(self, queue_id: int, offset: int) -> None:
        fields = PLAUSIBLE[15] | {"queueId": str(queue_id), "commitOffset": str(offset)}
        reply = self.broker.ask(RequestCode.UPDATE_CONSUMER_OFFSET, fields)
        assert (reply.remark is not None) == (queue_id in self.held)

    @rule(queue_id=st.integers(0, 1), offset=st.integers(0, 5))
    def commits(self, queue_id: int, offset: int) -> None:
        self.commit(queue_id, offset)
        if queue_id not in self.held:
            self.offsets[queue_id] = offset

    @rule(queue_id=st.integers(0, 1), offset=st.integers(0, 5))
    def pulls_with_commit(self, queue_id: int, offset: int) -> None:
        before = self.offsets.get(queue_id, -1)
        moved = self.broker.state.offsets.advance("GroupA", "TopicA", queue_id, offset, self.broker.now_ms)
        assert moved == (queue_id not in self.held and offset >= before)
        if moved:
            self.offsets[queue_id] = offset

    @rule(queue_id=st.integers(-1, 1), timestamp=st.sampled_from(["-1", "0"]))
    def resets(self, queue_id: int, timestamp: str) -> None:
        fields = PLAUSIBLE[222] | {"queueId": str(queue_id), "timestamp": timestamp}
        assert self.broker.ask(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, fields).code == 0
        for target in range(2) if queue_id < 0 else [queue_id]:
            end = self.broker.state.store.max_offset("TopicA", target)
            self.offsets[target] = self.held[target] = end if timestamp == "-1" else 0

    @rule(queue_id=st.integers(0, 1))
    def consumer_learns_of_the_reset(self, queue_id: int) -> None:
        taken = self.broker.state.offsets.take_reset("GroupA", "TopicA", queue_id)
        assert taken == self.held.pop(queue_id, None)

    @rule(queue_id=st.integers(0, 1))
    def a_message_is_stored(self, queue_id: int) -> None:
        self.broker.store("TopicA", queue_id, b"x")

    @rule(clean=st.booleans())
    def group_is_deleted_and_made_again(self, clean: bool) -> None:
        fields = {"groupName": "GroupA", "cleanOffset": "true" if clean else "false"}
        self.broker.ask(RequestCode.DELETE_SUBSCRIPTIONGROUP, fields)
        self.broker.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=b'{"groupName":"GroupA"}')
        if clean:
            self.offsets.clear()
            self.held.clear()

    @rule()
    def broker_restarts(self) -> None:
        self.broker.flush()
        self.broker.save("consumerOffset", "topics", "subscriptionGroup")
        self.broker = self.broker.restarted(self.broker.disk.crash_process())
        self.held.clear()
        store = self.broker.state.store
        self.offsets = {
            queue_id: min(at, store.max_offset("TopicA", queue_id)) for queue_id, at in self.offsets.items()
        }

    @invariant()
    def queries_agree(self) -> None:
        for queue_id in range(2):
            fields = PLAUSIBLE[14] | {"queueId": str(queue_id), "setZeroIfNotFound": "false"}
            reply = self.broker.ask(RequestCode.QUERY_CONSUMER_OFFSET, fields)
            assert reply.fields.get("offset") == (str(self.offsets[queue_id]) if queue_id in self.offsets else None)


class Locks(RuleBasedStateMachine):
    """At any moment a queue has one owner at most, and nobody loses a lease before its time."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = LoneBroker()
        self.leases: dict[int, tuple[str, int]] = {}

    @initialize()
    def starts_empty(self) -> None:
        assert len(self.broker.state.locks) == 0

    def batch(self, client: str, queues: set[int]) -> bytes:
        rows = [{"topic": "TopicA", "brokerName": "broker-a", "queueId": number} for number in sorted(queues)]
        return json.dumps({"clientId": client, "consumerGroup": "GroupA", "mqSet": rows}).encode()

    def owner(self, queue: int) -> str | None:
        client, until_ms = self.leases.get(queue, ("", -1))
        return client if until_ms >= self.broker.now_ms else None

    @rule(client=st.sampled_from("abc"), queues=st.sets(st.integers(0, 3)))
    def locks(self, client: str, queues: set[int]) -> None:
        reply = self.broker.ask(RequestCode.LOCK_BATCH_MQ, body=self.batch(client, queues))
        granted = {queue.queue_id for queue in LockBatchResponseBody.decode(reply.body).lock_ok_mq_set}
        assert granted == {queue for queue in queues if self.owner(queue) in (None, client)}
        for queue in granted:
            self.leases[queue] = (client, self.broker.now_ms + LEASE_MS)

    @rule(client=st.sampled_from("abc"), queues=st.sets(st.integers(0, 3)))
    def unlocks(self, client: str, queues: set[int]) -> None:
        self.broker.ask(RequestCode.UNLOCK_BATCH_MQ, body=self.batch(client, queues))
        for queue in queues:
            if self.leases.get(queue, ("",))[0] == client:
                del self.leases[queue]

    @rule(passed_ms=st.sampled_from([1, 20_000, LEASE_MS, LEASE_MS + 1]))
    def time_passes(self, passed_ms: int) -> None:
        self.broker.now_ms += passed_ms

    @precondition(lambda self: bool(self.leases))
    @rule()
    def expired_leases_are_swept(self) -> None:
        expire(self.broker.state, self.broker.now_ms)
        assert len(self.broker.state.locks) == sum(self.owner(queue) is not None for queue in self.leases)

    @invariant()
    def owners_agree(self) -> None:
        for queue in range(4):
            place = MessageQueue("TopicA", "broker-a", queue)
            assert self.broker.state.locks.owner("GroupA", place, self.broker.now_ms) == self.owner(queue)


class Clients(RuleBasedStateMachine):
    """The registry is exactly what connections have said and not taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = LoneBroker()
        self.here: dict[tuple[int, str, bool], int] = {}

    @rule(peer=st.sampled_from([ALICE, BOB]), groups=st.sets(st.sampled_from("xyz")), consumes=st.booleans())
    def beats(self, peer: Any, groups: set[str], consumes: bool) -> None:
        members = [{"groupName": group, "subscriptionDataSet": []} for group in sorted(groups)]
        data = {"clientID": f"c{peer.id}", "consumerDataSet" if consumes else "producerDataSet": members}
        assert self.broker.ask(RequestCode.HEART_BEAT, body=json.dumps(data).encode(), peer=peer).code == 0
        self.here |= {(peer.id, group, consumes): self.broker.now_ms for group in groups}

    @rule(peer=st.sampled_from([ALICE, BOB]), group=st.sampled_from("xyz"), consumes=st.booleans())
    def leaves(self, peer: Any, group: str, consumes: bool) -> None:
        fields = {"clientID": "c", "consumerGroup" if consumes else "producerGroup": group}
        self.broker.ask(RequestCode.UNREGISTER_CLIENT, fields, peer=peer)
        self.here.pop((peer.id, group, consumes), None)

    @rule(peer=st.sampled_from([ALICE, BOB]))
    def hangs_up(self, peer: Any) -> None:
        connection_closed(self.broker.state, peer.id)
        self.here = {place: seen for place, seen in self.here.items() if place[0] != peer.id}

    @rule(passed_ms=st.sampled_from([30_000, 120_000, 120_001]))
    def time_passes(self, passed_ms: int) -> None:
        self.broker.now_ms += passed_ms
        silent = {place for place, seen in self.here.items() if self.broker.now_ms - seen > 120_000}
        assert set(expire(self.broker.state, self.broker.now_ms)) == {peer_id for peer_id, _, _ in silent}
        for place in silent:
            del self.here[place]

    @invariant()
    def registries_agree(self) -> None:
        table = self.broker.state.sessions
        found = {(id_, name, True) for name, group in table.consumers.items() for id_ in group.clients}
        found |= {(id_, name, False) for name, clients in table.producers.items() for id_ in clients}
        assert found == self.here.keys()
        assert len(table) == len(found)


BOUNDED = settings(deadline=None, max_examples=30, stateful_step_count=30, print_blob=True)
TestOffsets = Offsets.TestCase
TestLocks = Locks.TestCase
TestClients = Clients.TestCase
TestOffsets.settings = TestLocks.settings = TestClients.settings = BOUNDED
