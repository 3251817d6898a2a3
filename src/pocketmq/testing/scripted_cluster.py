"""A scripted peer that plays a name server and one broker well enough to send to and to consume from.

It keeps messages in lists, holds pulls until something comes, and has none of a broker's policies: what a test is
about, it puts into the peer's `script` in place of the part played here.
"""

import asyncio
from types import TracebackType

from pocketmq.model.outcome import Reply
from pocketmq.model.peer import pack_host
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies import (
    BrokerData,
    ClusterInfo,
    GetConsumerListByGroupResponseBody,
    HeartbeatData,
    LockBatchRequestBody,
    LockBatchResponseBody,
    QueueData,
    TopicRouteData,
)
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import (
    ConsumerSendMsgBackRequest,
    GetConsumerListByGroupRequest,
    GetRouteInfoRequest,
    PullMessageRequest,
    PullMessageResponse,
    QueryConsumerOffsetRequest,
    QueryConsumerOffsetResponse,
    SendMessageRequestV2,
    SendMessageResponse,
    UnregisterClientRequest,
    UpdateConsumerOffsetRequest,
)
from pocketmq.protocol.message import split_batch
from pocketmq.protocol.properties import encode_properties
from pocketmq.protocol.record import lay
from pocketmq.testing.scripted_peer import Answer, ScriptedPeer

BROKER = "broker-a"
CLUSTER = "DefaultCluster"
BATCH_BYTES_MAX = 1 << 24
STORE_HOST = pack_host("127.0.0.1", 10911)


class ScriptedCluster:
    """`topics` gives each topic's queue count. `members`, `committed` and `locked_by` may be set by a test."""

    def __init__(self, **topics: int) -> None:
        self.topics = dict(topics)
        self.records: dict[tuple[str, int], list[bytes]] = {}
        self.members: dict[str, list[str]] = {}
        self.committed: dict[tuple[str, str, int], int] = {}
        self.locked_by: dict[MessageQueue, str] = {}
        self.sent_back: list[ConsumerSendMsgBackRequest] = []
        self._arrived = asyncio.Condition()
        self.peer = ScriptedPeer(
            {
                RequestCode.GET_ROUTEINFO_BY_TOPIC: self._route,
                RequestCode.GET_BROKER_CLUSTER_INFO: self._cluster,
                RequestCode.HEART_BEAT: self._heartbeat,
                RequestCode.UNREGISTER_CLIENT: self._unregister,
                RequestCode.GET_CONSUMER_LIST_BY_GROUP: self._member_list,
                RequestCode.QUERY_CONSUMER_OFFSET: self._query_offset,
                RequestCode.UPDATE_CONSUMER_OFFSET: self._update_offset,
                RequestCode.GET_MAX_OFFSET: self._max_offset,
                RequestCode.PULL_MESSAGE: self._pull,
                RequestCode.CONSUMER_SEND_MSG_BACK: self._send_back,
                RequestCode.LOCK_BATCH_MQ: self._lock,
                RequestCode.UNLOCK_BATCH_MQ: self._unlock,
                RequestCode.SEND_MESSAGE_V2: self._send,
                RequestCode.SEND_BATCH_MESSAGE: self._send_batch,
            }
        )

    async def __aenter__(self) -> "ScriptedCluster":
        await self.peer.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.peer.__aexit__(kind, error, trace)

    @property
    def address(self) -> str:
        """Of name server and broker alike."""
        return self.peer.address

    def pulls(self, topic: str) -> list[PullMessageRequest]:
        """Every pull of the topic that has come."""
        pulls = (request for request in self.peer.requests if request.code == RequestCode.PULL_MESSAGE)
        headers = (PullMessageRequest.decode(request.fields) for request in pulls)
        return [header for header in headers if header.topic == topic]

    async def store(
        self,
        topic: str,
        body: bytes,
        *,
        queue_id: int = 0,
        properties: dict[str, str] | None = None,
        sys_flag: int = 0,
        reconsume_times: int = 0,
    ) -> int:
        """Appends a message and wakes the pulls that wait; gives its queue offset."""
        records = self.records.setdefault((topic, queue_id), [])
        raw = encode_properties(properties or {})
        buffer = bytearray(1024 + len(body) + len(raw))
        offset = len(records)
        log_offset = queue_id * 1_000_000 + offset * 1000
        size = lay(
            buffer,
            0,
            topic.encode(),
            queue_id,
            0,
            offset,
            log_offset,
            sys_flag,
            1000,
            STORE_HOST,
            2000,
            STORE_HOST,
            reconsume_times,
            0,
            body,
            raw,
        )
        records.append(bytes(buffer[:size]))
        async with self._arrived:
            self._arrived.notify_all()
        return offset

    async def _route(self, request: Command) -> Answer:
        topic = GetRouteInfoRequest.decode(request.fields).topic
        if topic not in self.topics:
            return Reply(ResponseCode.TOPIC_NOT_EXIST, f"No topic route info in name server for the topic: {topic}")
        count = self.topics[topic]
        route = TopicRouteData(
            queue_datas=(QueueData(BROKER, count, count, 6),),
            broker_datas=(BrokerData(CLUSTER, BROKER, self._members()),),
        )
        return Reply(body=route.encode())

    async def _cluster(self, request: Command) -> Answer:
        cluster = ClusterInfo({BROKER: BrokerData(CLUSTER, BROKER, self._members())}, {CLUSTER: (BROKER,)})
        return Reply(body=cluster.encode())

    async def _heartbeat(self, request: Command) -> Answer:
        heartbeat = HeartbeatData.decode(request.body)
        for member in heartbeat.consumer_data_set:
            known = self.members.setdefault(member.group_name, [])
            if heartbeat.client_id is not None and heartbeat.client_id not in known:
                known.append(heartbeat.client_id)
            self.topics.setdefault(f"%RETRY%{member.group_name}", 1)
        return Reply()

    async def _unregister(self, request: Command) -> Answer:
        header = UnregisterClientRequest.decode(request.fields)
        if header.consumer_group is not None:
            self.members[header.consumer_group].remove(header.client_id)
        return Reply()

    async def _member_list(self, request: Command) -> Answer:
        group = GetConsumerListByGroupRequest.decode(request.fields).consumer_group
        if not self.members.get(group):
            return Reply(ResponseCode.SYSTEM_ERROR, f"no consumer for this group, {group}")
        return Reply(body=GetConsumerListByGroupResponseBody(tuple(self.members[group])).encode())

    async def _query_offset(self, request: Command) -> Answer:
        header = QueryConsumerOffsetRequest.decode(request.fields)
        kept = self.committed.get((header.consumer_group, header.topic, header.queue_id))
        if kept is None:
            return Reply(ResponseCode.QUERY_NOT_FOUND, "Not found")
        return Reply(fields=QueryConsumerOffsetResponse(offset=kept).fields())

    async def _update_offset(self, request: Command) -> Answer:
        header = UpdateConsumerOffsetRequest.decode(request.fields)
        self.committed[header.consumer_group, header.topic, header.queue_id] = header.commit_offset
        return Reply()

    async def _max_offset(self, request: Command) -> Answer:
        stored = self.records.get((request.fields["topic"], int(request.fields["queueId"])), [])
        return Reply(fields={"offset": str(len(stored))})

    async def _pull(self, request: Command) -> Answer:
        header = PullMessageRequest.decode(request.fields)
        records = self.records.setdefault((header.topic, header.queue_id), [])
        end = len(records)
        if header.queue_offset > end:
            return self._pulled(ResponseCode.PULL_OFFSET_MOVED, end, end)
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(records) > header.queue_offset)
        found = records[header.queue_offset : header.queue_offset + header.max_msg_nums]
        return self._pulled(0, header.queue_offset + len(found), len(records), b"".join(found))

    async def _send_back(self, request: Command) -> Answer:
        self.sent_back.append(ConsumerSendMsgBackRequest.decode(request.fields))
        return Reply()

    async def _lock(self, request: Command) -> Answer:
        wanted = LockBatchRequestBody.decode(request.body)
        granted = [queue for queue in wanted.mq_set if self.locked_by.get(queue) in (None, wanted.client_id)]
        self.locked_by |= dict.fromkeys(granted, wanted.client_id or "")
        return Reply(body=LockBatchResponseBody(tuple(granted)).encode())

    async def _unlock(self, request: Command) -> Answer:
        wanted = LockBatchRequestBody.decode(request.body)
        for queue in wanted.mq_set:
            if self.locked_by.get(queue) == wanted.client_id:
                del self.locked_by[queue]
        return Reply()

    async def _send(self, request: Command) -> Answer:
        header = SendMessageRequestV2.decode(request.fields)
        self.topics.setdefault(header.topic, 4)
        properties = dict(pair.split("\x01") for pair in (header.properties or "").split("\x02") if pair)
        offset = await self.store(
            header.topic, request.body, queue_id=header.queue_id, properties=properties, sys_flag=header.sys_flag
        )
        return self._sent(header.queue_id, offset)

    async def _send_batch(self, request: Command) -> Answer:
        header = SendMessageRequestV2.decode(request.fields)
        offsets = [
            await self.store(header.topic, entry.body, queue_id=header.queue_id)
            for entry in split_batch(request.body, BATCH_BYTES_MAX)
        ]
        return self._sent(header.queue_id, offsets[0])

    def _sent(self, queue_id: int, offset: int) -> Reply:
        place = f"{STORE_HOST.hex().upper()}{queue_id * 1_000_000 + offset * 1000:016X}"
        return Reply(fields=SendMessageResponse(msg_id=place, queue_id=queue_id, queue_offset=offset).fields())

    def _pulled(self, code: int, next_offset: int, end: int, body: bytes = b"") -> Reply:
        header = PullMessageResponse(
            suggest_which_broker_id=0, next_begin_offset=next_offset, min_offset=0, max_offset=end
        )
        return Reply(code, None, header.fields(), body)

    def _members(self) -> dict[int, str]:
        return {0: self.address}
