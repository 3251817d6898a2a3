"""Moving a group to another place in a topic, by an administrator's order.

With `useServerSideResetOffset` the broker moves the group itself, whether or not consumers are connected. Without it,
the connected consumers are told to (RESET_CONSUMER_CLIENT_OFFSET), and a group that nobody serves cannot be moved.
"""

from pocketmq.broker.offset_table import NOT_FOUND
from pocketmq.broker.relays import STATUS_VERSION_NEEDED, too_old
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model import names
from pocketmq.model.broker_settings import BrokerRole
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import QUEUES_PER_TOPIC_MAX
from pocketmq.model.outcome import Outcome, Push, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.queue import MessageQueue
from pocketmq.model.versions import version_ordinal
from pocketmq.protocol.bodies.offsets import MessageQueueForC, ResetOffsetBody, ResetOffsetBodyForC
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.offsets import CloneGroupOffsetRequest, ResetOffsetRequest

ANY_OFFSET = -1
"""AdminBrokerProcessor#resetOffsetInner: the header's way to say that the time decides."""


def invoke_reset_offset(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """INVOKE_BROKER_TO_RESET_OFFSET: answers the new offset of each queue."""
    header = ResetOffsetRequest.decode(request.fields)
    if not state.settings.use_server_side_reset_offset:
        return _reset_by_consumers(request, header, state)
    if state.settings.broker_role is BrokerRole.SLAVE:
        return Reply(ResponseCode.SYSTEM_ERROR, "Can not reset offset in slave broker")
    config = state.topics.find(header.topic)
    if config is None:
        return Reply(ResponseCode.TOPIC_NOT_EXIST, f"Topic {header.topic} does not exist")
    if header.group not in state.groups:
        return Reply(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"Group {header.group} does not exist")
    if header.queue_id < 0:
        targets = {queue_id: _by_time(state, header, queue_id) for queue_id in range(config.read_queue_nums)}
    else:
        targets = {header.queue_id: _target(state, header)}
    if not targets:
        return Reply(ResponseCode.SYSTEM_ERROR, "No queues to reset.")
    for queue_id, offset in targets.items():
        state.offsets.reset(header.group, header.topic, queue_id, offset, now_ms)
        state.resets_made.add((header.topic, queue_id))
    state.offsets_changed()
    table = {_queue(state, header.topic, queue_id): offset for queue_id, offset in targets.items()}
    return Reply(body=ResetOffsetBody(offset_table=table).encode())


def clone_group_offset(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """CLONE_GROUP_OFFSET: one group goes on where another does, in one topic or in all."""
    header = CloneGroupOffsetRequest.decode(request.fields)
    if fault := names.group_fault(header.dest_group):
        raise Refusal(ResponseCode.INVALID_PARAMETER, fault)
    asked = (header.topic or "").strip()
    for topic in {asked} if asked else state.offsets.topics_of(header.src_group):
        if topic not in state.topics:
            continue
        if not header.offline and state.sessions.is_subscription_unknown(header.src_group, topic):
            continue
        state.offsets.clone(header.src_group, header.dest_group, topic, now_ms)
        state.offsets_changed()
    return Reply()


def _target(state: BrokerState, header: ResetOffsetRequest) -> int:
    """The new offset of the one queue that was named."""
    if header.queue_id >= QUEUES_PER_TOPIC_MAX:
        raise Refusal(
            ResponseCode.INVALID_PARAMETER, f"queueId {header.queue_id} is not from 0 to {QUEUES_PER_TOPIC_MAX - 1}"
        )
    if header.offset in (None, ANY_OFFSET):
        return _by_time(state, header, header.queue_id)
    first = state.store.min_offset(header.topic, header.queue_id)
    end = state.store.max_offset(header.topic, header.queue_id)
    if not first <= header.offset <= end + 1:
        raise Refusal(
            ResponseCode.SYSTEM_ERROR, f"Target offset {header.offset} not in consume queue range [{first}-{end}]"
        )
    return min(header.offset, end)


def _by_time(state: BrokerState, header: ResetOffsetRequest, queue_id: int) -> int:
    """The offset that belongs to the time; a negative time means the queue's end."""
    if header.timestamp < 0:
        return state.store.max_offset(header.topic, queue_id)
    return state.store.offset_by_time(header.topic, queue_id, header.timestamp, False)


def _reset_by_consumers(request: Command, header: ResetOffsetRequest, state: BrokerState) -> Outcome:
    """Tell the connected consumers; they commit the new offsets themselves."""
    topic, group = header.topic, header.group
    config = state.topics.find(topic)
    if config is None:
        remark = f"[reset-offset] reset offset failed, no topic in this broker. topic={topic}"
        return Reply(ResponseCode.TOPIC_NOT_EXIST, remark)
    targets: dict[MessageQueue, int] = {}
    for queue_id in range(config.write_queue_nums):
        committed = state.offsets.find(group, topic, queue_id)
        if committed == NOT_FOUND:
            return Reply(ResponseCode.SYSTEM_ERROR, f"THe consumer group <{group}> not exist")
        wanted = _by_time(state, header, queue_id)
        moves = header.is_force or wanted < committed
        targets[_queue(state, topic, queue_id)] = wanted if moves else committed
    consumers = state.sessions.consumers.get(group)
    if consumers is None:
        remark = f"Consumer not online, so can not reset offset, Group: {group} Topic: {topic}"
        return Reply(ResponseCode.CONSUMER_NOT_ONLINE, f"{remark} Timestamp: {header.timestamp}")
    for client in consumers.clients.values():
        if client.version < version_ordinal(STATUS_VERSION_NEEDED):
            return too_old(client.version)
    body = ResetOffsetBody(offset_table=targets).encode()
    told = _for_c(targets) if request.language_name == "CPP" else body
    fields = ResetOffsetRequest(topic=topic, group=group, timestamp=header.timestamp).fields()
    state.outbox += [Push(id_, RequestCode.RESET_CONSUMER_CLIENT_OFFSET, fields, told) for id_ in consumers.clients]
    return Reply(body=body)


def _for_c(targets: dict[MessageQueue, int]) -> bytes:
    rows = [MessageQueueForC(queue.topic, queue.broker_name, queue.queue_id, to) for queue, to in targets.items()]
    return ResetOffsetBodyForC(offset_table=rows).encode()


def _queue(state: BrokerState, topic: str, queue_id: int) -> MessageQueue:
    return MessageQueue(topic, state.settings.broker_name, queue_id)


HANDLERS: dict[int, Handler] = {
    RequestCode.INVOKE_BROKER_TO_RESET_OFFSET: invoke_reset_offset,
    RequestCode.CLONE_GROUP_OFFSET: clone_group_offset,
}
