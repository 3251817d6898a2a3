"""What clients are told about topics: dialects, stand-ins for a master, zones, waiting, lists."""

import pytest
from namesrv_dialogues import (
    MASTER,
    NEW,
    OLD,
    OTHER,
    SECOND_SLAVE,
    SLAVE,
    compact,
    identity,
    register,
    registration,
    route,
    say,
    topic,
    unregister,
)
from namesrv_harness import NameServer

from pocketmq.model.versions import V4_9_4, version_ordinal
from pocketmq.namesrv import HANDLERS, RouteTable
from pocketmq.protocol.codes import RequestCode

A = identity()
A_SLAVE = identity(broker_id=1, address=SLAVE)
A_SECOND_SLAVE = identity(broker_id=2, address=SECOND_SLAVE)
B = identity(name="broker-b", address=OTHER)
BOTH = registration([topic("TopicTest"), topic("Ordered")])

ANSWERED = [*range(100, 107), 205, 206, 216, 217, 219, 224, 304, 311, 312, 313, 318, 319, 322, 327, 901, 904]


def test_every_code_of_a_java_name_server_is_answered_and_no_other() -> None:
    assert sorted(HANDLERS) == ANSWERED
    server = NameServer()
    for code in sorted({*RequestCode, 0, 7, -1, 2**31 - 1} - set(HANDLERS)):
        assert server.refused(say(code)) == (3, f" request type {code} not supported")


def test_the_dialect_turns_at_the_version_that_java_turns_at() -> None:
    assert version_ordinal("V4_9_4") == V4_9_4 == OLD + 1
    server = NameServer()
    server.ask(register(A, BOTH))
    assert b'{0:"' in server.ask(route("TopicTest", version=OLD)).body
    for version in (OLD + 1, NEW, 32_767):
        assert b'{"0":"' in server.ask(route("TopicTest", version=version)).body


def test_a_route_tells_every_address_smallest_id_first() -> None:
    server = NameServer()
    for who, peer in ((A_SECOND_SLAVE, "c"), (A_SLAVE, "b"), (A, "a")):
        server.ask(register(who, BOTH, peer=peer))
    body = server.ask(route("TopicTest", version=OLD)).body
    assert f'"brokerAddrs":{{0:"{MASTER}",1:"{SLAVE}",2:"{SECOND_SLAVE}"}}'.encode() in body


def test_the_smallest_slave_stands_in_only_while_a_topic_cannot_be_written() -> None:
    server = NameServer(supportActingMaster="true")
    server.ask(register(A, BOTH, enableActingMaster=True))
    server.ask(register(A_SLAVE, BOTH, peer="b", enableActingMaster=True))
    server.ask(register(A_SECOND_SLAVE, BOTH, peer="c", enableActingMaster=True))
    server.ask(unregister(A))
    assert f'{{0:"{SLAVE}",2:"{SECOND_SLAVE}"}}'.encode() in server.ask(route("TopicTest", version=OLD)).body
    assert f'{{1:"{SLAVE}",2:"{SECOND_SLAVE}"}}'.encode() in server.ask(say(106)).body
    server.ask(say(327, {"brokerName": "broker-a"}))
    assert f'{{1:"{SLAVE}",2:"{SECOND_SLAVE}"}}'.encode() in server.ask(route("TopicTest", version=OLD)).body


def test_nobody_stands_in_while_the_setting_is_off() -> None:
    server = NameServer()
    server.ask(register(A_SLAVE, BOTH, enableActingMaster=True))
    assert f'{{1:"{SLAVE}"}}'.encode() in server.ask(route("TopicTest", version=OLD)).body


def test_a_zone_hides_brokers_queues_and_filter_servers_of_others() -> None:
    server = NameServer()
    wide = registration([topic("TopicTest"), topic("Ordered")], filter_servers=("f:1",))
    server.ask(register(A, wide, __ZONE_NAME="east"))
    server.ask(register(B, wide, peer="b"))
    body = server.asked(route("TopicTest", __ZONE_NAME="East", __ZONE_MODE=True))
    assert [broker["brokerName"] for broker in body["brokerDatas"]] == ["broker-a"]
    assert [queues["brokerName"] for queues in body["queueDatas"]] == ["broker-a"]
    assert body["filterServerTable"] == {MASTER: ["f:1"]}


def test_a_broker_without_a_zone_is_in_none() -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    body = server.asked(route("TopicTest", __ZONE_NAME="east", __ZONE_MODE="TRUE"))
    assert body["queueDatas"] == []


def test_routes_are_refused_until_the_wait_is_over_to_the_millisecond() -> None:
    server = NameServer(needWaitForService="true", waitSecondsForService="45")
    server.ask(register(A, BOTH))
    server.now_ms = 44_989
    assert server.refused(route("TopicTest")) == (1, "name server not ready")
    server.now_ms = 44_990
    assert server.ask(route("TopicTest")).code == 0


def test_a_route_has_the_order_configuration_of_its_own_topic() -> None:
    server = NameServer(orderMessageEnable="true")
    server.ask(register(A, BOTH))
    server.ask(say(100, {"namespace": "ORDER_TOPIC_CONFIG", "key": "Ordered", "value": "broker-a:4"}))
    ordered, plain = server.asked(route("Ordered")), server.asked(route("TopicTest"))
    assert ordered["orderTopicConf"] == "broker-a:4"
    assert "orderTopicConf" not in plain


def test_a_broker_whose_name_is_a_clusters_is_listed_once() -> None:
    server = NameServer()
    server.ask(register(identity(name="Same", cluster="Same"), BOTH))
    assert server.asked(say(304)) == {"brokerAddr": MASTER, "topicList": ["Same"]}


@pytest.mark.parametrize("code", [224, 311, 312, 313])
def test_lists_can_be_forbidden(code: int) -> None:
    server = NameServer(enableTopicList="false")
    assert server.refused(say(code, {"cluster": "c"})) == (1, "disable")
    assert server.ask(say(206)).code == 0


def test_a_topic_set_by_hand_changes_all_its_brokers_or_none() -> None:
    server = NameServer(RouteTable(rows_max=5))
    server.ask(register(A, BOTH))
    server.ask(register(B, BOTH, peer="b"))
    row = {"perm": 6, "readQueueNums": 1, "writeQueueNums": 1}
    known, unknown = row | {"brokerName": "broker-a"}, row | {"brokerName": "nobody"}
    assert server.ask(say(217, {"topic": "Made"}, compact({"queueDatas": [known, unknown]}))).code == 0
    assert server.ask(route("Made")).code == 17
    code, remark = server.refused(
        say(217, {"topic": "Made"}, compact({"queueDatas": [known, known | {"brokerName": "broker-b"}]}))
    )
    assert (code, remark) == (1, "this name server keeps 5 topic routes and has no room for 2 more")
    assert server.ask(say(217, {"topic": "Made"}, compact({"queueDatas": [known, known]}))).code == 0
    assert server.state.routes.rows == 5
    assert server.ask(say(217, {"topic": "Made"}, compact({"queueDatas": [known]}))).code == 0
    assert server.state.routes.rows == 5


def test_a_topic_set_by_hand_with_too_long_a_name_is_refused() -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    body = compact({"queueDatas": [{"brokerName": "broker-a"}]})
    assert server.refused(say(217, {"topic": "n" * 256}, body)) == (
        1,
        "a topic's name has at most 255 characters, not 256",
    )
    assert server.ask(say(217, {"topic": "n" * 255}, body)).code == 0


def test_a_topic_deleted_in_one_cluster_keeps_the_mapping_of_the_other_only() -> None:
    server = NameServer()
    for who, peer, name in ((A, "a", "broker-a"), (B | {"clusterName": "OtherCluster"}, "b", "broker-b")):
        mapping = {"bname": name, "currIdMap": {"0": 0}, "topic": "TopicTest", "totalQueues": 1, "epoch": 1}
        topics = [topic("TopicTest"), topic("Ordered")]
        server.ask(register(who, registration(topics, mappings={"TopicTest": mapping}), peer=peer))
    server.ask(say(216, {"topic": "TopicTest", "clusterName": "DefaultCluster"}))
    body = server.asked(route("TopicTest"))
    assert list(body["topicQueueMappingByBroker"]) == ["broker-b"]
    assert [queues["brokerName"] for queues in body["queueDatas"]] == ["broker-b"]


def test_a_deleted_topic_takes_its_rows_and_mappings_along() -> None:
    server = NameServer()
    mapping = {"bname": "broker-a", "currIdMap": {"0": 0}, "topic": "TopicTest", "totalQueues": 1, "epoch": 1}
    static = registration([topic("TopicTest"), topic("Ordered")], mappings={"TopicTest": mapping})
    server.ask(register(A, static))
    server.ask(register(B, BOTH, peer="b"))
    server.ask(say(216, {"topic": "TopicTest"}))
    assert server.state.routes.rows == 2
    server.ask(register(B, BOTH, peer="b"))
    body = server.asked(route("TopicTest"))
    assert "topicQueueMappingByBroker" not in body
    server.ask(register(A, static))
    body = server.asked(route("TopicTest"))
    assert list(body["topicQueueMappingByBroker"]) == ["broker-a"]
