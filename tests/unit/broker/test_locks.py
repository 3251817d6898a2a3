"""Leases on queues."""

import json

import pytest

from pocketmq.broker.lock_table import LEASE_MS, LockTable
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies.clients import LockBatchResponseBody
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import EPOCH_MS, LoneBroker

QUEUES = [MessageQueue("TopicA", "broker-a", number) for number in range(3)]


def body(client: object, *numbers: int, group: object = "GroupA") -> bytes:
    queues = [{"topic": "TopicA", "brokerName": "broker-a", "queueId": number} for number in numbers]
    return json.dumps({"clientId": client, "consumerGroup": group, "mqSet": queues}).encode()


def lock(broker: LoneBroker, client: str, *numbers: int, group: str = "GroupA") -> list[int]:
    reply = broker.ask(RequestCode.LOCK_BATCH_MQ, body=body(client, *numbers, group=group))
    return [queue.queue_id for queue in LockBatchResponseBody.decode(reply.body).lock_ok_mq_set]


def test_a_queue_has_one_owner_until_the_lease_runs_out(broker: LoneBroker) -> None:
    assert lock(broker, "c1", 0, 1) == [0, 1]
    assert lock(broker, "c2", 1, 2) == [2]
    broker.now_ms += LEASE_MS
    assert lock(broker, "c2", 0) == [], "the last moment still counts"
    broker.now_ms += 1
    assert lock(broker, "c2", 0, 1) == [0, 1]
    assert lock(broker, "c1", 0) == []


def test_renewing_starts_the_lease_anew(broker: LoneBroker) -> None:
    lock(broker, "c1", 0)
    broker.now_ms += LEASE_MS
    assert lock(broker, "c1", 0) == [0]
    broker.now_ms += LEASE_MS
    assert lock(broker, "c2", 0) == []


def test_only_the_owner_can_give_a_queue_up(broker: LoneBroker) -> None:
    lock(broker, "c1", 0, 1)
    assert broker.ask(RequestCode.UNLOCK_BATCH_MQ, body=body("c2", 0, 1, 7)).code == 0
    assert lock(broker, "c2", 0, 1) == []
    broker.ask(RequestCode.UNLOCK_BATCH_MQ, body=body("c1", 0))
    assert lock(broker, "c2", 0, 1) == [0]


def test_groups_do_not_meet(broker: LoneBroker) -> None:
    assert lock(broker, "c1", 0) == lock(broker, "c2", 0, group="GroupB") == [0]


@pytest.mark.parametrize(
    ("client", "group"),
    [("", "GroupA"), (None, "GroupA"), ("c", "../x"), ("c", None), ("c", " "), ("c" * 1025, "GroupA")],
)
@pytest.mark.parametrize("code", [RequestCode.LOCK_BATCH_MQ, RequestCode.UNLOCK_BATCH_MQ])
def test_nobody_and_nowhere_are_refused(broker: LoneBroker, code: int, client: object, group: object) -> None:
    assert broker.ask(code, body=body(client, 0, group=group)).code == 29
    assert len(broker.state.locks) == 0


@pytest.mark.parametrize(
    "broken", [b"", b"{", b'{"mqSet":7,"consumerGroup":"GroupA","clientId":"c"}', b'{"mqSet":[7]}']
)
def test_a_broken_body_is_refused(broker: LoneBroker, broken: bytes) -> None:
    assert broker.ask(RequestCode.LOCK_BATCH_MQ, body=broken).code == 1
    assert len(broker.state.locks) == 0


def test_a_vanished_client_leaves_no_lease_behind() -> None:
    table = LockTable()
    table.acquire("GroupA", QUEUES, "c1", EPOCH_MS)
    table.acquire("GroupB", QUEUES[:1], "c1", EPOCH_MS + 1)
    assert table.is_group_locked("GroupA", EPOCH_MS + LEASE_MS)
    assert not table.is_group_locked("GroupA", EPOCH_MS + LEASE_MS + 1)
    table.drop_expired(EPOCH_MS + LEASE_MS + 1)
    assert len(table) == 1
    table.drop_group("GroupB")
    table.drop_group("GroupC")
    assert len(table) == 0
    assert not table.is_group_locked("GroupB", EPOCH_MS)


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.lock_table.QUEUE_LOCKS_MAX", 2)
    table = LockTable()
    assert table.acquire("GroupA", QUEUES, "c1", EPOCH_MS) == QUEUES[:2]
    assert table.acquire("GroupA", QUEUES[:1], "c1", EPOCH_MS) == QUEUES[:1], "renewing is always possible"
    assert table.acquire("GroupB", QUEUES, "c1", EPOCH_MS) == []
    table.release("GroupA", QUEUES, "c1")
    assert len(table) == 0
    assert table.acquire("GroupB", QUEUES[:1], "c1", EPOCH_MS) == QUEUES[:1]
