"""Creating, changing, listing and deleting topics."""

from collections.abc import Mapping
from dataclasses import replace

from pocketmq.broker.attributes import ADD, TOPIC_ATTRIBUTES, apply_changes, parse_changes
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model import names
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import QUEUES_PER_TOPIC_MAX
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.permissions import PERM_INHERIT, PERM_PRIORITY, PERM_READ_WRITE, is_inherited
from pocketmq.model.pop_names import pop_retry_topic
from pocketmq.model.topic import ATTRIBUTE_MESSAGE_TYPE, TopicConfig, TopicFilterType, TopicMessageType
from pocketmq.protocol.bodies.codec import decode_body, encode_body
from pocketmq.protocol.bodies.routes import (
    CreateTopicListRequestBody,
    DataVersion,
    TopicConfigAndMappingSerializeWrapper,
    TopicList,
)
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.topics import (
    CreateTopicRequest,
    DeleteTopicRequest,
    GetAllTopicConfigRequest,
    GetAllTopicConfigResponse,
    GetTopicConfigRequest,
)

PERM_END = PERM_PRIORITY << 1

DLQ_QUEUES = 1
"""AbstractSendMessageProcessor.DLQ_NUMS_PER_GROUP."""


def create_from_default(
    state: BrokerState, topic: str, default_topic: str, queue_nums: int, now_ms: int, *, sys_flag: int = 0
) -> TopicConfig | None:
    """The topic, made like the default one if it is new and may be made; None if it may not (BK-03).

    It gets at most as many queues as the default topic has, and its permission without INHERIT.
    """
    known = state.topics.find(topic)
    if known is not None:
        return known
    pattern = state.topics.find(default_topic)
    if pattern is None or not is_inherited(pattern.perm):
        return None
    if default_topic == names.AUTO_CREATE_TOPIC and not state.settings.auto_create_topic_enable:
        return None
    queues = max(min(queue_nums, pattern.write_queue_nums), 0)
    config = TopicConfig(
        topic,
        read_queue_nums=queues,
        write_queue_nums=queues,
        perm=pattern.perm & ~PERM_INHERIT,
        topic_filter_type=pattern.topic_filter_type,
        topic_sys_flag=sys_flag,
    )
    return _put(state, config, now_ms)


def create_plain(
    state: BrokerState, topic: str, queue_nums: int, now_ms: int, *, sys_flag: int = 0, order: bool | None = None
) -> TopicConfig:
    """The topic, readable and writeable, made if it is new: retry and dead-letter topics (BK-04).

    `order` None leaves a known topic's mark as it is.
    """
    known = state.topics.find(topic)
    if known is None:
        config = TopicConfig(topic, queue_nums, queue_nums, PERM_READ_WRITE, topic_sys_flag=sys_flag)
        return _put(state, replace(config, order=bool(order)), now_ms)
    if order is not None and order != known.order:
        return _put(state, replace(known, order=order), now_ms)
    return known


def delete(state: BrokerState, topic: str, now_ms: int) -> None:
    """Forget the topic: configuration, offsets, counters, queues. Refusal if the disk keeps the queues' files."""
    state.topics.remove(topic, now_ms)
    state.offsets.forget_topic(topic)
    state.pops.forget(topic, None)
    state.orders.forget(topic, None)
    state.statistics.forget_topic(topic)
    state.topics_changed()
    state.offsets_changed()
    try:
        state.store.delete_topic(topic)
    except OSError as error:
        raise Refusal(
            ResponseCode.SYSTEM_ERROR,
            f"topic[{topic}] is deleted, but not the files of its queues ({error.strerror}): clean unused topics later",
        ) from error


def update_and_create_topic(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UPDATE_AND_CREATE_TOPIC: one topic."""
    header = CreateTopicRequest.decode(request.fields)
    _check_name(state, header.topic)
    config = TopicConfig(
        header.topic,
        read_queue_nums=header.read_queue_nums,
        write_queue_nums=header.write_queue_nums,
        perm=header.perm,
        topic_filter_type=_filter_type(header.topic_filter_type),
        topic_sys_flag=header.topic_sys_flag or 0,
        order=header.order,
    )
    changes = parse_changes(header.attributes)
    _check_type(state, changes)
    _update(state, _changed(state, config, changes), now_ms)
    return Reply()


def update_and_create_topic_list(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UPDATE_AND_CREATE_TOPIC_LIST: several topics, all or none."""
    wanted = CreateTopicListRequestBody.decode(request.body).topic_config_list
    for config in wanted:
        _check_name(state, config.topic_name)
        _check_type(state, config.attributes)
    for config in [_changed(state, config, config.attributes) for config in wanted]:
        _update(state, config, now_ms)
    return Reply()


def delete_topic(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """DELETE_TOPIC_IN_BROKER: the topic and the retry topics of groups that popped it; an unknown one is no error."""
    topic = DeleteTopicRequest.decode(request.fields).topic
    _check_name(state, topic)
    doomed = [topic]
    if state.settings.clear_retry_topic_when_delete_topic:
        for group in state.offsets.groups_of(topic):
            retries = (pop_retry_topic(topic, group, version_2=version_2) for version_2 in (True, False))
            doomed += [retry for retry in retries if retry in state.topics]
    for name in doomed:
        delete(state, name, now_ms)
    return Reply()


def get_topic_config(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_TOPIC_CONFIG: one topic."""
    topic = GetTopicConfigRequest.decode(request.fields).topic
    config = state.topics.find(topic)
    if config is None:
        return Reply(ResponseCode.TOPIC_NOT_EXIST, f"No topic in this broker. topic: {topic}")
    return Reply(body=encode_body(config))


def get_all_topic_config(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_ALL_TOPIC_CONFIG: every topic, or a part for whoever asks by places."""
    topics = state.topics
    wrapper = TopicConfigAndMappingSerializeWrapper(
        topic_config_table=_asked_for(request, state),
        data_version=topics.version,
        mapping_data_version=topics.mapping_version,
    )
    return Reply(fields=GetAllTopicConfigResponse(total_topic_num=len(topics)).fields(), body=wrapper.encode())


def get_system_topic_list(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_SYSTEM_TOPIC_LIST_FROM_BROKER: RocketMQ's own topics."""
    return Reply(body=TopicList(topic_list=sorted(state.topics.own_names)).encode())


def page_start(known: DataVersion, asked: str | None, start: int) -> int:
    """The place to go on from: the start again, if the table is no longer the one that the asker knows."""
    return start if asked and decode_body(DataVersion, asked.encode()) == known else 0


def _asked_for(request: Command, state: BrokerState) -> Mapping[str, TopicConfig]:
    asks_by_place = not request.fields.keys().isdisjoint(("topicSeq", "dataVersion", "maxTopicNum"))
    if not asks_by_place or not state.settings.enable_split_metadata:
        return state.topics.configs
    header = GetAllTopicConfigRequest.decode({"topicSeq": "0", **request.fields})
    size = state.settings.split_metadata_size
    count = size if header.max_topic_num is None else min(header.max_topic_num, size)
    return state.topics.page(page_start(state.topics.version, header.data_version, header.topic_seq or 0), count)


def _check_name(state: BrokerState, topic: str) -> None:
    if fault := names.topic_fault(topic):
        raise Refusal(ResponseCode.INVALID_PARAMETER, fault)
    if state.settings.validate_system_topic_when_update_topic and state.topics.is_system(topic):
        raise Refusal(ResponseCode.INVALID_PARAMETER, f"The topic[{topic}] is conflict with system topic.")


def _check_type(state: BrokerState, changes: Mapping[str, str]) -> None:
    wants_mixed = changes.get(ADD + ATTRIBUTE_MESSAGE_TYPE) == TopicMessageType.MIXED
    if wants_mixed and not state.settings.enable_mixed_message_type:
        raise Refusal(ResponseCode.INVALID_PARAMETER, "MIXED message type is not supported.")


def _filter_type(text: str) -> TopicFilterType:
    if text not in TopicFilterType.__members__:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"topicFilterType = [{text[:64]}] value invalid")
    return TopicFilterType(text)


def _changed(state: BrokerState, config: TopicConfig, changes: Mapping[str, str]) -> TopicConfig:
    """The configuration with the attributes that the topic will have."""
    for what, queues in (("read", config.read_queue_nums), ("write", config.write_queue_nums)):
        if not 0 <= queues <= QUEUES_PER_TOPIC_MAX:
            raise Refusal(
                ResponseCode.INVALID_PARAMETER,
                f"topic[{config.topic_name}] cannot have {queues} {what} queues, only 0 to {QUEUES_PER_TOPIC_MAX}",
            )
    if not 0 <= config.perm < PERM_END:
        raise Refusal(
            ResponseCode.INVALID_PARAMETER, f"topic[{config.topic_name}] cannot have the permission {config.perm}"
        )
    known = state.topics.find(config.topic_name)
    current = None if known is None else known.attributes
    return replace(config, attributes=apply_changes(TOPIC_ATTRIBUTES, current, changes))


def _update(state: BrokerState, config: TopicConfig, now_ms: int) -> None:
    if state.topics.find(config.topic_name) != config:
        _put(state, config, now_ms)


def _put(state: BrokerState, config: TopicConfig, now_ms: int) -> TopicConfig:
    state.topics.put(config, now_ms)
    if config.has_batch_queues:
        state.store.batch_topics.add(config.topic_name)
    state.topics_changed()
    return config


HANDLERS: dict[int, Handler] = {
    RequestCode.UPDATE_AND_CREATE_TOPIC: update_and_create_topic,
    RequestCode.UPDATE_AND_CREATE_TOPIC_LIST: update_and_create_topic_list,
    RequestCode.DELETE_TOPIC_IN_BROKER: delete_topic,
    RequestCode.GET_TOPIC_CONFIG: get_topic_config,
    RequestCode.GET_ALL_TOPIC_CONFIG: get_all_topic_config,
    RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER: get_system_topic_list,
}
