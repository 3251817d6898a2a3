"""Sharing out a topic's queues on behalf of a client: codes 400, 401 and 402 (QueryAssignmentProcessor).

    whose mode? ─▶ which queues has the topic, on all brokers? ─┬─ unknown: Park until a name server has said
                                                               └─ strategy (PULL), or shared with neighbours (POP)

An answer without assignments means "leave all as it is and ask again"; an empty list means "give everything up".
"""

from collections.abc import Sequence

from pocketmq.broker.groups import find_or_create
from pocketmq.broker.state import REQUEST_MODES, BrokerState, Handler
from pocketmq.model import names
from pocketmq.model.allocation import SERVER_STRATEGIES, Strategy
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import ROUTE, Outcome, Park, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.permissions import is_readable
from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import MessageModel, MessageRequestMode
from pocketmq.protocol.bodies.clients import (
    MessageQueueAssignment,
    QueryAssignmentRequestBody,
    QueryAssignmentResponseBody,
    SetMessageRequestModeRequestBody,
)
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command

ROUTE_WAIT_MS = 2_000
"""How long a question waits for a name server; the client itself waits 3 s (RebalanceImpl.QUERY_ASSIGNMENT_TIMEOUT)."""

WHOLE_BROKER = -1
"""The queue id of an assignment to pop from all queues of the broker."""


def query_assignment(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """QUERY_ASSIGNMENT: the queues of the client that asks, and whether it pulls or pops them."""
    body = QueryAssignmentRequestBody.decode(request.body)
    if not body.topic or not body.consumer_group or body.message_model is None:
        raise Refusal(ResponseCode.SYSTEM_ERROR, "an assignment needs topic, consumerGroup and messageModel")
    mode = _mode_of(body.topic, body.consumer_group, state)
    if body.message_model is MessageModel.CLUSTERING and names.is_lmq(body.topic):
        queues: Sequence[MessageQueue] | None = [
            MessageQueue(body.topic, state.settings.broker_name, names.LMQ_QUEUE_ID)
        ]
    else:
        queues = _queues_of(body.topic, state, now_ms)
        if not queues and state.routes.is_followed and not request.resumed:
            return Park(now_ms + ROUTE_WAIT_MS, (body.topic, ROUTE))
    if queues is not None and body.message_model is MessageModel.CLUSTERING:
        queues = _share(body, mode, sorted(queues), state)
    if queues is None:
        return Reply(body=QueryAssignmentResponseBody(message_queue_assignments=None).encode())
    assignments = [MessageQueueAssignment(message_queue=queue, mode=mode.mode) for queue in dict.fromkeys(queues)]
    return Reply(body=QueryAssignmentResponseBody(message_queue_assignments=assignments).encode())


def set_message_request_mode(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """SET_MESSAGE_REQUEST_MODE: from now on the group pulls, or pops, the topic."""
    mode = SetMessageRequestModeRequestBody.decode(request.body)
    topic, group = mode.topic or "", mode.consumer_group or ""
    if topic.startswith(names.RETRY_PREFIX):
        return Reply(ResponseCode.NO_PERMISSION, "retry topic is not allowed to set mode")
    if topic not in state.topics:
        return Reply(ResponseCode.TOPIC_NOT_EXIST, f"topic[{topic}] not exist")
    if find_or_create(state, group, now_ms) is None:
        return Reply(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group does not exist")
    state.request_modes.put(topic, group, mode)
    state.unsaved.add(REQUEST_MODES)
    return Reply()


def get_all_message_request_modes(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_ALL_MESSAGE_REQUEST_MODE: the whole table, for replicas."""
    return Reply(body=state.request_modes.encode(pretty=False))


def _mode_of(topic: str, group: str, state: BrokerState) -> SetMessageRequestModeRequestBody:
    """What was said about the pair, else the broker's defaults; retry topics are pulled."""
    if (said := state.request_modes.find(topic, group)) is not None:
        return said
    settings = state.settings
    if topic.startswith(names.RETRY_PREFIX) or settings.default_message_request_mode is MessageRequestMode.PULL:
        return SetMessageRequestModeRequestBody(topic=topic, consumer_group=group)
    return SetMessageRequestModeRequestBody(
        topic=topic,
        consumer_group=group,
        mode=MessageRequestMode.POP,
        pop_share_queue_num=settings.default_pop_share_queue_num,
    )


def _queues_of(topic: str, state: BrokerState, now_ms: int) -> Sequence[MessageQueue] | None:
    if state.routes.is_followed:
        return state.routes.find(topic, now_ms)
    config = state.topics.find(topic)
    if config is None or not is_readable(config.perm):
        return None
    return [MessageQueue(topic, state.settings.broker_name, number) for number in range(config.read_queue_nums)]


def _share(
    body: QueryAssignmentRequestBody,
    mode: SetMessageRequestModeRequestBody,
    queues: list[MessageQueue],
    state: BrokerState,
) -> Sequence[MessageQueue] | None:
    """The client's part; None if it cannot be worked out. A name that is on two connections counts once."""
    if not state.settings.server_load_balancer_enable:
        return queues
    consumers = state.sessions.consumers.get(body.consumer_group or "")
    strategy = SERVER_STRATEGIES.get(body.strategy_name or "")
    if consumers is None or strategy is None:
        return None
    members = sorted({client.client_id for client in consumers.clients.values()})
    me = body.client_id or ""
    if mode.mode is MessageRequestMode.POP:
        return _share_popping(me, queues, members, mode.pop_share_queue_num, strategy)
    return strategy(me, queues, members) if queues and me else None


def _share_popping(
    me: str, queues: list[MessageQueue], members: list[str], share_queue_num: int, strategy: Strategy
) -> Sequence[MessageQueue] | None:
    """Everything for everybody, or one's own queues and those of the next `share_queue_num` members (allocate4Pop)."""
    if share_queue_num <= 0 or share_queue_num >= len(members) - 1:
        return [MessageQueue(queue.topic, queue.broker_name, WHOLE_BROKER) for queue in queues]
    if not queues or not me:
        return None
    if me not in members:
        return []
    index = members.index(me)
    if len(members) > len(queues):
        return [queues[index % len(queues)]]
    neighbours = [members[(index + step) % len(members)] for step in range(share_queue_num + 1)]
    return [queue for member in neighbours for queue in strategy(member, queues, members)]


HANDLERS: dict[int, Handler] = {
    RequestCode.QUERY_ASSIGNMENT: query_assignment,
    RequestCode.SET_MESSAGE_REQUEST_MODE: set_message_request_mode,
    RequestCode.GET_ALL_MESSAGE_REQUEST_MODE: get_all_message_request_modes,
}
