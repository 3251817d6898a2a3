"""Creating, changing, listing and deleting consumer groups, and what a group may not read."""

from collections.abc import Mapping
from dataclasses import replace

from pocketmq.broker.attributes import GROUP_ATTRIBUTES, apply_changes
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.broker.topics import page_start
from pocketmq.model import names
from pocketmq.model.errors import Refusal
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.limits import RETRY_QUEUES_PER_GROUP_MAX
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.permissions import PERM_READ
from pocketmq.protocol.bodies.codec import encode_body, from_json
from pocketmq.protocol.bodies.groups import GroupForbidden
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.fastjson import JsonValue, loads_object
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.topics import (
    DeleteSubscriptionGroupRequest,
    GetAllSubscriptionGroupRequest,
    GetAllSubscriptionGroupResponse,
    GetSubscriptionGroupConfigRequest,
    UpdateGroupForbiddenRequest,
)


def find_or_create(state: BrokerState, group: str, now_ms: int) -> SubscriptionGroupConfig | None:
    """The group, made if it is new, legal and may be made; None otherwise (BK-07)."""
    known = state.groups.find(group)
    if known is not None:
        return known
    settings = state.settings
    may_create = settings.auto_create_subscription_group or (
        settings.enable_create_sys_group and names.is_system_group(group)
    )
    if not may_create or names.group_fault(group) or state.groups.is_full:
        return None
    config = SubscriptionGroupConfig(group)
    state.groups.put(config, now_ms)
    state.groups_changed()
    return config


def update_and_create_group(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: one group."""
    _update(state, [_read_config(state, loads_object(request.body))], now_ms)
    return Reply()


def update_and_create_group_list(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: several groups, all or none."""
    wanted = loads_object(request.body).get("groupConfigList")
    _update(state, [_read_config(state, config) for config in wanted] if isinstance(wanted, list) else [], now_ms)
    return Reply()


def delete_group(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """DELETE_SUBSCRIPTIONGROUP: the group, and its offsets if wanted; an unknown one is no error."""
    header = DeleteSubscriptionGroupRequest.decode(request.fields)
    state.groups.remove(header.group_name, now_ms)
    state.groups_changed()
    state.locks.drop_group(header.group_name)
    if header.clean_offset:
        state.offsets.forget_group(header.group_name)
        state.pops.forget(None, header.group_name)
        state.orders.forget(None, header.group_name)
        state.offsets_changed()
    state.statistics.forget_group(header.group_name)
    return Reply()


def get_group_config(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_SUBSCRIPTIONGROUP_CONFIG: one group, which asking may create."""
    group = GetSubscriptionGroupConfigRequest.decode(request.fields).group
    config = find_or_create(state, group, now_ms)
    if config is None:
        return Reply(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, "No group in this broker")
    return Reply(body=encode_body(config))


def get_all_groups(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_ALL_SUBSCRIPTIONGROUP_CONFIG: every group, or a part for whoever asks by places."""
    wrapper = state.groups.wrapper(_asked_for(request, state))
    fields = GetAllSubscriptionGroupResponse(total_group_num=len(state.groups)).fields()
    return Reply(fields=fields, body=wrapper.encode())


def update_and_get_forbidden(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UPDATE_AND_GET_GROUP_FORBIDDEN: whether the group may read the topic, and perhaps a change of that."""
    header = UpdateGroupForbiddenRequest.decode(request.fields)
    bits = state.groups.forbidden_bits(header.group, header.topic)
    if header.readable is not None:
        for fault in (names.group_fault(header.group), names.topic_fault(header.topic)):
            if fault:
                raise Refusal(ResponseCode.INVALID_PARAMETER, fault)
        if not header.readable and header.group not in state.groups:
            raise Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, "No group in this broker")
        bits = bits & ~PERM_READ if header.readable else bits | PERM_READ
        state.groups.set_forbidden(header.group, header.topic, bits, now_ms)
        state.groups_changed()
    answer = GroupForbidden(topic=header.topic, group=header.group, readable=not bits & PERM_READ)
    return Reply(body=answer.encode())


def _asked_for(request: Command, state: BrokerState) -> Mapping[str, SubscriptionGroupConfig] | None:
    asks_by_place = not request.fields.keys().isdisjoint(("groupSeq", "dataVersion", "maxGroupNum"))
    if not asks_by_place or not state.settings.enable_split_metadata:
        return None
    header = GetAllSubscriptionGroupRequest.decode({"groupSeq": "0", **request.fields})
    size = state.settings.split_metadata_size
    count = size if header.max_group_num is None else min(header.max_group_num, size)
    return state.groups.page(page_start(state.groups.version, header.data_version, header.group_seq or 0), count)


def _read_config(state: BrokerState, value: JsonValue) -> SubscriptionGroupConfig:
    """The group as it will be. Refusal if its name, its attributes or its queues are not legal."""
    name = value.get("groupName") if isinstance(value, dict) else None
    if fault := names.group_fault(name if isinstance(name, str) else ""):
        raise Refusal(ResponseCode.INVALID_PARAMETER, fault)
    config = from_json(SubscriptionGroupConfig, value)
    if not 0 <= config.retry_queue_nums <= RETRY_QUEUES_PER_GROUP_MAX:
        raise Refusal(
            ResponseCode.INVALID_PARAMETER,
            f"group[{config.group_name}] cannot have {config.retry_queue_nums} retry queues, "
            f"only 0 to {RETRY_QUEUES_PER_GROUP_MAX}",
        )
    known = state.groups.find(config.group_name)
    current = None if known is None else known.attributes
    return replace(config, attributes=apply_changes(GROUP_ATTRIBUTES, current, config.attributes))


def _update(state: BrokerState, configs: list[SubscriptionGroupConfig], now_ms: int) -> None:
    for config in configs:
        state.groups.put(config, now_ms)
        state.groups_changed()


HANDLERS: dict[int, Handler] = {
    RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: update_and_create_group,
    RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: update_and_create_group_list,
    RequestCode.DELETE_SUBSCRIPTIONGROUP: delete_group,
    RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG: get_group_config,
    RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG: get_all_groups,
    RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN: update_and_get_forbidden,
}
