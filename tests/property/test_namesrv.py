"""Whatever brokers, tools and clocks do, in any order, the tables of a name server stay consistent and bounded."""

import zlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from namesrv_dialogues import compact, identity, register, registration, route, say, topic, unregister
from namesrv_harness import NameServer

from pocketmq.model.errors import Refusal
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.outcome import Reply
from pocketmq.model.peer import Peer
from pocketmq.namesrv import HANDLERS, NamesrvState, RouteTable, handle
from pocketmq.protocol.frame import Command

REPLICAS_MAX, ROWS_MAX = 5, 12

BROKERS = st.sampled_from(["broker-a", "broker-b", "broker-c"])
CLUSTERS = st.sampled_from(["one", "two"])
ADDRESSES = st.sampled_from([f"127.0.0.1:1{port}" for port in range(7)])
PEERS = st.sampled_from(["p", "q", "r", "s"])
TOPICS = st.sampled_from([f"topic-{number}" for number in range(8)])
IDENTITIES = st.builds(identity, name=BROKERS, broker_id=st.integers(0, 3), address=ADDRESSES, cluster=CLUSTERS)


def mapping(topic_name: str, broker_name: str) -> dict[str, object]:
    return {"bname": broker_name, "currIdMap": {"0": 0}, "topic": topic_name, "totalQueues": 1, "epoch": 1}


class NameServerLife(RuleBasedStateMachine):
    """Brokers register, vanish, come back elsewhere; tools delete; time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.server = NameServer(
            RouteTable(replicas_max=REPLICAS_MAX, rows_max=ROWS_MAX),
            supportActingMaster="true",
            notifyMinBrokerIdChanged="true",
        )

    @rule(
        who=IDENTITIES,
        peer=PEERS,
        topics=st.sets(TOPICS, max_size=5),
        static=st.booleans(),
        mapped_to=st.sampled_from([None, "broker-a"]),
        counter=st.integers(1, 3),
        state_version=st.integers(0, 2),
        acting=st.sampled_from([True, False, None]),
        timeout_ms=st.sampled_from([None, 0, 3_000, 60_000]),
    )
    def broker_registers(
        self,
        who: dict[str, object],
        peer: str,
        topics: set[str],
        static: bool,
        mapped_to: str | None,
        counter: int,
        state_version: int,
        acting: bool | None,
        timeout_ms: int | None,
    ) -> None:
        body = registration(
            [topic(name) for name in sorted(topics)],
            counter,
            state_version=state_version,
            mappings={name: mapping(name, mapped_to or str(who["brokerName"])) for name in sorted(topics) if static},
        )
        step = register(who, body, peer=peer, enableActingMaster=acting, heartbeatTimeoutMillis=timeout_ms)
        before = snapshot(self.server)
        if self.server.ask(step).code != 0:
            assert snapshot(self.server) == before

    @rule(who=IDENTITIES, peer=PEERS)
    def broker_unregisters(self, who: dict[str, object], peer: str) -> None:
        held = self.server.state.routes.replicas.get(str(who["brokerAddr"]))
        is_late = held is not None and held.peer_id > self.server.connect(peer).id
        self.server.asked(unregister(who, peer=peer))
        assert not is_late or held is self.server.state.routes.replicas.get(str(who["brokerAddr"]))

    @rule(who=IDENTITIES, peer=PEERS)
    def broker_gives_a_sign_of_life(self, who: dict[str, object], peer: str) -> None:
        self.server.asked(say(904, who, peer=peer))

    @rule(name=PEERS)
    def connection_ends(self, name: str) -> None:
        if name in self.server.peers:
            peer_id = self.server.peers[name].id
            self.server.hang_up(name)
            assert peer_id not in {replica.peer_id for replica in self.server.state.routes.replicas.values()}

    @rule(milliseconds=st.integers(0, 100_000))
    def time_passes(self, milliseconds: int) -> None:
        self.server.pause(milliseconds)

    @rule(milliseconds=st.integers(-(10**9), 10**9))
    def clock_is_set(self, milliseconds: int) -> None:
        self.server.now_ms += milliseconds
        self.server.look()

    @rule(name=TOPICS, cluster=st.one_of(st.just(""), CLUSTERS))
    def topic_is_deleted(self, name: str, cluster: str) -> None:
        self.server.asked(say(216, {"topic": name, "clusterName": cluster}))

    @rule(name=TOPICS, brokers=st.lists(BROKERS, max_size=3))
    def topic_is_set_by_hand(self, name: str, brokers: list[str]) -> None:
        rows = [{"brokerName": broker, "perm": 6, "readQueueNums": 1, "writeQueueNums": 1} for broker in brokers]
        before = snapshot(self.server)
        if self.server.ask(say(217, {"topic": name}, compact({"queueDatas": rows}))).code != 0:
            assert snapshot(self.server) == before

    @rule(code=st.sampled_from([205, 327]), broker=BROKERS)
    def permission_is_changed(self, code: int, broker: str) -> None:
        self.server.asked(say(code, {"brokerName": broker}))

    @invariant()
    def tables_agree(self) -> None:
        check_tables(self.server.state.routes)

    @invariant()
    def routes_lead_to_brokers_that_are_there(self) -> None:
        routes = self.server.state.routes
        for name in routes.topics:
            body = self.server.asked(route(name))
            shown = {broker["brokerName"]: broker["brokerAddrs"] for broker in body["brokerDatas"]}
            assert shown.keys() == {queues["brokerName"] for queues in body["queueDatas"]}
            for addresses in shown.values():
                assert addresses
                assert set(addresses.values()) <= routes.replicas.keys()

    @invariant()
    def notices_are_about_the_smallest_that_is_there(self) -> None:
        for notice in self.server.notices():
            assert notice["fields"]["minBrokerAddr"] in self.server.state.routes.replicas
            assert notice["to"] in self.server.state.routes.replicas

    def teardown(self) -> None:
        for name in list(self.server.peers):
            self.server.hang_up(name)
        routes = self.server.state.routes
        assert (routes.brokers, routes.replicas, routes.topics, routes.rows) == ({}, {}, {}, 0)


def check_tables(routes: RouteTable) -> None:
    """What route_table.py promises in its docstring, and the bounds."""
    assert len(routes.replicas) <= routes.replicas_max
    assert routes.rows == sum(len(held.queues) for held in routes.topics.values()) <= routes.rows_max
    placed = []
    for name, broker in routes.brokers.items():
        assert broker.name == name
        assert broker.replicas
        for broker_id, replica in broker.replicas.items():
            assert (replica.broker_name, replica.broker_id) == (name, broker_id)
            assert routes.replicas[replica.address] is replica
            placed.append(replica.address)
    assert len(placed) == len(set(placed))
    for address, replica in routes.replicas.items():
        assert replica.address == address
    for held in routes.topics.values():
        assert held.queues
        assert held.queues.keys() <= routes.brokers.keys()
        assert held.mappings.keys() <= held.queues.keys()
    named = [name for names in routes.clusters().values() for name in names]
    assert sorted(named) == sorted(routes.brokers)


def snapshot(server: NameServer) -> tuple[object, ...]:
    """What tools can see, and what they cannot."""
    routes = server.state.routes
    topics = {name: (dict(held.queues), dict(held.mappings)) for name, held in routes.topics.items()}
    brokers = {
        name: (broker.addresses, broker.zone_name, broker.enable_acting_master)
        for name, broker in routes.brokers.items()
    }
    return topics, brokers, sorted(routes.replicas), routes.rows


NameServerLife.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True, print_blob=True
)
TestNameServerLife = NameServerLife.TestCase


def to_bytes(value: object) -> bytes:
    return compact(value).encode()


NAMES = ["brokerName", "brokerAddr", "clusterName", "haServerAddr", "brokerId", "compressed", "bodyCrc32", "topic"]
NAMES += ["namespace", "key", "value", "cluster", "heartbeatTimeoutMillis", "enableActingMaster", "__ZONE_NAME"]
FIELDS = st.dictionaries(
    st.sampled_from(NAMES), st.one_of(st.text(max_size=8), st.sampled_from(["0", "1", "true", "-1", "127.0.0.1:1"]))
)
KEYS = ["topicConfigSerializeWrapper", "topicConfigTable", "dataVersion", "counter", "timestamp", "filterServerList"]
KEYS += ["topicQueueMappingInfoMap", "topicName", "perm", "queueDatas", "brokerName", "bname", "currIdMap", "T"]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=20,
)
BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(to_bytes),
    JSON.map(to_bytes).map(zlib.compress),
    st.binary(max_size=100).map(zlib.compress),
)
VALID = registration([topic("T"), topic("U")], mappings={"T": mapping("T", "broker-a")}).encode()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A registration with a few bytes changed."""
    body = bytearray(VALID)
    for _ in range(draw(st.integers(1, 4))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.integers(1, len(body)))])


def ask(state: NamesrvState, command: Command) -> Reply | Refusal:
    try:
        reply = handle(command, Peer(1, "127.0.0.1", 40_000), state, 0)
    except Refusal as refusal:
        return refusal
    assert isinstance(reply, Reply)
    return reply


@settings(max_examples=1_000, deadline=None, derandomize=True, print_blob=True)
@given(code=st.sampled_from(sorted(HANDLERS)), fields=FIELDS, body=BODIES, version=st.integers(-1, 600))
def test_any_request_is_answered_or_refused(code: int, fields: dict[str, str], body: bytes, version: int) -> None:
    state = NamesrvState(NamesrvSettings(), started_ms=0)
    ask(state, Command.of(code, fields, body, version=version))
    check_tables(state.routes)


@settings(max_examples=1_000, deadline=None, derandomize=True, print_blob=True)
@given(body=st.one_of(damaged(), BODIES), compressed=st.booleans(), version=st.sampled_from([36, 400, 412, 513]))
def test_any_registration_is_taken_or_refused_whole(body: bytes, compressed: bool, version: int) -> None:
    state = NamesrvState(NamesrvSettings(), started_ms=0)
    fields: dict[str, Any] = {**identity(), "haServerAddr": "h:1", "compressed": str(compressed).lower()}
    reply = ask(state, Command.of(103, {key: str(value) for key, value in fields.items()}, body, version=version))
    check_tables(state.routes)
    assert (state.routes.brokers != {}) == isinstance(reply, Reply)
    if isinstance(reply, Reply):
        ask(state, Command.of(106))
        for name in list(state.routes.topics):
            assert isinstance(ask(state, Command.of(105, {"topic": name})), Reply)
