"""Brokers come and go: what is late changes nothing, what is too much is refused, what nobody watched is forgiven."""

import pytest
from namesrv_dialogues import (
    MASTER,
    NEW,
    OTHER,
    SLAVE,
    Step,
    compact,
    data_version,
    identity,
    register,
    registration,
    route,
    say,
    topic,
    unregister,
)
from namesrv_harness import NameServer

A = identity()
A_SLAVE = identity(broker_id=1, address=SLAVE)
B = identity(name="broker-b", address=OTHER)
PLAIN, ORDERED = topic("TopicTest"), topic("Ordered")
BOTH = registration([PLAIN, ORDERED])


def is_routed(server: NameServer, name: str = "TopicTest") -> bool:
    return bool(server.ask(route(name)).code == 0)


def addresses(server: NameServer, name: str = "TopicTest") -> dict[str, str]:
    body = server.asked(route(name))
    (broker,) = body["brokerDatas"]
    return dict(broker["brokerAddrs"])


def changed(server: NameServer, who: dict[str, object], counter: int = 1) -> bool:
    answer = server.ask(say(322, who, compact(data_version(counter)), peer="asking"))
    return answer.fields["changed"] == "true"


def test_a_late_unregistration_does_not_remove_the_broker_that_came_back() -> None:
    server = NameServer()
    server.ask(register(A, BOTH, peer="before"))
    server.ask(register(A, BOTH, peer="after"))
    assert server.ask(unregister(A, peer="before")).code == 0
    assert is_routed(server)
    assert server.ask(unregister(A, peer="after")).code == 0
    assert not is_routed(server)


def test_a_newer_connection_may_unregister_what_an_older_one_registered() -> None:
    server = NameServer()
    server.ask(register(A, BOTH, peer="old"))
    server.ask(unregister(A, peer="new"))
    assert not is_routed(server)


@pytest.mark.parametrize(
    "who",
    [
        identity(broker_id=1),
        identity(name="broker-b"),
        identity(cluster="OtherCluster"),
        identity(address=OTHER),
    ],
    ids=["id", "name", "cluster", "address"],
)
def test_an_unregistration_of_somebody_else_changes_nothing(who: dict[str, object]) -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    assert server.ask(unregister(who)).code == 0
    assert is_routed(server)


def test_a_late_registration_does_not_tie_the_broker_to_its_old_connection() -> None:
    server = NameServer()
    server.connect("before")
    server.ask(register(A, BOTH, peer="after"))
    server.ask(register(A, BOTH, peer="before"))
    server.hang_up("before")
    assert is_routed(server)
    server.hang_up("after")
    assert not is_routed(server)


def test_the_end_of_a_connection_removes_every_broker_that_registered_over_it() -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    server.ask(register(B, BOTH))
    server.connect("client")
    server.hang_up("client")
    assert is_routed(server)
    server.hang_up("broker")
    assert not is_routed(server)
    assert server.state.routes.replicas == {}


def test_a_displaced_broker_is_asked_to_register_again_once_its_place_is_free() -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    server.ask(register(identity(address=OTHER), BOTH, peer="other"))
    assert addresses(server) == {"0": OTHER}
    assert not changed(server, A)
    server.hang_up("other")
    assert not is_routed(server)
    assert changed(server, A)
    server.ask(register(A, BOTH))
    assert addresses(server) == {"0": MASTER}


def test_a_broker_that_takes_another_name_leaves_the_first() -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    server.ask(register(identity(name="renamed"), registration([PLAIN, topic("Late")], 2)))
    assert list(server.state.routes.brokers) == ["renamed"]
    assert is_routed(server)
    assert not is_routed(server, "Ordered")


def test_a_broker_that_comes_back_in_another_cluster_leaves_the_first() -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    server.ask(register(A | {"clusterName": "OtherCluster"}, BOTH, peer="restarted"))
    assert server.asked(say(106))["clusterAddrTable"] == {"OtherCluster": ["broker-a"]}
    server.hang_up("broker")
    assert is_routed(server)
    assert server.asked(say(224, {"cluster": "DefaultCluster"})) == {"topicList": []}


def test_a_refused_first_registration_leaves_nothing_behind() -> None:
    server = NameServer()
    assert server.refused(register(A, registration([PLAIN]))) == (1, "register broker failed")
    assert server.asked(say(106)) == {"brokerAddrTable": {}, "clusterAddrTable": {}}
    server.ask(register(A_SLAVE, BOTH, peer="slave"))
    server.refused(register(identity(address=SLAVE), registration([PLAIN]), peer="slave"))
    assert addresses(server) == {"1": SLAVE}


def test_a_deposed_master_is_turned_away_and_forgotten() -> None:
    server = NameServer()
    server.ask(register(A_SLAVE, BOTH, peer="slave"))
    server.ask(register(A, registration([PLAIN, ORDERED], 1, state_version=2)))
    answer = server.ask(register(identity(address=SLAVE), registration([PLAIN, ORDERED], 9), peer="slave"))
    assert (answer.code, answer.fields) == (0, {})
    assert addresses(server) == {"0": MASTER}
    assert list(server.state.routes.replicas) == [MASTER]
    server.ask(register(identity(address=OTHER), registration([PLAIN, ORDERED], 9), peer="unknown"))
    assert list(server.state.routes.replicas) == [MASTER]


def test_an_equal_state_is_not_older() -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    server.ask(register(identity(address=OTHER), BOTH, peer="other"))
    assert addresses(server) == {"0": OTHER}


def test_a_broker_expires_the_millisecond_after_its_timeout() -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    server.look()
    registered_ms = server.now_ms
    while server.now_ms < registered_ms + 120_000:
        server.now_ms += 5_000
        assert server.look() == []
    assert is_routed(server)
    server.now_ms = registered_ms + 120_001
    assert server.look() == ["broker"]
    assert not is_routed(server)


def test_a_broker_that_names_a_timeout_is_held_to_it() -> None:
    server = NameServer(scanNotActiveBrokerInterval="100")
    server.ask(register(A, BOTH, heartbeatTimeoutMillis=1_000))
    server.ask(register(B, BOTH, peer="b"))
    assert server.pause(2_000) == ["broker"]
    assert is_routed(server)


@pytest.mark.parametrize(
    "sign_of_life",
    [say(904, A, peer="broker"), say(322, A, compact(data_version(1)), peer="broker"), register(A, BOTH)],
    ids=["904", "322", "103"],
)
def test_every_sign_of_life_counts(sign_of_life: Step) -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    for _ in range(3):
        assert server.pause(100_000) == []
        server.ask(sign_of_life)
    assert server.pause(125_000) == ["broker"]


def test_a_sign_of_life_from_a_stranger_is_nothing() -> None:
    server = NameServer()
    assert server.ask(say(904, A)).code == 0
    assert server.state.routes.replicas == {}


@pytest.mark.parametrize("jump_ms", [60_000, 86_400_000, 800_000_000_000, -86_400_000], ids=str)
def test_time_that_nobody_watched_is_no_silence(jump_ms: int) -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    assert server.pause(100_000) == []
    server.now_ms += jump_ms
    assert server.look() == []
    assert server.pause(10_000) == []
    assert server.pause(15_000) == ["broker"]


def test_a_slave_learns_its_master_and_where_to_copy_from() -> None:
    server = NameServer()
    assert server.ask(register(A_SLAVE, BOTH, peer="slave")).fields == {}
    assert server.ask(register(A, BOTH)).fields == {}
    expected = {"masterAddr": MASTER, "haServerAddr": "127.0.0.1:20911"}
    assert server.ask(register(A_SLAVE, BOTH, peer="slave")).fields == expected


def test_the_filter_servers_of_a_broker_too_old_to_name_any_stay() -> None:
    server = NameServer()
    old = compact({"dataVersion": data_version(1), "topicConfigTable": {"TopicTest": PLAIN, "Ordered": ORDERED}})
    server.ask(register(A, old, version=36))
    assert server.state.routes.replicas[MASTER].filter_servers == ()
    server.ask(register(A, registration([PLAIN, ORDERED], filter_servers=("f:1",))))
    server.ask(register(A, old, version=36))
    assert server.state.routes.replicas[MASTER].filter_servers == ("f:1",)


def test_a_topic_without_a_name_is_refused_with_all_others() -> None:
    server = NameServer()
    config = {key: value for key, value in PLAIN.items() if key != "topicName"}
    body = compact({"topicConfigSerializeWrapper": {"topicConfigTable": {"Row": config, "Ordered": ORDERED}}})
    code, remark = server.refused(register(A, body))
    assert code == 1
    assert remark.startswith("Failed to decode RegisterBrokerBody: ")
    assert "topicName is null" in remark
    assert server.state.routes.brokers == {}


def test_a_mapping_that_is_not_the_brokers_own_is_passed_over() -> None:
    server = NameServer()
    mapping = {"bname": "broker-b", "currIdMap": {"0": 0}, "topic": "TopicTest", "totalQueues": 1, "epoch": 1}
    stray = mapping | {"bname": "broker-a", "topic": "Stray"}
    server.ask(register(A, registration([PLAIN, ORDERED], mappings={"TopicTest": mapping, "Stray": stray})))
    body = server.asked(route("TopicTest"))
    assert "topicQueueMappingByBroker" not in body
    assert not is_routed(server, "Stray")


def test_an_empty_registration_of_a_master_deletes_its_topics_if_the_setting_says_so() -> None:
    server = NameServer(deleteTopicWithBrokerRegistration="true")
    server.ask(register(A, BOTH))
    server.ask(register(B, BOTH, peer="b"))
    server.ask(register(A_SLAVE, registration([]), peer="slave"))
    assert server.state.routes.rows == 4
    server.ask(register(A, registration([], 2)))
    assert server.state.routes.rows == 2


def test_static_topics_are_never_deleted_by_a_registration() -> None:
    server = NameServer(deleteTopicWithBrokerRegistration="true")
    server.ask(register(A, BOTH))
    mapping = {"bname": "broker-a", "currIdMap": {"0": 0}, "topic": "TopicTest", "totalQueues": 1, "epoch": 1}
    server.ask(register(A, registration([PLAIN], 2, mappings={"TopicTest": mapping})))
    assert is_routed(server, "Ordered")


def test_an_old_slave_alone_brings_no_topics() -> None:
    server = NameServer()
    server.ask(register(A_SLAVE, BOTH, peer="slave", enableActingMaster=None))
    assert not is_routed(server)
    server.ask(register(A_SLAVE, registration([PLAIN, ORDERED], 2), peer="slave"))
    assert is_routed(server)


def test_a_slave_that_becomes_master_writes_its_topics_even_under_the_same_version() -> None:
    server = NameServer()
    server.ask(register(A, BOTH))
    wide = registration([topic("TopicTest", write=9), ORDERED])
    server.ask(register(A_SLAVE, wide, peer="slave"))
    server.ask(unregister(A))
    assert server.state.routes.topics["TopicTest"].queues["broker-a"].write_queue_nums == 4
    server.ask(register(identity(address=SLAVE), wide, peer="slave"))
    assert server.state.routes.topics["TopicTest"].queues["broker-a"].write_queue_nums == 9


def test_a_lone_slave_that_takes_a_larger_id_is_still_the_smallest() -> None:
    server = NameServer()
    server.ask(register(A_SLAVE, BOTH, peer="slave"))
    moved = identity(broker_id=2, address=SLAVE)
    server.ask(register(moved, registration([PLAIN, topic("Late")], 2), peer="slave"))
    assert addresses(server, "Late") == {"2": SLAVE}


def test_a_registration_of_another_version_of_the_frame_is_read_by_that_version() -> None:
    server = NameServer()
    assert server.ask(register(A, BOTH, version=NEW + 5_000)).code == 0
    assert is_routed(server)
