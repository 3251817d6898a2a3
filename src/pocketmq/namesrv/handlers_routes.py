"""What clients and tools ask about routes: one topic, the whole cluster, the permission to write (105 106 205 327)."""

from pocketmq.model.errors import Refusal
from pocketmq.model.names import ORDER_TOPIC_NAMESPACE, ZONE_MODE_FIELD, ZONE_NAME_FIELD
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.versions import V4_9_4
from pocketmq.namesrv import lookup
from pocketmq.namesrv.state import Handler, NamesrvState
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import (
    AddWritePermOfBrokerRequest,
    AddWritePermOfBrokerResponse,
    GetRouteInfoRequest,
    WipeWritePermOfBrokerRequest,
    WipeWritePermOfBrokerResponse,
)

NO_ROUTE_HINT = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
"""FAQUrl#suggestTodo, the end of the remark for an unknown topic."""


def get_route(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """105: a topic's route, in the JSON dialect that the client reads."""
    header, settings = GetRouteInfoRequest.decode(request.fields), state.settings
    waited_ms = now_ms - state.started_ms
    if settings.need_wait_for_service and waited_ms < settings.wait_seconds_for_service * 1000:
        raise Refusal(ResponseCode.SYSTEM_ERROR, "name server not ready")
    order_topic_conf = None
    if settings.order_message_enable:
        order_topic_conf = state.kv_config.find(ORDER_TOPIC_NAMESPACE, header.topic)
    route = lookup.find_route(
        state.routes,
        header.topic,
        order_topic_conf=order_topic_conf,
        support_acting_master=settings.support_acting_master,
    )
    if route is None:
        remark = f"No topic route info in name server for the topic: {header.topic}{NO_ROUTE_HINT}"
        raise Refusal(ResponseCode.TOPIC_NOT_EXIST, remark)
    zone_name = request.fields.get(ZONE_NAME_FIELD, "")
    if zone_name.strip() and request.fields.get(ZONE_MODE_FIELD, "").lower() == "true":
        route = lookup.in_zone(route, zone_name)
    standard = request.version >= V4_9_4 or header.accept_standard_json_only is True
    return Reply(body=route.encode(standard=standard))


def get_clusters(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """106: every broker and cluster."""
    return Reply(body=lookup.describe_clusters(state.routes).encode())


def wipe_write_perm(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """205: nothing more is written to this broker until it registers changed topics, or code 327."""
    header = WipeWritePermOfBrokerRequest.decode(request.fields)
    count = state.routes.wipe_write_perm(header.broker_name)
    return Reply(fields=WipeWritePermOfBrokerResponse(wipe_topic_count=count).fields())


def add_write_perm(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """327: all of this broker's topics become readable and writable, whatever they were before, as in Java."""
    header = AddWritePermOfBrokerRequest.decode(request.fields)
    count = state.routes.add_write_perm(header.broker_name)
    return Reply(fields=AddWritePermOfBrokerResponse(add_topic_count=count).fields())


HANDLERS: dict[int, Handler] = {
    RequestCode.GET_ROUTEINFO_BY_TOPIC: get_route,
    RequestCode.GET_BROKER_CLUSTER_INFO: get_clusters,
    RequestCode.WIPE_WRITE_PERM_OF_BROKER: wipe_write_perm,
    RequestCode.ADD_WRITE_PERM_OF_BROKER: add_write_perm,
}
