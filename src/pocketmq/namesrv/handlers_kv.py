"""The key-value table over the network (100 101 102 219)."""

from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.namesrv.state import KV_CONFIG, Handler, NamesrvState
from pocketmq.protocol.bodies.routes import KVTable
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import (
    DeleteKVConfigRequest,
    GetKVConfigRequest,
    GetKVConfigResponse,
    GetKVListByNamespaceRequest,
    PutKVConfigRequest,
)


def put_kv_config(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """100: sets a value, on disk before the answer leaves."""
    if not {"namespace", "key"} <= request.fields.keys():
        raise Refusal(ResponseCode.SYSTEM_ERROR, "namespace or key is null")
    header = PutKVConfigRequest.decode(request.fields)
    state.kv_config.put(header.namespace, header.key, header.value)
    state.unsaved.add(KV_CONFIG)
    return Reply()


def get_kv_config(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """101: the value of a key."""
    header = GetKVConfigRequest.decode(request.fields)
    value = state.kv_config.find(header.namespace, header.key)
    if value is None:
        remark = f"No config item, Namespace: {header.namespace} Key: {header.key}"
        raise Refusal(ResponseCode.QUERY_NOT_FOUND, remark)
    return Reply(fields=GetKVConfigResponse(value=value).fields())


def delete_kv_config(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """102: forgets a key; success also if there was none."""
    header = DeleteKVConfigRequest.decode(request.fields)
    if state.kv_config.delete(header.namespace, header.key):
        state.unsaved.add(KV_CONFIG)
    return Reply()


def get_kv_list(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """219: all keys of a namespace."""
    header = GetKVListByNamespaceRequest.decode(request.fields)
    table = state.kv_config.find_namespace(header.namespace)
    if table is None:
        raise Refusal(ResponseCode.QUERY_NOT_FOUND, f"No config item, Namespace: {header.namespace}")
    return Reply(body=KVTable(dict(table)).encode())


HANDLERS: dict[int, Handler] = {
    RequestCode.PUT_KV_CONFIG: put_kv_config,
    RequestCode.GET_KV_CONFIG: get_kv_config,
    RequestCode.DELETE_KV_CONFIG: delete_kv_config,
    RequestCode.GET_KVLIST_BY_NAMESPACE: get_kv_list,
}
