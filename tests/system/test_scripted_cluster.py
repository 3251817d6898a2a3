"""The scripted cluster of the client's unit tests says what a real broker says, in all that it plays."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from pocketmq.client import Admin
from pocketmq.client.connections import Connections
from pocketmq.model.message import Message
from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import ConsumeType, MessageModel, tag_subscription
from pocketmq.protocol.bodies import ConsumerData, HeartbeatData, LockBatchRequestBody, UnlockBatchRequestBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.headers import (
    ConsumerSendMsgBackRequest,
    GetConsumerListByGroupRequest,
    GetMaxOffsetRequest,
    GetRouteInfoRequest,
    Header,
    PullMessageRequest,
    QueryConsumerOffsetRequest,
    SendMessageRequestV2,
    UnregisterClientRequest,
    UpdateConsumerOffsetRequest,
)
from pocketmq.protocol.message import encode_messages
from pocketmq.testing.embedded import embedded
from pocketmq.testing.scripted_cluster import ScriptedCluster
from pocketmq.transport.clock import Clock

PATIENCE_SECONDS = 60.0
CLIENT = "me@1"
QUEUE = MessageQueue("orders", "broker-a", 0)
EMPTY = Header()
ANY = frozenset(range(4000))

Step = tuple[str, RequestCode, Header, bytes]


def pull(offset: int) -> PullMessageRequest:
    return PullMessageRequest(
        consumer_group="CG",
        topic="orders",
        queue_id=0,
        queue_offset=offset,
        max_msg_nums=32,
        sys_flag=2,
        commit_offset=0,
        suspend_timeout_millis=15_000,
        sub_version=1,
    )


def send(code: RequestCode) -> SendMessageRequestV2:
    return SendMessageRequestV2(
        producer_group="PG",
        topic="orders",
        default_topic="TBW102",
        default_topic_queue_nums=4,
        queue_id=0,
        sys_flag=0,
        born_timestamp=1,
        flag=0,
        properties="UNIQ_KEY\x01U\x02",
        batch=code == RequestCode.SEND_BATCH_MESSAGE,
    )


def dialogue() -> Iterator[Step]:
    """What a consumer and a producer of one queue ask; the name says whom."""
    member = ConsumerData(
        "CG",
        ConsumeType.CONSUME_PASSIVELY,
        MessageModel.CLUSTERING,
        subscription_data_set=(tag_subscription("orders", "*", version=1),),
    )
    heartbeat = HeartbeatData(client_id=CLIENT, consumer_data_set=(member,)).encode()
    batch = encode_messages([Message("orders", b"1"), Message("orders", b"2")])
    asked_offset = QueryConsumerOffsetRequest(consumer_group="CG", topic="orders", queue_id=0)
    committed = UpdateConsumerOffsetRequest(consumer_group="CG", topic="orders", queue_id=0, commit_offset=2)
    back = ConsumerSendMsgBackRequest(group="CG", offset=0, delay_level=3, origin_topic="orders")
    lock = LockBatchRequestBody("CG", CLIENT, mq_set=(QUEUE,)).encode()
    other_lock = LockBatchRequestBody("CG", "another", mq_set=(QUEUE,)).encode()
    yield "namesrv", RequestCode.GET_ROUTEINFO_BY_TOPIC, GetRouteInfoRequest(topic="missing"), b""
    yield "namesrv", RequestCode.GET_ROUTEINFO_BY_TOPIC, GetRouteInfoRequest(topic="orders"), b""
    yield "namesrv", RequestCode.GET_BROKER_CLUSTER_INFO, EMPTY, b""
    yield "broker", RequestCode.GET_CONSUMER_LIST_BY_GROUP, GetConsumerListByGroupRequest(consumer_group="CG"), b""
    yield "broker", RequestCode.HEART_BEAT, EMPTY, heartbeat
    yield "broker", RequestCode.GET_CONSUMER_LIST_BY_GROUP, GetConsumerListByGroupRequest(consumer_group="CG"), b""
    yield "broker", RequestCode.SEND_MESSAGE_V2, send(RequestCode.SEND_MESSAGE_V2), b"0"
    yield "broker", RequestCode.SEND_BATCH_MESSAGE, send(RequestCode.SEND_BATCH_MESSAGE), batch
    yield "broker", RequestCode.GET_MAX_OFFSET, GetMaxOffsetRequest(topic="orders", queue_id=0), b""
    yield "broker", RequestCode.PULL_MESSAGE, pull(1), b""
    yield "broker", RequestCode.PULL_MESSAGE, pull(99), b""
    yield "broker", RequestCode.UPDATE_CONSUMER_OFFSET, committed, b""
    yield "broker", RequestCode.QUERY_CONSUMER_OFFSET, asked_offset, b""
    yield "broker", RequestCode.LOCK_BATCH_MQ, EMPTY, lock
    yield "broker", RequestCode.LOCK_BATCH_MQ, EMPTY, other_lock
    yield "broker", RequestCode.UNLOCK_BATCH_MQ, EMPTY, UnlockBatchRequestBody("CG", CLIENT, mq_set=(QUEUE,)).encode()
    yield "broker", RequestCode.LOCK_BATCH_MQ, EMPTY, other_lock
    yield "broker", RequestCode.CONSUMER_SEND_MSG_BACK, back, b""
    yield "broker", RequestCode.UNREGISTER_CLIENT, UnregisterClientRequest(client_id=CLIENT, consumer_group="CG"), b""
    yield "broker", RequestCode.GET_CONSUMER_LIST_BY_GROUP, GetConsumerListByGroupRequest(consumer_group="CG"), b""


def test_both_say_the_same(tmp_path: Path) -> None:
    real = asyncio.run(_real(tmp_path))
    scripted = asyncio.run(_scripted())
    assert scripted == real
    assert [code for _, code, *_ in scripted].count(ResponseCode.SUCCESS) == 16


async def _scripted() -> list[tuple[str, int, frozenset[str], object]]:
    async with ScriptedCluster(orders=1) as cluster:
        return await _answers({"namesrv": cluster.address, "broker": cluster.address})


async def _real(folder: Path) -> list[tuple[str, int, frozenset[str], object]]:
    async with embedded(folder) as cluster:
        async with Admin(cluster.namesrv_address) as admin:
            await admin.create_topic("orders", queues=1)
        return await _answers({"namesrv": cluster.namesrv_address, "broker": cluster.broker_address})


async def _answers(addresses: dict[str, str]) -> list[tuple[str, int, frozenset[str], object]]:
    """Code, which fields, and what of body and fields does not depend on where and when, for each step."""
    connections = Connections(Clock(), lambda channel, request: None)
    found = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for whom, code, header, body in dialogue():
                answer = await connections.call(
                    addresses[whom], code, header.fields(), body, timeout=PATIENCE_SECONDS, accept=ANY
                )
                steady = {
                    name: answer.fields[name]
                    for name in ("queueId", "queueOffset", "offset", "nextBeginOffset", "maxOffset", "minOffset")
                    if name in answer.fields
                }
                locked = answer.body if code == RequestCode.LOCK_BATCH_MQ else b""
                found.append((code.name, answer.code, frozenset(steady.items()), (bool(answer.body), locked)))
    finally:
        await connections.close("done")
    return found
