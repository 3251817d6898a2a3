"""Questions that an administrator asks consumers by way of their broker."""

from collections.abc import Mapping
from functools import partial

from pocketmq.broker.records import log_offset_of
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, Relay, Reply, Survey
from pocketmq.model.peer import Peer
from pocketmq.model.queue import MessageQueue
from pocketmq.model.versions import version_name, version_ordinal
from pocketmq.protocol.bodies.offsets import GetConsumerStatusBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.clients import (
    ConsumeMessageDirectlyResultRequest,
    GetConsumerRunningInfoRequest,
    GetConsumerStatusRequest,
)

RELAY_MS = 10_000
"""Broker2Client#callClient: how long the client may think."""

SURVEY_MS = 3_000
"""Java gives each client 5 s in turn (Broker2Client#getConsumeStatus), as long as `mqadmin` waits for them all."""

VERSION_NEEDED = "V3_1_8_SNAPSHOT"
"""AdminBrokerProcessor#callConsumer: clients before it do not answer."""

STATUS_VERSION_NEEDED = "V3_0_7_SNAPSHOT"
"""Broker2Client: clients before it know neither 220 nor 221."""


def get_consumer_running_info(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_CONSUMER_RUNNING_INFO: what a consumer says about itself."""
    header = GetConsumerRunningInfoRequest.decode(request.fields)
    return _relay(request, state, header.consumer_group, header.client_id, request.fields, request.body)


def consume_message_directly(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """CONSUME_MESSAGE_DIRECTLY: the consumer works on one stored message now, and says how that went."""
    header = ConsumeMessageDirectlyResultRequest.decode(request.fields)
    log_offset = log_offset_of(header.msg_id or "")
    record = None
    if log_offset is not None and state.store.log_min_offset <= log_offset < state.store.log_max_offset:
        record = state.store.read_record(log_offset)
    if record is None:
        raise Refusal(
            ResponseCode.SYSTEM_ERROR, f"msgId {(header.msg_id or '')[:80]!r} names no message of this broker"
        )
    fields = dict(request.fields) | {"brokerName": state.settings.broker_name}
    if topic := state.topics.find(header.topic or ""):
        fields["topicSysFlag"] = str(topic.topic_sys_flag)
    if group := state.groups.find(header.consumer_group):
        fields["groupSysFlag"] = str(group.group_sys_flag)
    return _relay(request, state, header.consumer_group, header.client_id, fields, record)


def get_consumer_status(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """INVOKE_BROKER_TO_GET_CONSUMER_STATUS: the offsets in a topic as the group's clients, or one, know them."""
    header = GetConsumerStatusRequest.decode(request.fields)
    consumers = state.sessions.consumers.get(header.group)
    if consumers is None:
        # Java falls over here.
        return Reply(ResponseCode.SYSTEM_ERROR, f"No Any Consumer online in the consumer group: [{header.group}]")
    wanted = (header.client_addr or "").strip()
    asked: dict[int, str] = {}
    for peer_id, client in consumers.clients.items():
        if client.version < version_ordinal(STATUS_VERSION_NEEDED):
            return too_old(client.version)
        if wanted in ("", client.client_id):
            asked[peer_id] = client.client_id
    if not asked:
        return _status(asked, {})
    fields = GetConsumerStatusRequest(topic=header.topic, group=header.group).fields()
    code = RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT
    return Survey(tuple(asked), code, fields, SURVEY_MS, partial(_status, asked))


def too_old(version: int) -> Reply:
    """The answer where a connected client cannot do what is asked of it."""
    return Reply(
        ResponseCode.SYSTEM_ERROR, f"the client does not support this feature. version={version_name(version)}"
    )


def _status(client_ids: Mapping[int, str], replies: Mapping[int, Reply]) -> Reply:
    """What the clients said; one that failed, or said nothing that makes sense, is left out."""
    table: dict[str, Mapping[MessageQueue, int]] = {}
    for peer_id, reply in replies.items():
        if reply.code != ResponseCode.SUCCESS or not reply.body:
            continue
        try:
            body = GetConsumerStatusBody.decode(reply.body)
        except Refusal:
            continue
        table[client_ids[peer_id]] = body.message_queue_table
    return Reply(body=GetConsumerStatusBody(consumer_table=table).encode())


def _relay(
    request: Command, state: BrokerState, group: str, client_id: str | None, fields: Mapping[str, str], body: bytes
) -> Outcome:
    client = state.sessions.find_consumer(group, client_id or "")
    if client is None:
        return Reply(ResponseCode.SYSTEM_ERROR, f"The Consumer <{group}> <{client_id}> not online")
    if client.version < version_ordinal(VERSION_NEEDED):
        return Reply(
            ResponseCode.SYSTEM_ERROR,
            f"The Consumer <{client_id}> Version <{version_name(client.version)}> too low to finish, "
            f"please upgrade it to {VERSION_NEEDED}",
        )
    return Relay(client.peer.id, request.code, dict(fields), body, RELAY_MS)


HANDLERS: dict[int, Handler] = {
    RequestCode.GET_CONSUMER_RUNNING_INFO: get_consumer_running_info,
    RequestCode.CONSUME_MESSAGE_DIRECTLY: consume_message_directly,
    RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS: get_consumer_status,
}
