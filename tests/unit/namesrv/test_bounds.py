"""What a registration may hold: so many brokers, so many topics, names so long; more is refused whole."""

import pytest
from namesrv_dialogues import (
    OTHER,
    SECOND_SLAVE,
    SLAVE,
    Step,
    identity,
    register,
    registration,
    topic,
    unregister,
)
from namesrv_harness import NameServer

from pocketmq.model.limits import NAMESRV_FILTER_SERVERS_MAX, NAMESRV_NAME_CHARS_MAX
from pocketmq.namesrv import RouteTable

A = identity()
A_SLAVE = identity(broker_id=1, address=SLAVE)
B = identity(name="broker-b", address=OTHER)
PLAIN, ORDERED = topic("TopicTest"), topic("Ordered")
BOTH = registration([PLAIN, ORDERED])


def test_one_broker_too_many_is_refused_and_a_known_one_is_not() -> None:
    server = NameServer(RouteTable(replicas_max=2))
    server.ask(register(A, BOTH))
    server.ask(register(A_SLAVE, BOTH, peer="slave"))
    code, remark = server.refused(register(B, BOTH, peer="b"))
    assert code == 1
    assert remark == f"this name server keeps 2 brokers and has no room for {OTHER}"
    server.asked(register(A, BOTH))
    server.ask(unregister(A_SLAVE, peer="slave"))
    server.asked(register(B, BOTH, peer="b"))


def test_more_topics_than_fit_are_refused_together() -> None:
    server = NameServer(RouteTable(rows_max=3))
    server.ask(register(A, BOTH))
    code, remark = server.refused(register(B, BOTH, peer="b"))
    assert (code, remark) == (1, "this name server keeps 3 topic routes and has no room for 2 more")
    assert list(server.state.routes.brokers) == ["broker-a"]
    server.asked(register(A, registration([PLAIN, topic("Third")], 2)))
    assert server.state.routes.rows == 3
    server.asked(
        register(identity(broker_id=2, address=SECOND_SLAVE), registration([topic("x"), topic("y")]), peer="s")
    )


@pytest.mark.parametrize(
    "step",
    [
        register(identity(name="n" * 256), BOTH),
        register(identity(cluster="n" * 256), BOTH),
        register(identity(address="n" * 256), BOTH),
        register(A | {"haServerAddr": "n" * 256}, BOTH),
        register(A, BOTH, __ZONE_NAME="n" * 256),
        register(A, registration([PLAIN, topic("n" * 256)])),
        register(A, registration([PLAIN, ORDERED], filter_servers=("n" * 256,))),
    ],
    ids=["broker", "cluster", "address", "ha", "zone", "topic", "filter server"],
)
def test_a_name_that_is_too_long_is_refused(step: Step) -> None:
    server = NameServer()
    code, remark = server.refused(step)
    assert code == 1
    assert f"has 256 characters, more than {NAMESRV_NAME_CHARS_MAX}" in remark
    assert server.state.routes.brokers == {}


def test_too_many_filter_servers_are_refused() -> None:
    server = NameServer()
    servers = tuple(f"f:{number}" for number in range(NAMESRV_FILTER_SERVERS_MAX + 1))
    server.asked(register(A, registration([PLAIN, ORDERED], filter_servers=servers[1:])))
    code, remark = server.refused(register(A, registration([PLAIN, ORDERED], filter_servers=servers)))
    assert (code, remark) == (1, "101 filter servers are more than 100")


def test_a_checksum_of_the_bytes_is_what_counts() -> None:
    server = NameServer()
    assert server.refused(register(A, BOTH, crc=1)) == (1, "crc32 not match")
    assert server.ask(register(A, "", crc=0)).code == 0
    assert server.ask(register(A, "")).code == 0
    assert server.refused(register(A, "", crc=5)) == (1, "crc32 not match")
