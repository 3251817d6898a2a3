"""Clients coming, staying and going, and telling the others of their group.

A consumer that comes, goes, or changes what it subscribes to makes the rest of its group share the queues anew: they
are told by NOTIFY_CONSUMER_IDS_CHANGED, unless the group broadcasts, or it or the broker has notices turned off.
"""

from pocketmq.broker import broadcasts
from pocketmq.broker.filters.requiring import require_filter
from pocketmq.broker.groups import find_or_create
from pocketmq.broker.session_table import Client, ConsumerGroup
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.broker.topic_table import stored_name_fault
from pocketmq.broker.topics import create_plain
from pocketmq.model import names
from pocketmq.model.errors import Refusal
from pocketmq.model.flags import TOPIC_UNIT_SUBSCRIPTION
from pocketmq.model.limits import CLIENT_ID_CHARS_MAX
from pocketmq.model.outcome import Outcome, Push, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.subscription import ConsumeFromWhere, ConsumeType, MessageModel, is_tag_type
from pocketmq.protocol.bodies.clients import (
    CheckClientRequestBody,
    Connection,
    ConsumerConnection,
    ConsumerData,
    GetConsumerListByGroupResponseBody,
    HeartbeatData,
    ProducerConnection,
    ProducerInfo,
    ProducerTableInfo,
)
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.clients import (
    GetConsumerConnectionListRequest,
    GetConsumerListByGroupRequest,
    GetProducerConnectionListRequest,
    NotifyConsumerIdsChangedRequest,
    UnregisterClientRequest,
)

PRODUCER_EXPIRED_MS = 120_000
"""ProducerManager.CHANNEL_EXPIRED_TIMEOUT; consumers have a setting."""


def heart_beat(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """HEART_BEAT: who is at the connection's other end, in which groups. Illegal names are passed over, as in Java."""
    data = HeartbeatData.decode(request.body)
    client_id = _checked_client_id(data.client_id)
    needs_subscriptions = False
    for consumer in data.consumer_data_set:
        client = Client(peer, client_id, request.language_name or "OTHER", request.version, now_ms)
        needs_subscriptions |= _join_consumers(state, data, consumer, client, now_ms)
    for producer in data.producer_data_set:
        if not names.group_fault(producer.group_name):
            client = Client(peer, client_id, request.language_name or "OTHER", request.version, now_ms)
            state.sessions.join_producers(producer.group_name, client)
    says_changed = needs_subscriptions or data.heartbeat_fingerprint == 0
    return Reply(
        fields={names.IS_SUPPORT_HEART_BEAT_V2: "true", names.IS_SUB_CHANGE: "true" if says_changed else "false"}
    )


def unregister_client(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UNREGISTER_CLIENT: the connection leaves a producer group, a consumer group, or both."""
    header = UnregisterClientRequest.decode({"clientID": "", **request.fields})
    if header.producer_group is not None:
        state.sessions.leave_producers(header.producer_group, peer.id)
    if header.consumer_group is not None:
        group = state.sessions.leave_consumers(header.consumer_group, peer.id)
        if group is not None:
            _notify(state, group)
    return Reply()


def connection_closed(state: BrokerState, peer_id: int) -> None:
    """The node's word that a connection is gone: nobody is there any more, and the others know."""
    for group in state.sessions.leave_all(peer_id):
        _notify(state, group)


def expire(state: BrokerState, now_ms: int) -> list[int]:
    """Drop clients whose heartbeats stopped; their connections, for the node to close. Call it every ten seconds."""
    consumers_before = now_ms - state.settings.channel_expired_timeout
    producers_before = now_ms - PRODUCER_EXPIRED_MS
    doomed: dict[int, None] = {}
    for group, client, consumes in state.sessions.expired(max(consumers_before, producers_before)):
        if client.seen_ms >= (consumers_before if consumes else producers_before):
            continue
        doomed[client.peer.id] = None
        if not consumes:
            state.sessions.leave_producers(group, client.peer.id)
            continue
        left = state.sessions.leave_consumers(group, client.peer.id)
        assert left is not None
        _notify(state, left)
    for name in state.filters.groups_alive():
        if name not in state.sessions.consumers:
            state.filters.unregister(name, now_ms)
    state.filters.forget_dead(now_ms, state.settings.filter_data_clean_time_span)
    state.locks.drop_expired(now_ms)
    broadcasts.settle(state, now_ms)
    send_pending_notices(state)
    return list(doomed)


def send_pending_notices(state: BrokerState) -> None:
    """Tell the groups that changed since the last turn, where `realTimeNotifyConsumerChange` is off."""
    for name in sorted(state.sessions.pending_notices):
        if group := state.sessions.consumers.get(name):
            _push_notices(state, group)
    state.sessions.pending_notices.clear()


def get_consumer_list(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_CONSUMER_LIST_BY_GROUP: names of the connected members."""
    group = GetConsumerListByGroupRequest.decode(request.fields).consumer_group
    consumers = state.sessions.consumers.get(group)
    if consumers is None:
        return Reply(ResponseCode.SYSTEM_ERROR, f"no consumer for this group, {group}")
    members = [client.client_id for client in consumers.clients.values()]
    return Reply(body=GetConsumerListByGroupResponseBody(consumer_id_list=members).encode())


def get_consumer_connections(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_CONSUMER_CONNECTION_LIST: the connected members and what the group subscribes to."""
    group = GetConsumerConnectionListRequest.decode(request.fields).consumer_group
    consumers = state.sessions.consumers.get(group)
    if consumers is None:
        return Reply(ResponseCode.CONSUMER_NOT_ONLINE, f"the consumer group[{group}] not online")
    body = ConsumerConnection(
        connection_set=[_connection(client) for client in consumers.clients.values()],
        subscription_table=consumers.subscriptions,
        consume_type=consumers.consume_type,
        message_model=consumers.message_model,
        consume_from_where=consumers.consume_from_where,
    )
    return Reply(body=body.encode())


def get_producer_connections(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_PRODUCER_CONNECTION_LIST: the connected members."""
    group = GetProducerConnectionListRequest.decode(request.fields).producer_group
    clients = state.sessions.producer_clients(group)
    if not clients:
        return Reply(ResponseCode.SYSTEM_ERROR, f"the producer group[{group}] not exist")
    return Reply(body=ProducerConnection(connection_set=[_connection(client) for client in clients.values()]).encode())


def get_all_producers(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_ALL_PRODUCER_INFO: every producer by group."""
    data = {
        group: [
            ProducerInfo(
                client_id=client.client_id,
                remote_ip=f"/{client.peer.address}",
                language=client.language,
                version=client.version,
                last_update_timestamp=client.seen_ms,
            )
            for client in clients.values()
        ]
        for group, clients in state.sessions.producers.items()
    }
    return Reply(body=ProducerTableInfo(data=data).encode())


def check_client_config(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """CHECK_CLIENT_CONFIG: whether a subscription can be served here; a Refusal says why not."""
    subscription = CheckClientRequestBody.decode(request.body).subscription_data
    if subscription is not None and not is_tag_type(subscription.expression_type):
        require_filter(subscription, state.settings)
    return Reply()


def _join_consumers(
    state: BrokerState, data: HeartbeatData, consumer: ConsumerData, client: Client, now_ms: int
) -> bool:
    """One group of a heartbeat; true if the client should send its subscriptions again (version 2)."""
    if state.settings.reject_pull_consumer_enable and consumer.consume_type is ConsumeType.CONSUME_ACTIVELY:
        return False
    config = find_or_create(state, consumer.group_name, now_ms)
    if config is None:
        return False
    wanted = [one for one in consumer.subscription_data_set if not stored_name_fault(one.topic)]
    retry_topic = names.retry_topic(consumer.group_name)
    if config.retry_queue_nums > 0 and (retry_topic in state.topics or not state.topics.is_full):
        create_plain(
            state,
            retry_topic,
            config.retry_queue_nums,
            now_ms,
            sys_flag=TOPIC_UNIT_SUBSCRIPTION if consumer.unit_mode else 0,
            order=True if any(state.topics.is_order(one.topic) for one in wanted) else None,
        )
    group, changed = state.sessions.join_consumers(
        consumer.group_name,
        client,
        consumer.consume_type or ConsumeType.CONSUME_PASSIVELY,
        consumer.message_model or MessageModel.CLUSTERING,
        consumer.consume_from_where or ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET,
    )
    is_repeat = data.heartbeat_fingerprint != 0 and data.is_without_sub
    if not is_repeat:
        changed |= group.subscribe(wanted)
        # Not before any message that is there, should the clock have gone back: its bit map does not know the filter.
        born_ms = max(now_ms, state.store.log.last_store_timestamp)
        state.filters.register(consumer.group_name, wanted, born_ms)
    known, group.fingerprint = group.fingerprint, data.heartbeat_fingerprint
    if changed:
        _notify(state, group)
    return known not in (None, data.heartbeat_fingerprint) or (is_repeat and not group.subscriptions)


def _notify(state: BrokerState, group: ConsumerGroup) -> None:
    config = state.groups.find(group.name)
    wants_notices = config is None or config.notify_consumer_ids_changed_enable
    if group.is_broadcasting or not wants_notices or not state.settings.notify_consumer_ids_changed_enable:
        return
    if state.settings.real_time_notify_consumer_change:
        _push_notices(state, group)
    else:
        state.sessions.pending_notices.add(group.name)


def _push_notices(state: BrokerState, group: ConsumerGroup) -> None:
    fields = NotifyConsumerIdsChangedRequest(consumer_group=group.name).fields()
    state.outbox += [Push(peer_id, RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, fields) for peer_id in group.clients]


def _connection(client: Client) -> Connection:
    return Connection(
        client_id=client.client_id, client_addr=client.peer.address, language=client.language, version=client.version
    )


def _checked_client_id(client_id: str | None) -> str:
    if not client_id or len(client_id) > CLIENT_ID_CHARS_MAX:
        raise Refusal(
            ResponseCode.SYSTEM_ERROR,
            f"clientID must have 1 to {CLIENT_ID_CHARS_MAX} characters, not {client_id!r:.80}",
        )
    return client_id


HANDLERS: dict[int, Handler] = {
    RequestCode.HEART_BEAT: heart_beat,
    RequestCode.UNREGISTER_CLIENT: unregister_client,
    RequestCode.GET_CONSUMER_LIST_BY_GROUP: get_consumer_list,
    RequestCode.GET_CONSUMER_CONNECTION_LIST: get_consumer_connections,
    RequestCode.GET_PRODUCER_CONNECTION_LIST: get_producer_connections,
    RequestCode.GET_ALL_PRODUCER_INFO: get_all_producers,
    RequestCode.CHECK_CLIENT_CONFIG: check_client_config,
}
