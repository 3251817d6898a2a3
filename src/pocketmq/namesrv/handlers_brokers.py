"""What brokers ask: to register, to leave, whether anything changed, who is in their group (103 104 322 901 904)."""

import zlib

from pocketmq.model.data_version import DataVersion
from pocketmq.model.errors import Refusal
from pocketmq.model.names import ORDER_TOPIC_NAMESPACE, ZONE_NAME_FIELD
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.versions import V3_0_11
from pocketmq.namesrv import registration
from pocketmq.namesrv.registration import Registration
from pocketmq.namesrv.state import Handler, NamesrvState
from pocketmq.protocol.bodies.codec import decode_body, encode_body
from pocketmq.protocol.bodies.registration import decode_registration
from pocketmq.protocol.bodies.routes import BrokerMemberGroup, GetBrokerMemberGroupResponseBody, KVTable
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import (
    BrokerHeartbeatRequest,
    GetBrokerMemberGroupRequest,
    QueryDataVersionRequest,
    QueryDataVersionResponse,
    RegisterBrokerRequest,
    UnRegisterBrokerRequest,
)

CRC_MASK = 0x7FFFFFFF
"""UtilAll#crc32 keeps the checksum positive."""


def register_broker(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """103: takes a broker and its topics; the answer holds the order configuration and, for a slave, its master."""
    header = RegisterBrokerRequest.decode(request.fields)
    if header.body_crc32 not in (0, zlib.crc32(request.body) & CRC_MASK if request.body_size else 0):
        raise Refusal(ResponseCode.SYSTEM_ERROR, "crc32 not match")
    answer = registration.register(state, _registration(request, header, peer.id), now_ms)
    body = b""
    if state.settings.return_order_topic_config_to_broker:
        table = state.kv_config.find_namespace(ORDER_TOPIC_NAMESPACE)
        body = b"" if table is None else KVTable(dict(table)).encode()
    return Reply(fields=answer.fields(), body=body)


def _registration(request: Command, header: RegisterBrokerRequest, peer_id: int) -> Registration:
    try:
        body = decode_registration(request.body, compressed=header.compressed, version=request.version)
    except Refusal as refusal:
        remark = f"Failed to decode RegisterBrokerBody: {refusal.remark}"
        raise Refusal(ResponseCode.SYSTEM_ERROR, remark) from refusal
    filter_servers = tuple(body.filter_server_list) if request.version >= V3_0_11 else None
    return Registration(
        header=header,
        topics=body.topic_config_serialize_wrapper,
        filter_servers=filter_servers,
        zone_name=request.fields.get(ZONE_NAME_FIELD),
        peer_id=peer_id,
    )


def unregister_broker(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """104: removes a broker; success also if there was none, or if the request means an earlier one."""
    registration.unregister(state, UnRegisterBrokerRequest.decode(request.fields), peer.id)
    return Reply()


def query_data_version(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """322: whether the broker's topics differ from the registered ones; also a sign of life."""
    header = QueryDataVersionRequest.decode(request.fields)
    version = decode_body(DataVersion, request.body)
    is_changed = registration.is_changed(state.routes, header.cluster_name, header.broker_addr, version)
    registration.touch(state.routes, header.cluster_name, header.broker_addr, now_ms)
    replica = state.routes.find_replica(header.cluster_name, header.broker_addr)
    body = b"" if replica is None else encode_body(replica.data_version)
    return Reply(fields=QueryDataVersionResponse(changed=is_changed).fields(), body=body)


def broker_heartbeat(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """904: a sign of life."""
    header = BrokerHeartbeatRequest.decode(request.fields)
    registration.touch(state.routes, header.cluster_name, header.broker_addr, now_ms)
    return Reply()


def get_broker_member_group(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """901: the addresses under a broker name, none if it is unknown."""
    header = GetBrokerMemberGroupRequest.decode(request.fields)
    broker = state.routes.brokers.get(header.broker_name)
    addresses = {} if broker is None else broker.addresses
    group = BrokerMemberGroup(cluster=header.cluster_name, broker_name=header.broker_name, broker_addrs=addresses)
    body = GetBrokerMemberGroupResponseBody(broker_member_group=group).encode()
    return Reply(remark=UNSET_REMARK, body=body)


UNSET_REMARK = "not set any response code"
"""RemotingCommand#createResponseCommand: what Java forgets to take back when it answers 901 with success."""

HANDLERS: dict[int, Handler] = {
    RequestCode.REGISTER_BROKER: register_broker,
    RequestCode.UNREGISTER_BROKER: unregister_broker,
    RequestCode.QUERY_DATA_VERSION: query_data_version,
    RequestCode.BROKER_HEARTBEAT: broker_heartbeat,
    RequestCode.GET_BROKER_MEMBER_GROUP: get_broker_member_group,
}
