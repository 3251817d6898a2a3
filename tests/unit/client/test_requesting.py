"""Asking by message and replying: what goes out, who is told, and which reply is whose."""

import asyncio
import random
import zlib

import pytest

from pocketmq.client import (
    BrokerError,
    ClientClosed,
    IllegalMessage,
    Message,
    MessageQueue,
    Producer,
    ReceivedMessage,
    RequestTimeout,
    create_reply_message,
)
from pocketmq.model.flags import COMPRESSED, CompressionType
from pocketmq.model.message import StoredMessage
from pocketmq.model.outcome import Reply
from pocketmq.protocol.bodies import HeartbeatData
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.headers import ReplyMessageRequest, SendMessageRequestV2
from pocketmq.protocol.properties import decode_properties, encode_properties_text
from pocketmq.testing.manual_clock import ManualClock
from pocketmq.testing.scripted_cluster import ScriptedCluster

SEND, SEND_REPLY = RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_REPLY_MESSAGE_V2
PUSH = RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT
REPLY_TOPIC = "DefaultCluster_REPLY_TOPIC"


def producer_of(cluster: ScriptedCluster, clock: ManualClock) -> Producer:
    return Producer(cluster.address, group="PG", client_id="asker", clock=clock, rng=random.Random(7), retries=0)


async def asked_properties(cluster: ScriptedCluster, nth: int = 1) -> dict[str, str]:
    request = await cluster.peer.received(SEND, nth)
    return decode_properties(SendMessageRequestV2.decode(request.fields).properties or "")


def push(correlation_id: str, sys_flag: int = 0) -> dict[str, str]:
    return ReplyMessageRequest(
        producer_group="PG2",
        topic=REPLY_TOPIC,
        default_topic="TBW102",
        default_topic_queue_nums=4,
        queue_id=0,
        sys_flag=sys_flag,
        born_timestamp=7,
        flag=9,
        properties=encode_properties_text({"CORRELATION_ID": correlation_id, "price": "5"}),
        born_host="127.0.0.1:1",
        store_host="127.0.0.1:2",
    ).fields()


async def test_the_reply_comes_to_the_one_who_asked() -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1, **{REPLY_TOPIC: 1}) as cluster, producer_of(cluster, clock) as producer:
        first = asyncio.ensure_future(producer.request(Message("orders", b"one?", tags="a"), timeout=2.5))
        properties = await asked_properties(cluster)
        assert (properties["REPLY_TO_CLIENT"], properties["TTL"], properties["TAGS"]) == ("asker", "2500", "a")
        second = asyncio.ensure_future(producer.request(Message("orders", b"two?")))
        other = await asked_properties(cluster, 2)
        beats = [request for request in cluster.peer.requests if request.code == RequestCode.HEART_BEAT]
        assert len(beats) == 1, "the brokers know it by now"
        assert properties["CORRELATION_ID"] != other["CORRELATION_ID"]
        answer = await cluster.peer.ask(PUSH, push(other["CORRELATION_ID"]), b"two!")
        assert (answer.code, first.done()) == (0, False)
        packed = COMPRESSED | CompressionType.ZLIB << 8
        await cluster.peer.ask(PUSH, push(properties["CORRELATION_ID"], packed), zlib.compress(b"one!"))
        replies = await first, await second
        assert [reply.body for reply in replies] == [b"one!", b"two!"]
        assert (replies[0].topic, replies[0].flag, replies[0].properties["price"]) == (REPLY_TOPIC, 9, "5")
        assert replies[0].properties["ARRIVE_TIME"] == str(clock.now_ms())
        assert len(producer._requests) == 0
        late = await cluster.peer.ask(PUSH, push(properties["CORRELATION_ID"]), b"again")
        assert late.code == 0, "Java too takes what it no longer waits for"


async def test_brokers_know_who_asks_before_they_are_asked() -> None:
    async with (
        ScriptedCluster(orders=1, **{REPLY_TOPIC: 1}) as cluster,
        producer_of(cluster, ManualClock()) as producer,
    ):
        asking = asyncio.ensure_future(producer.request(Message("orders", b"?")))
        await asked_properties(cluster)
        codes = [request.code for request in cluster.peer.requests]
        beat = next(request for request in cluster.peer.requests if request.code == RequestCode.HEART_BEAT)
        assert codes.index(RequestCode.HEART_BEAT) < codes.index(SEND)
        assert HeartbeatData.decode(beat.body).client_id == "asker"
        topics = [
            one.fields["topic"] for one in cluster.peer.requests if one.code == RequestCode.GET_ROUTEINFO_BY_TOPIC
        ]
        assert topics == ["orders", REPLY_TOPIC], "the reply may come to any broker that has the cluster's reply topic"
        asking.cancel()


async def test_nobody_replies_in_time() -> None:
    clock = ManualClock()
    async with ScriptedCluster(orders=1) as cluster, producer_of(cluster, clock) as producer:
        asking = asyncio.ensure_future(producer.request(Message("orders", b"?"), timeout=2.0))
        correlation_id = (await asked_properties(cluster))["CORRELATION_ID"]
        while not asking.done():
            await clock.advance(0.5)
        with pytest.raises(RequestTimeout, match=f"request {correlation_id} to topic 'orders'"):
            await asking
        assert len(producer._requests) == 0


async def test_a_request_that_is_not_stored_is_not_waited_for() -> None:
    async with ScriptedCluster(orders=1) as cluster, producer_of(cluster, ManualClock()) as producer:
        cluster.peer.script[SEND] = Reply(13, "no")
        with pytest.raises(BrokerError, match="no"):
            await producer.request(Message("orders", b"?"))
        assert len(producer._requests) == 0
    with pytest.raises(ClientClosed):
        await producer.request(Message("orders", b"?"))


class Nobody:
    def finish(self, message: ReceivedMessage) -> bool:
        return True

    async def retry(self, message: ReceivedMessage, delay_level: int) -> None:
        raise AssertionError


def received(**properties: str) -> ReceivedMessage:
    return ReceivedMessage(
        StoredMessage(topic="orders", body=b"?", properties=properties), MessageQueue("orders", "broker-a", 0), Nobody()
    )


ASKED = {"CLUSTER": "DefaultCluster", "REPLY_TO_CLIENT": "asker", "CORRELATION_ID": "1-2", "TTL": "2500"}


async def test_a_reply_goes_out_as_one() -> None:
    reply = create_reply_message(received(**ASKED), b"!")
    assert (reply.topic, reply.body) == (REPLY_TOPIC, b"!")
    async with ScriptedCluster(**{REPLY_TOPIC: 1}) as cluster, producer_of(cluster, ManualClock()) as producer:
        cluster.peer.script[SEND_REPLY] = Reply(fields={"msgId": "0", "queueId": "0", "queueOffset": "0"})
        result = await producer.send(reply)
        assert result.offset_message_id == "0"
        header = SendMessageRequestV2.decode((await cluster.peer.received(SEND_REPLY)).fields)
        properties = decode_properties(header.properties or "")
        assert properties.pop("UNIQ_KEY") == result.message_id
        wanted = {"REPLY_TO_CLIENT": "asker", "CORRELATION_ID": "1-2", "TTL": "2500", "MSG_TYPE": "reply"}
        assert (header.topic, properties) == (REPLY_TOPIC, wanted)


@pytest.mark.parametrize("missing", ["CLUSTER", "REPLY_TO_CLIENT", "CORRELATION_ID"])
def test_only_a_request_can_be_replied_to(missing: str) -> None:
    with pytest.raises(IllegalMessage, match=f"is no request: it has no property {missing}"):
        create_reply_message(received(**{key: value for key, value in ASKED.items() if key != missing}), b"!")
