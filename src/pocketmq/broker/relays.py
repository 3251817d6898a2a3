"""Questions that an administrator asks a consumer by way of its broker."""

from collections.abc import Mapping

from pocketmq.broker.records import log_offset_of
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, Relay, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.versions import version_name, version_ordinal
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.clients import ConsumeMessageDirectlyResultRequest, GetConsumerRunningInfoRequest

RELAY_MS = 10_000
"""Broker2Client#callClient: how long the client may think."""

VERSION_NEEDED = "V3_1_8_SNAPSHOT"
"""AdminBrokerProcessor#callConsumer: clients before it do not answer."""


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
}
