"""How far groups have come in what topics hold: the numbers behind topicStatus, consumerProgress, statsAll."""

from pocketmq.broker.offsets import earliest_store_time
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.broker.statistics import DAY, GROUP_GET_NUMS, HOUR, MINUTE, TOPIC_PUT_NUMS, Counter, Span
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies.statistics import (
    BrokerStatsData,
    BrokerStatsItem,
    ConsumeStats,
    ConsumeStatsList,
    OffsetWrapper,
    QueryConsumeTimeSpanBody,
    QueueTimeSpan,
    TopicOffset,
    TopicStatsTable,
)
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.administration import (
    GetConsumeStatsInBroker,
    GetConsumeStatsRequest,
    QueryConsumeTimeSpanRequest,
    ViewBrokerStatsDataRequest,
)
from pocketmq.protocol.headers.topics import GetTopicStatsInfoRequest


def get_topic_stats(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_TOPIC_STATS_INFO: begin, end and last store time of each of the topic's queues, empty ones too."""
    topic = GetTopicStatsInfoRequest.decode(request.fields).topic
    config = state.topics.require(topic)
    table = {}
    for queue_id in range(max(config.read_queue_nums, config.write_queue_nums)):
        end = state.store.max_offset(topic, queue_id)
        table[_queue(state, topic, queue_id)] = TopicOffset(
            min_offset=max(state.store.min_offset(topic, queue_id), 0),
            max_offset=end,
            last_update_timestamp=state.store.store_timestamp(topic, queue_id, end - 1) if end else 0,
        )
    tps = state.statistics.minute_tps(TOPIC_PUT_NUMS, topic)
    return Reply(body=TopicStatsTable(topic_put_tps=tps, offset_table=table).encode())


def get_consume_stats(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_CONSUME_STATS: the group's progress in the topics named, or in all it has committed offsets in."""
    header = GetConsumeStatsRequest.decode(request.fields)
    group = header.consumer_group
    named = [topic for topic in (header.topic_list or "").split(";") if topic]
    if named:
        topics = sorted(set(named))
    else:
        asked = (header.topic or "").strip()
        known = {asked} if asked else state.offsets.topics_of(group)
        topics = sorted(topic for topic in known if not state.sessions.is_subscription_unknown(group, topic))
    table: dict[MessageQueue, OffsetWrapper] = {}
    tps = 0.0
    for topic in topics:
        config = state.topics.find(topic)
        if config is not None:
            table |= _progress(state, group, topic, config.read_queue_nums)
            tps += state.statistics.minute_tps(GROUP_GET_NUMS, f"{topic}@{group}")
    return Reply(body=ConsumeStats(offset_table=table, consume_tps=tps).encode())


def get_broker_consume_stats(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_BROKER_CONSUME_STATS: every group's progress in every topic, or in ordered topics only."""
    wants_ordered = GetConsumeStatsInBroker.decode(request.fields).is_order
    groups, behind, in_flight = [], 0, 0
    for group in state.groups.configs:
        stats = []
        for topic in sorted(state.offsets.topics_of(group)):
            config = state.topics.find(topic)
            if config is None or (wants_ordered and not config.order):
                continue
            if state.sessions.is_subscription_unknown(group, topic):
                continue
            table = _progress(state, group, topic, config.write_queue_nums)
            tps = state.statistics.minute_tps(GROUP_GET_NUMS, f"{topic}@{group}")
            stats.append(ConsumeStats(offset_table=table, consume_tps=tps))
            behind += sum(row.broker_offset - row.consumer_offset for row in table.values())
            in_flight += sum(row.pull_offset - row.consumer_offset for row in table.values())
        groups.append({group: stats})
    body = ConsumeStatsList(
        consume_stats_list=groups, broker_addr=state.address, total_diff=behind, total_inflight_diff=in_flight
    )
    return Reply(body=body.encode())


def query_consume_time_span(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """QUERY_CONSUME_TIME_SPAN: store times of the first, the last and the last consumed message of each queue."""
    header = QueryConsumeTimeSpanRequest.decode(request.fields)
    topic, store = header.topic, state.store
    spans = []
    for queue_id in range(state.topics.require(topic).write_queue_nums):
        first = earliest_store_time(state, topic, queue_id)
        end = store.max_offset(topic, queue_id)
        consumed = state.offsets.find(header.group, topic, queue_id)
        consumed_at = store.store_timestamp(topic, queue_id, consumed - 1) if consumed > 0 else first
        waiting_since = store.store_timestamp(topic, queue_id, max(consumed, 0)) if consumed < end else -1
        spans.append(
            QueueTimeSpan(
                message_queue=_queue(state, topic, queue_id),
                min_time_stamp=first,
                max_time_stamp=store.store_timestamp(topic, queue_id, end - 1),
                consume_time_stamp=consumed_at,
                delay_time=now_ms - waiting_since if waiting_since >= 0 else 0,
            )
        )
    return Reply(body=QueryConsumeTimeSpanBody(consume_time_span_set=spans).encode())


def view_broker_stats(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """VIEW_BROKER_STATS_DATA: one counter over the last minute, hour and day."""
    header = ViewBrokerStatsDataRequest.decode(request.fields)
    counter = state.statistics.find(header.stats_name, header.stats_key)
    if counter is None:
        return Reply(ResponseCode.SYSTEM_ERROR, f"The stats <{header.stats_name}> <{header.stats_key}> not exist")
    body = BrokerStatsData(
        stats_minute=_item(counter, MINUTE), stats_hour=_item(counter, HOUR), stats_day=_item(counter, DAY)
    )
    return Reply(body=body.encode())


def _progress(state: BrokerState, group: str, topic: str, queues: int) -> dict[MessageQueue, OffsetWrapper]:
    table = {}
    for queue_id in range(queues):
        consumed = max(state.offsets.find(group, topic, queue_id), 0)
        pulled = state.offsets.find_pulled(group, topic, queue_id)
        last = state.store.store_timestamp(topic, queue_id, consumed - 1) if consumed else 0
        table[_queue(state, topic, queue_id)] = OffsetWrapper(
            broker_offset=state.store.max_offset(topic, queue_id),
            consumer_offset=consumed,
            pull_offset=max(consumed, pulled),
            last_timestamp=max(last, 0),
        )
    return table


def _queue(state: BrokerState, topic: str, queue_id: int) -> MessageQueue:
    return MessageQueue(topic, state.settings.broker_name, queue_id)


def _item(counter: Counter, span: Span) -> BrokerStatsItem:
    snapshot = counter.snapshot(span)
    return BrokerStatsItem(sum=snapshot.sum, tps=snapshot.tps, avgpt=snapshot.average)


HANDLERS: dict[int, Handler] = {
    RequestCode.GET_TOPIC_STATS_INFO: get_topic_stats,
    RequestCode.GET_CONSUME_STATS: get_consume_stats,
    RequestCode.GET_BROKER_CONSUME_STATS: get_broker_consume_stats,
    RequestCode.QUERY_CONSUME_TIME_SPAN: query_consume_time_span,
    RequestCode.VIEW_BROKER_STATS_DATA: view_broker_stats,
}
