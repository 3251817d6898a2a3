"""What tools ask about topics: lists, deletion, registration by hand (206 216 217 224 304 311 312 313)."""

from collections.abc import Iterable

from pocketmq.model.errors import Refusal
from pocketmq.model.flags import TOPIC_UNIT, TOPIC_UNIT_SUBSCRIPTION
from pocketmq.model.limits import NAMESRV_NAME_CHARS_MAX
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.namesrv.state import Handler, NamesrvState
from pocketmq.protocol.bodies.routes import TopicList, TopicRouteData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import (
    DeleteTopicFromNamesrvRequest,
    GetTopicsByClusterRequest,
    RegisterTopicRequest,
)


def get_all_topics(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """206: every topic, unless the setting forbids it."""
    if not state.settings.enable_all_topic_list:
        raise Refusal(ResponseCode.SYSTEM_ERROR, "disable")
    return _list(state.routes.topics)


def get_topics_by_cluster(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """224: topics with queues on a broker of this cluster; none if the cluster is unknown."""
    _require_lists(state)
    header = GetTopicsByClusterRequest.decode(request.fields)
    names = state.routes.clusters().get(header.cluster, [])
    return _list(dict.fromkeys(topic for name in names for topic, _ in state.routes.topics_of(name)))


def get_system_topics(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """304: the topics that every broker has, named like the clusters and the brokers, and some broker's address."""
    names: list[str] = []
    for cluster, brokers in state.routes.clusters().items():
        names += [cluster, *brokers]
    addresses = [address for broker in state.routes.brokers.values() for address in broker.addresses.values()]
    return _list(dict.fromkeys(names), addresses[0] if addresses else None)


def get_unit_topics(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """311: topics with the unit flag."""
    return _list_by_flags(state, frozenset({TOPIC_UNIT, TOPIC_UNIT | TOPIC_UNIT_SUBSCRIPTION}))


def get_unit_subscription_topics(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """312: topics with the unit subscription flag."""
    return _list_by_flags(state, frozenset({TOPIC_UNIT_SUBSCRIPTION, TOPIC_UNIT | TOPIC_UNIT_SUBSCRIPTION}))


def get_unit_subscription_only_topics(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """313: topics with the unit subscription flag and without the unit flag."""
    return _list_by_flags(state, frozenset({TOPIC_UNIT_SUBSCRIPTION}))


def _list_by_flags(state: NamesrvState, wanted: frozenset[int]) -> Reply:
    """Topics by the two unit bits of the first broker's flag."""
    _require_lists(state)
    mask = TOPIC_UNIT | TOPIC_UNIT_SUBSCRIPTION
    firsts = ((name, next(iter(topic.queues.values()))) for name, topic in state.routes.topics.items())
    return _list(name for name, queues in firsts if queues.topic_sys_flag & mask in wanted)


def _require_lists(state: NamesrvState) -> None:
    if not state.settings.enable_topic_list:
        raise Refusal(ResponseCode.SYSTEM_ERROR, "disable")


def _list(topics: Iterable[str], address: str | None = None) -> Reply:
    return Reply(body=TopicList(topic_list=list(topics), broker_addr=address).encode())


def delete_topic(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """216: forgets a topic, everywhere or in one cluster; success also if there was none."""
    header, table = DeleteTopicFromNamesrvRequest.decode(request.fields), state.routes
    if not header.cluster_name:
        table.drop_topic(header.topic)
        return Reply()
    for broker_name in table.clusters().get(header.cluster_name, []):
        table.drop_queues(header.topic, broker_name)
    return Reply()


def register_topic(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """217: sets a topic's queues by hand; success, and nothing done, if one of the brokers is unknown."""
    header, table = RegisterTopicRequest.decode(request.fields), state.routes
    queue_datas = TopicRouteData.decode(request.body).queue_datas if request.body_size else []
    if not all(queues.broker_name in table.brokers for queues in queue_datas):
        return Reply()
    if len(header.topic) > NAMESRV_NAME_CHARS_MAX:
        remark = f"a topic's name has at most {NAMESRV_NAME_CHARS_MAX} characters, not {len(header.topic)}"
        raise Refusal(ResponseCode.SYSTEM_ERROR, remark)
    new_brokers = {
        queues.broker_name for queues in queue_datas if not table.has_queues(header.topic, queues.broker_name)
    }
    table.require_rows(len(new_brokers))
    for queues in queue_datas:
        table.put_queues(header.topic, queues)
    return Reply()


HANDLERS: dict[int, Handler] = {
    RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: get_all_topics,
    RequestCode.DELETE_TOPIC_IN_NAMESRV: delete_topic,
    RequestCode.REGISTER_TOPIC_IN_NAMESRV: register_topic,
    RequestCode.GET_TOPICS_BY_CLUSTER: get_topics_by_cluster,
    RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS: get_system_topics,
    RequestCode.GET_UNIT_TOPIC_LIST: get_unit_topics,
    RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST: get_unit_subscription_topics,
    RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: get_unit_subscription_only_topics,
}
