"""Who is told that a master was lost or came back, and who is not."""

import pytest
from namesrv_dialogues import (
    MASTER,
    OTHER,
    SLAVE,
    identity,
    register,
    registration,
    topic,
    unregister,
)
from namesrv_harness import NameServer

A = identity()
A_SLAVE = identity(broker_id=1, address=SLAVE)
B = identity(name="broker-b", address=OTHER)
PLAIN, ORDERED = topic("TopicTest"), topic("Ordered")
BOTH = registration([PLAIN, ORDERED])


ACTING = {"supportActingMaster": "true", "notifyMinBrokerIdChanged": "true"}


def test_slaves_are_told_of_a_lost_master_by_expiry_too() -> None:
    server = NameServer(scanNotActiveBrokerInterval="100", **ACTING)
    server.ask(register(A, BOTH, enableActingMaster=True, heartbeatTimeoutMillis=500))
    server.ask(register(A_SLAVE, BOTH, peer="slave", enableActingMaster=True))
    assert server.notices() == []
    assert server.pause(1_000) == ["broker"]
    fields = {"minBrokerId": "1", "minBrokerAddr": SLAVE, "offlineBrokerAddr": MASTER}
    assert server.notices() == [{"to": SLAVE, "code": 905, "fields": fields}]


def test_a_notice_goes_to_the_connection_that_the_broker_registered_over() -> None:
    server = NameServer(**ACTING)
    server.ask(register(A_SLAVE, BOTH, peer="slave"))
    server.ask(register(A, BOTH))
    (notice,) = server.state.outbox
    assert notice.peer_id == server.peers["slave"].id


def test_a_slave_that_becomes_master_under_its_own_address_is_told_so() -> None:
    server = NameServer(**ACTING)
    server.ask(register(A_SLAVE, BOTH, peer="slave"))
    server.ask(register(identity(address=SLAVE), BOTH, peer="slave"))
    fields = {"minBrokerId": "0", "minBrokerAddr": SLAVE, "haBrokerAddr": "127.0.0.1:20921"}
    assert server.notices() == [{"to": SLAVE, "code": 905, "fields": fields}]


@pytest.mark.parametrize(
    ("settings", "acting"), [({}, True), (ACTING, False)], ids=["setting off", "brokers do not act"]
)
def test_nobody_is_told_where_nobody_acts(settings: dict[str, str], acting: bool) -> None:
    server = NameServer(**settings)
    server.ask(register(A, BOTH, enableActingMaster=acting))
    server.ask(register(A_SLAVE, BOTH, peer="slave", enableActingMaster=acting))
    server.ask(unregister(A))
    assert server.notices() == []


def test_the_loss_of_a_slave_that_is_not_the_smallest_is_no_news() -> None:
    server = NameServer(**ACTING)
    server.ask(register(A, BOTH, enableActingMaster=True))
    server.ask(register(A_SLAVE, BOTH, peer="slave", enableActingMaster=True))
    server.ask(unregister(A_SLAVE, peer="slave"))
    assert server.notices() == []
    assert server.state.routes.topics["TopicTest"].queues["broker-a"].perm == 6
