"""Asking about readers far behind, and setting their thresholds: codes 2001 to 2003 (AdminBrokerProcessor)."""

from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model import names
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.settings import LONG_MAX
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.fastjson import JsonValue, ObjectKey, dumps
from pocketmq.protocol.frame import Command
from pocketmq.protocol.java_properties import parse_properties


def update_thresholds(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UPDATE_COLD_DATA_FLOW_CTR_CONFIG: thresholds by group, all or none; Java passes over what is no number."""
    try:
        wanted = parse_properties(request.body.decode("utf-8"))
    except ValueError as error:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"string2Properties error: {error}") from None
    thresholds = {}
    for group, text in wanted.items():
        if fault := names.group_fault(group):
            raise Refusal(ResponseCode.INVALID_PARAMETER, fault)
        number = int(text) if text.isascii() and text.isdigit() else -1
        if not 0 <= number <= LONG_MAX:
            raise Refusal(ResponseCode.INVALID_PARAMETER, f"the threshold of {group} must be bytes, not {text[:80]!r}")
        thresholds[group] = number
    for group, threshold in thresholds.items():
        state.cold_reads.set_threshold(group, threshold)
    return Reply()


def remove_threshold(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """REMOVE_COLD_DATA_FLOW_CTR_CONFIG: the group, whose name is the body, has the broker's threshold again."""
    state.cold_reads.thresholds.pop(request.body.decode("utf-8", "replace"), None)
    return Reply()


def get_cold_data(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_COLD_DATA_FLOW_CTR_INFO: who reads far behind, how much in this window, and the thresholds."""
    reads = state.cold_reads
    readers: dict[str | int | ObjectKey, JsonValue] = {
        group: {"coldAcc": one.read_bytes, "createTimeMills": one.first_ms, "lastColdReadTimeMills": one.last_ms}
        for group, one in reads.readers.items()
    }
    thresholds: dict[str | int | ObjectKey, JsonValue] = dict(reads.thresholds.items())
    table: JsonValue = {
        "runtimeTable": readers,
        "configTable": thresholds,
        "cgColdReadThreshold": state.settings.cg_cold_read_threshold,
        "globalColdReadThreshold": state.settings.global_cold_read_threshold,
        "globalAcc": reads.read_bytes,
    }
    return Reply(body=dumps(table))


HANDLERS: dict[int, Handler] = {
    RequestCode.UPDATE_COLD_DATA_FLOW_CTR_CONFIG: update_thresholds,
    RequestCode.REMOVE_COLD_DATA_FLOW_CTR_CONFIG: remove_threshold,
    RequestCode.GET_COLD_DATA_FLOW_CTR_INFO: get_cold_data,
}
