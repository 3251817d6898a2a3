"""Replies on their way to whoever asked; what Java answers is in the golden dialogue `replies`."""

import json
from collections.abc import Mapping

import pytest

from pocketmq.broker.router import HANDLERS
from pocketmq.broker.session_table import Client, SessionTable
from pocketmq.broker.sessions import connection_closed
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Relay, Reply
from pocketmq.model.peer import Peer
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.properties import decode_properties, encode_properties_text
from pocketmq.testing.lone_broker import ALICE, BOB, LoneBroker

REPLY_TOPIC = "DefaultCluster_REPLY_TOPIC"
MEANT = {"CORRELATION_ID": "1-2", "REPLY_TO_CLIENT": "asker", "TTL": "3000", "MSG_TYPE": "reply"}
V2 = RequestCode.SEND_REPLY_MESSAGE_V2


def fields(properties: Mapping[str, str] = MEANT, **letters: object) -> dict[str, object]:
    known: dict[str, object] = {"a": "PG", "b": REPLY_TOPIC, "c": "TBW102", "d": 4, "e": 0, "f": 0, "g": 7, "h": 3}
    return known | {"i": encode_properties_text(properties), "j": 0, "k": "false", "m": "false"} | letters


def asking(broker: LoneBroker, client: str = "asker", peer: Peer = BOB, group: str = "PG") -> None:
    body = {"clientID": client, "producerDataSet": [{"groupName": group}]}
    assert broker.ask(RequestCode.HEART_BEAT, body=json.dumps(body).encode(), peer=peer).code == 0


def decided(broker: LoneBroker, code: int = V2, **letters: object) -> Relay:
    outcome = broker.decide(code, fields(**letters), b"pong")  # type: ignore[arg-type]
    assert isinstance(outcome, Relay)
    return outcome


def end(broker: LoneBroker) -> int:
    broker.end_turn()
    return broker.state.store.max_offset(REPLY_TOPIC, 0)


def test_a_reply_is_stored_and_passed_on(broker: LoneBroker) -> None:
    asking(broker)
    relay = decided(broker)
    assert (relay.peer_id, relay.code, relay.body, relay.timeout_ms) == (BOB.id, 326, b"pong", 10_000)
    assert relay.fields["bornHost"] == "127.0.0.1:50001"
    assert relay.fields["storeHost"] == broker.state.address
    assert decode_properties(relay.fields["properties"])["PUSH_REPLY_TIME"] == str(broker.now_ms)
    assert isinstance(relay.accepted, Reply)
    assert isinstance(relay.failed, Reply)
    assert (relay.accepted.code, relay.accepted.fields["queueOffset"]) == (0, "0")
    assert len(relay.accepted.fields["msgId"]) == 32, "where it lies"
    assert decided(broker).accepted.fields["queueOffset"] == "1"  # type: ignore[union-attr]
    assert (relay.failed.code, relay.failed.remark) == (1, "push reply message to askerfail.")
    assert end(broker) == 2


def test_what_cannot_be_stored_is_passed_on_all_the_same(broker: LoneBroker) -> None:
    asking(broker)
    broker.state.store.refuses = "full"
    relay = decided(broker)
    assert relay.accepted is not None
    assert relay.accepted.fields["msgId"] == "0"
    assert end(broker) == 0


def test_storing_can_be_turned_off(broker: LoneBroker) -> None:
    asking(broker)
    broker.state.settings.store_reply_message_enable = False
    decided(broker)
    assert end(broker) == 0


def test_no_queue_named_is_any_queue(broker: LoneBroker) -> None:
    asking(broker)
    relay = decided(broker, e=-1)
    assert relay.accepted is not None
    assert (relay.accepted.fields["queueId"], relay.fields["queueId"]) == ("0", "-1")


@pytest.mark.parametrize("letters", [{"b": "a/b"}, {"e": 9}, {"e": "many"}, {"a": None}])
def test_what_no_send_could_say_is_refused_and_reaches_nobody(broker: LoneBroker, letters: dict[str, object]) -> None:
    asking(broker)
    texts = {key: str(value) for key, value in fields(**letters).items() if value is not None}  # type: ignore[arg-type]
    with pytest.raises(Refusal) as refused:
        HANDLERS[V2](Command.of(V2, texts, b"pong"), ALICE, broker.state, broker.now_ms)
    assert refused.value.fields == broker.state.stamp.reply_fields
    assert end(broker) == 0


def test_a_requester_that_is_gone_hears_nothing(broker: LoneBroker) -> None:
    asking(broker)
    connection_closed(broker.state, BOB.id)
    reply = broker.decide(V2, fields(), b"pong")
    assert isinstance(reply, Reply)
    assert (reply.code, reply.remark) == (
        ResponseCode.SYSTEM_ERROR,
        "push reply message fail, channel of <asker> not found.",
    )
    assert reply.fields["queueOffset"] == "0", "it is stored nevertheless"


# ---------------------------------------------------------------------------------- producers by name


def test_a_producer_is_found_where_it_came_last(broker: LoneBroker) -> None:
    table = broker.state.sessions
    asking(broker, peer=ALICE)
    asking(broker, peer=ALICE, group="PG2")
    asking(broker, peer=BOB)
    assert found(table) == BOB.id
    table.leave_producers("PG", BOB.id)
    assert found(table) == ALICE.id
    assert not table.leave_producers("PG", BOB.id)
    table.leave_all(ALICE.id)
    assert found(table) is None


def test_a_producer_that_changes_its_name_is_found_by_the_new_one(broker: LoneBroker) -> None:
    asking(broker)
    asking(broker, client="renamed")
    assert (found(broker.state.sessions), found(broker.state.sessions, "renamed")) == (None, BOB.id)
    connection_closed(broker.state, BOB.id)
    assert found(broker.state.sessions, "renamed") is None


def test_a_producer_that_found_no_room_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.session_table.CLIENT_REGISTRATIONS_MAX", 1)
    table = SessionTable()
    for peer, name in ((ALICE, "first"), (BOB, "asker")):
        table.join_producers("PG", Client(peer, name, "JAVA", 1, 0))
    assert (found(table, "first"), found(table)) == (ALICE.id, None)


def found(table: SessionTable, name: str = "asker") -> int | None:
    client = table.find_producer(name)
    return None if client is None else client.peer.id
