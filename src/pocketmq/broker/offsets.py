"""Where groups have come to, and where queues begin and end."""

from pocketmq.broker.offset_table import NOT_FOUND
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import QUEUES_PER_TOPIC_MAX
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.queue import BoundaryType
from pocketmq.model.settings import LONG_MAX
from pocketmq.protocol.bodies.offsets import QueryCorrectionOffsetBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.offsets import (
    GetEarliestMsgStoretimeRequest,
    GetEarliestMsgStoretimeResponse,
    GetMaxOffsetRequest,
    GetMaxOffsetResponse,
    GetMinOffsetRequest,
    GetMinOffsetResponse,
    QueryConsumerOffsetRequest,
    QueryConsumerOffsetResponse,
    QueryCorrectionOffset,
    SearchOffsetRequest,
    SearchOffsetResponse,
    UpdateConsumerOffsetRequest,
)


def query_consumer_offset(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """QUERY_CONSUMER_OFFSET: where the group goes on in a queue.

    A group without an offset starts at 0 if the queue begins there and its first message is still in memory. So it
    does if the queue is empty: answering QUERY_NOT_FOUND, as Java does, would send the client to ask for the end, and
    a message stored between the two questions would never be delivered.
    """
    header = QueryConsumerOffsetRequest.decode(request.fields)
    offset = state.offsets.find(header.consumer_group, header.topic, header.queue_id)
    if offset == NOT_FOUND:
        if header.set_zero_if_not_found is False:
            return Reply(ResponseCode.QUERY_NOT_FOUND, "Not found, do not set to zero, maybe this group boot first")
        if not starts_in_memory(state, header.topic, header.queue_id):
            return Reply(
                ResponseCode.QUERY_NOT_FOUND, "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first"
            )
        offset = 0
    return Reply(fields=QueryConsumerOffsetResponse(offset=offset).fields())


def update_consumer_offset(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UPDATE_CONSUMER_OFFSET: the group goes on from here, forward or back. A negative offset says nothing."""
    _check_numbers(request)
    header = UpdateConsumerOffsetRequest.decode(request.fields)
    group, topic = header.consumer_group, header.topic
    if group not in state.groups:
        return Reply(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"Group {group} not exist!")
    if topic not in state.topics:
        return Reply(ResponseCode.TOPIC_NOT_EXIST, f"Topic {topic} not exist!")
    if not 0 <= header.queue_id < QUEUES_PER_TOPIC_MAX:
        return Reply(
            ResponseCode.INVALID_PARAMETER,
            f"QueueId {header.queue_id} is not from 0 to {QUEUES_PER_TOPIC_MAX - 1}, topic is {topic}",
        )
    if header.commit_offset < 0:
        return Reply()
    if not state.offsets.commit(group, topic, header.queue_id, header.commit_offset, now_ms):
        return Reply(remark="Offset has been previously reset")
    return Reply()


def get_max_offset(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_MAX_OFFSET: one past the last message of the queue."""
    header = GetMaxOffsetRequest.decode(request.fields)
    offset = state.store.max_offset(header.topic, header.queue_id)
    return Reply(fields=GetMaxOffsetResponse(offset=offset).fields())


def get_min_offset(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_MIN_OFFSET: the first message of the queue that is still there."""
    header = GetMinOffsetRequest.decode(request.fields)
    offset = state.store.min_offset(header.topic, header.queue_id)
    return Reply(fields=GetMinOffsetResponse(offset=offset).fields())


def get_earliest_store_time(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_EARLIEST_MSG_STORETIME: when the queue's first message was stored; -1 if there is none."""
    header = GetEarliestMsgStoretimeRequest.decode(request.fields)
    timestamp = earliest_store_time(state, header.topic, header.queue_id)
    return Reply(fields=GetEarliestMsgStoretimeResponse(timestamp=timestamp).fields())


def search_offset(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """SEARCH_OFFSET_BY_TIMESTAMP: the place in the queue that belongs to a time."""
    header = SearchOffsetRequest.decode(request.fields)
    upper = header.boundary_type is BoundaryType.UPPER
    offset = state.store.offset_by_time(header.topic, header.queue_id, header.timestamp, upper)
    return Reply(fields=SearchOffsetResponse(offset=offset).fields())


def get_all_offsets(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_ALL_CONSUMER_OFFSET: every group's offsets."""
    return Reply(body=state.offsets.encode_compact())


def query_correction_offset(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """QUERY_CORRECTION_OFFSET: the smallest offset of the topic's groups by queue, where one group is not behind it.

    Java forgets the offsets of `filterGroups` for good (ConsumerOffsetManager#queryMinOffsetInAllGroup); here they are
    passed over.
    """
    header = QueryCorrectionOffset.decode({"compareGroup": "", **request.fields})
    topic = header.topic
    without = [group for group in (header.filter_groups or "").split(",") if group]
    offsets = state.offsets.least(topic, without, lambda queue_id: state.store.min_offset(topic, queue_id))
    for queue_id, committed in state.offsets.of_group(header.compare_group, topic).items():
        if offsets.get(queue_id, LONG_MAX) > committed:
            offsets[queue_id] = LONG_MAX
    return Reply(body=QueryCorrectionOffsetBody(correction_offsets=offsets).encode())


def earliest_store_time(state: BrokerState, topic: str, queue_id: int) -> int:
    """When the queue's first message was stored, in ms; -1 if there is none."""
    return state.store.store_timestamp(topic, queue_id, state.store.min_offset(topic, queue_id))


def starts_in_memory(state: BrokerState, topic: str, queue_id: int) -> bool:
    """The queue exists and begins at 0, and is empty or its first message is among the newest that memory may hold."""
    config, store = state.topics.find(topic), state.store
    if config is None or not 0 <= queue_id < max(config.read_queue_nums, config.write_queue_nums):
        return False
    if store.min_offset(topic, queue_id) > 0:
        return False
    if store.max_offset(topic, queue_id) <= 0:
        return True
    first = store.entry(topic, queue_id, 0)
    return first is not None and store.log_max_offset - first.log_offset <= state.log_bytes_in_memory


def _check_numbers(request: Command) -> None:
    """Java names these two by a remark of their own when they are missing or no numbers."""
    for field, word in (("queueId", "QueueId"), ("commitOffset", "Offset")):
        text = request.fields.get(field, "")
        if not text.removeprefix("-").isdecimal():
            raise Refusal(ResponseCode.INVALID_PARAMETER, f"{word} is null, topic is {request.fields.get('topic')}")


HANDLERS: dict[int, Handler] = {
    RequestCode.QUERY_CONSUMER_OFFSET: query_consumer_offset,
    RequestCode.UPDATE_CONSUMER_OFFSET: update_consumer_offset,
    RequestCode.GET_MAX_OFFSET: get_max_offset,
    RequestCode.GET_MIN_OFFSET: get_min_offset,
    RequestCode.GET_EARLIEST_MSG_STORETIME: get_earliest_store_time,
    RequestCode.SEARCH_OFFSET_BY_TIMESTAMP: search_offset,
    RequestCode.GET_ALL_CONSUMER_OFFSET: get_all_offsets,
    RequestCode.QUERY_CORRECTION_OFFSET: query_correction_offset,
}
