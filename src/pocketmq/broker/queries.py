"""Looking messages up: by place, by key, by queue entry; and who subscribes to or consumes what."""

from pocketmq.broker.records import find_message
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model import names, properties
from pocketmq.model.limits import FRAME_BYTES_MAX, HEADER_BYTES_MAX, QUEUE_ENTRIES_QUERIED_MAX
from pocketmq.model.message import StoredMessage
from pocketmq.model.outcome import Outcome, Reply, ReplyWithRecords
from pocketmq.model.peer import Peer
from pocketmq.protocol.bodies.groups import GroupList, QuerySubscriptionResponseBody
from pocketmq.protocol.bodies.routes import TopicList
from pocketmq.protocol.bodies.statistics import ConsumeQueueData, QueryConsumeQueueResponseBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.reading import (
    QueryConsumeQueueRequest,
    QueryMessageRequest,
    QueryMessageResponse,
    ViewMessageRequest,
)
from pocketmq.protocol.headers.topics import (
    QuerySubscriptionByConsumerRequest,
    QueryTopicConsumeByWhoRequest,
    QueryTopicsByConsumerRequest,
)
from pocketmq.store.consume_queue import Entry, pack_entries

RECORDS_BYTES_MAX = FRAME_BYTES_MAX - HEADER_BYTES_MAX
"""What fits into one answer beside its header."""


def query_message(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """QUERY_MESSAGE: the newest messages with a key, or with a unique key, stored within a time span."""
    is_unique = request.fields.get(names.UNIQUE_KEY_QUERY) == "true"
    header = QueryMessageRequest.decode(request.fields)
    count = state.settings.default_query_max_num if is_unique else header.max_num
    count = min(count, state.settings.max_msgs_num_batch)
    hits = state.store.query_keys(header.topic, header.key, count, header.begin_timestamp, header.end_timestamp)
    found: list[StoredMessage] = []
    room = RECORDS_BYTES_MAX
    for log_offset in hits.log_offsets:
        message = find_message(state.store, log_offset)
        if message is None or message.topic != header.topic or not _has_key(message, header.key, header.index_type):
            continue
        room -= message.store_size
        if room < 0:
            break
        found.append(message)
    if not found:
        fields = QueryMessageResponse(index_last_update_timestamp=0, index_last_update_phyoffset=0).fields()
        remark = "can not find message, maybe time range not correct"
        return Reply(ResponseCode.QUERY_NOT_FOUND, remark, fields)
    answer = QueryMessageResponse(
        index_last_update_timestamp=hits.last_update_timestamp, index_last_update_phyoffset=hits.last_update_log_offset
    )
    entries = sorted(Entry(message.log_offset, message.store_size, 0) for message in found)
    return ReplyWithRecords(Reply(fields=answer.fields()), pack_entries(entries))


def view_message(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """VIEW_MESSAGE_BY_ID: the message at a place of the log."""
    offset = ViewMessageRequest.decode(request.fields).offset
    message = find_message(state.store, offset)
    if message is None:
        return Reply(ResponseCode.SYSTEM_ERROR, f"can not find message by the offset, {offset}")
    return ReplyWithRecords(Reply(), pack_entries([Entry(message.log_offset, message.store_size, 0)]))


def query_consume_queue(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """QUERY_CONSUME_QUEUE: entries of a queue as they are stored."""
    header = QueryConsumeQueueRequest.decode(request.fields)
    topic, queue_id = header.topic or "", header.queue_id
    queue = state.store.find_queue(topic, queue_id)
    if queue is None:
        return Reply(ResponseCode.SYSTEM_ERROR, f"{queue_id}@{topic} is not exist!")
    first, end = queue.min_offset, queue.max_offset
    subscription, filter_text = None, None
    if header.consumer_group is not None:
        subscription = state.sessions.find_subscription(header.consumer_group, topic)
        filter_text = f"{header.consumer_group}@{topic} is not online!"
        if subscription:
            registered = state.filters.find(topic, header.consumer_group)
            filter_text = registered.said.encode(pretty=True).decode() if registered else "null"
    if not first <= header.index < end:
        return Reply(ResponseCode.SYSTEM_ERROR, f"Index {header.index} of {queue_id}@{topic} is not exist!")
    found = queue.entries(header.index, min(header.count, QUEUE_ENTRIES_QUERIED_MAX))
    entries = [ConsumeQueueData(entry.log_offset, entry.size, entry.tags_code) for entry in found]
    body = QueryConsumeQueueResponseBody(
        subscription_data=subscription,
        filter_data=filter_text,
        queue_data=entries,
        max_queue_index=end,
        min_queue_index=first,
    )
    return Reply(body=body.encode())


def query_topic_consume_by_who(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """QUERY_TOPIC_CONSUME_BY_WHO: groups that subscribe to the topic now or have committed offsets in it."""
    topic = QueryTopicConsumeByWhoRequest.decode(request.fields).topic
    groups = state.offsets.groups_of(topic).union(state.sessions.groups_subscribed_to(topic))
    return Reply(body=GroupList(group_list=sorted(groups)).encode())


def query_topics_by_consumer(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """QUERY_TOPICS_BY_CONSUMER: topics in which the group has committed offsets."""
    group = QueryTopicsByConsumerRequest.decode(request.fields).group
    body = TopicList(topic_list=sorted(state.offsets.topics_of(group)), broker_addr=state.address)
    return Reply(body=body.encode())


def query_subscription_by_consumer(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """QUERY_SUBSCRIPTION_BY_CONSUMER: what the connected group subscribes to in a topic."""
    header = QuerySubscriptionByConsumerRequest.decode(request.fields)
    subscription = state.sessions.find_subscription(header.group, header.topic or "")
    body = QuerySubscriptionResponseBody(subscription_data=subscription, group=header.group, topic=header.topic)
    return Reply(body=body.encode())


def _has_key(message: StoredMessage, key: str, index_type: str | None) -> bool:
    """Hashes collide; this tells. Without a type, keys and the unique key both count."""
    is_unique = message.unique_key == key
    is_named = key in (message.keys or "").split(properties.KEY_SEPARATOR)
    if index_type == properties.INDEX_UNIQUE_TYPE:
        return is_unique
    return is_named if index_type == properties.INDEX_KEY_TYPE else is_unique or is_named


HANDLERS: dict[int, Handler] = {
    RequestCode.QUERY_MESSAGE: query_message,
    RequestCode.VIEW_MESSAGE_BY_ID: view_message,
    RequestCode.QUERY_CONSUME_QUEUE: query_consume_queue,
    RequestCode.QUERY_TOPIC_CONSUME_BY_WHO: query_topic_consume_by_who,
    RequestCode.QUERY_TOPICS_BY_CONSUMER: query_topics_by_consumer,
    RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER: query_subscription_by_consumer,
}
