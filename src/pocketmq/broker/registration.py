"""What a broker tells the name servers, and what it learns from their answer (BrokerController#registerBrokerAll)."""

from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

from pocketmq.broker.state import BrokerState
from pocketmq.model.permissions import is_readable, is_writeable
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.bodies import KVTable, RegisterBrokerBody, TopicConfigAndMappingSerializeWrapper
from pocketmq.protocol.bodies.registration import encode_registration
from pocketmq.protocol.headers import RegisterBrokerRequest, UnRegisterBrokerRequest

_CRC_MASK = 0x7FFFFFFF
"""UtilAll#crc32."""


def registration(state: BrokerState) -> tuple[Mapping[str, str], bytes]:
    """Header fields and body of REGISTER_BROKER: every topic, cut to what the broker itself permits."""
    settings = state.settings
    permission = settings.broker_permission
    topics: Mapping[str, TopicConfig] = state.topics.configs
    if not (is_writeable(permission) and is_readable(permission)):
        topics = {name: replace(config, perm=config.perm & permission) for name, config in topics.items()}
    wrapper = TopicConfigAndMappingSerializeWrapper(
        topic_config_table=topics,
        data_version=state.topics.version,
        mapping_data_version=state.topics.mapping_version,
    )
    body = encode_registration(RegisterBrokerBody(wrapper), compressed=settings.compressed_register)
    header = RegisterBrokerRequest(
        broker_name=settings.broker_name,
        broker_addr=state.address,
        cluster_name=settings.broker_cluster_name,
        ha_server_addr=f"{settings.broker_ip2}:{settings.ha_listen_port or _port_after(state.address)}",
        broker_id=settings.broker_id,
        compressed=settings.compressed_register,
        body_crc32=crc32(body) & _CRC_MASK,
    )
    return header.fields(), body


def _port_after(address: str) -> int:
    """BrokerStartup: replicas connect to the port behind the clients'."""
    return int(address.rpartition(":")[2]) + 1


def unregistration(state: BrokerState) -> Mapping[str, str]:
    """Header fields of UNREGISTER_BROKER."""
    settings = state.settings
    return UnRegisterBrokerRequest(
        broker_name=settings.broker_name,
        broker_addr=state.address,
        cluster_name=settings.broker_cluster_name,
        broker_id=settings.broker_id,
    ).fields()


def take_order_topics(state: BrokerState, answer: bytes, now_ms: int) -> None:
    """Marks the topics that the name server lists as ordered, and no others (TopicConfigManager)."""
    if not answer:
        return
    ordered = KVTable.decode(answer).table.keys()
    for name, config in list(state.topics.configs.items()):
        if config.order != (name in ordered) and (name in ordered or ordered):
            state.topics.put(replace(config, order=name in ordered), now_ms)
            state.topics_changed()
