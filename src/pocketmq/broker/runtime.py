"""The broker about itself: state, settings, housekeeping on demand."""

from pocketmq.broker.records import find_message
from pocketmq.broker.state import CONFIGURATION, BrokerState, Handler
from pocketmq.model import names
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.versions import CURRENT, version_name
from pocketmq.protocol.bodies.codec import encode_body
from pocketmq.protocol.bodies.routes import KVTable
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers.administration import GetBrokerConfigResponse
from pocketmq.protocol.java_properties import parse_properties
from pocketmq.store.retention import MANUAL_TURNS

TRANSIENT_BUFFERS = 2**31 - 1
"""DefaultMessageStore#remainTransientStoreBufferNumbs where there is no such pool."""

STORE_HEALTH = "pocketmqStoreHealth"
"""Ours, and only there while no sends are taken: a full disk, a failed one until a new start, an orderly stop."""

POOLS = ("send", "pull", "litePull", "query", "ack")
"""AdminBrokerProcessor#prepareRuntimeInfo: thread pools of Java whose queues tools look at; ours are always empty."""

REPLACED_BY_ZERO = (
    "dispatchBehindBytes",
    "dispatchMaxBuffer",
    "pageCacheLockTimeMills",
    "putMessageEntireTimeMax",
    "getMessageEntireTimeMax",
    "timerReadBehind",
    "timerOffsetBehind",
    "timerCongestNum",
    "EndTransactionQueueSize",
)
"""Delays and backlogs of threads that do not exist here."""


def get_runtime_info(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_BROKER_RUNTIME_INFO: the table behind brokerStatus and clusterList."""
    table = dict.fromkeys(REPLACED_BY_ZERO, "0")
    table |= _store_lines(state, now_ms) | _disk_lines(state) | _count_lines(state) | _pool_lines(state)
    table["brokerActive"] = "true"
    table["brokerVersionDesc"] = version_name(CURRENT)
    table["startAcceptSendRequestTimeStamp"] = str(state.settings.start_accept_send_request_time_stamp)
    table["timerEnqueueTps"] = table["timerDequeueTps"] = "0.0"
    for level, offset in sorted(state.delays.offsets.items()):
        end = state.store.max_offset(names.SCHEDULE_TOPIC, level - 1)
        table[f"scheduleMessageOffset_{level}"] = f"{offset},{end}"
    return Reply(body=KVTable(table=table).encode())


def get_broker_config(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """GET_BROKER_CONFIG: every setting."""
    version = encode_body(state.configuration.version).decode()
    return Reply(fields=GetBrokerConfigResponse(version=version).fields(), body=state.configuration.text().encode())


def update_broker_config(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UPDATE_BROKER_CONFIG: change settings while the broker runs, all or none; a key nobody knows is passed over."""
    try:
        wanted = parse_properties(request.body.decode("utf-8"))
    except ValueError as error:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"string2Properties error: {error}") from None
    applied, ignored = state.configuration.change(wanted, now_ms)
    if applied:
        state.unsaved.add(CONFIGURATION)
        state.limits_changed()
    if "brokerPermission" in applied:
        state.topics.bump(now_ms)
        state.topics_changed()
    return Reply(remark=f"without effect here: {', '.join(ignored)}" if ignored else None)


def clean_unused_topic(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """CLEAN_UNUSED_TOPIC: delete the queues of topics that are no longer there."""
    for topic in sorted(state.store.topics()):
        if topic not in state.topics and not state.topics.is_system(topic) and not names.is_lmq(topic):
            try:
                state.store.delete_topic(topic)
            except OSError as error:
                raise Refusal(
                    ResponseCode.SYSTEM_ERROR, f"the queues of topic[{topic}] cannot be deleted: {error.strerror}"
                ) from error
    return Reply()


def delete_expired_log(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """DELETE_EXPIRED_COMMITLOG: the node removes log files that have expired, whatever the hour."""
    state.log_expiry_due = MANUAL_TURNS
    return Reply()


def clean_expired_queues(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """CLEAN_EXPIRED_CONSUMEQUEUE: the node removes queue files whose messages are gone. Java removes the queue with
    its last message, and it starts again from 0, where no group's offset is; here it keeps where it was."""
    state.queue_sweep_due = True
    return Reply()


def _store_lines(state: BrokerState, now_ms: int) -> dict[str, str]:
    statistics, store = state.statistics, state.store
    puts = max(statistics.put_total, 1)
    minutes, seconds = divmod((now_ms - state.boot_ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return {
        **({} if store.refuses is None else {STORE_HEALTH: f"takes no messages: {store.refuses}"}),
        "bootTimestamp": str(state.boot_ms),
        "runtime": f"[ {days} days, {hours} hours, {minutes} minutes, {seconds} seconds ]",
        "putMessageTimesTotal": str(puts),
        "putMessageFailedTimes": str(statistics.put_failed),
        "putMessageSizeTotal": str(statistics.put_bytes),
        "putMessageAverageSize": repr(statistics.put_bytes / puts),
        "putMessageDistributeTime": "null",
        "putLatency99": "0.00",
        "putLatency999": "0.00",
        "commitLogMinOffset": str(store.log_min_offset if store.log_max_offset else -1),
        "commitLogMaxOffset": str(store.log_max_offset),
        "earliestMessageTimeStamp": str(_earliest(state)),
        "remainHowManyDataToFlush": size_text(store.log_max_offset - store.log.flushed),
        "remainTransientStoreBufferNumbs": str(TRANSIENT_BUFFERS),
        **statistics.tps_texts(),
    }


def _disk_lines(state: BrokerState) -> dict[str, str]:
    """How full the disks are; a log that lies in several folders is as full as the emptiest of their disks."""
    total, free = state.disk_total_bytes, state.disk_free_bytes
    places = state.log_disk_bytes or {f"{state.settings.store_path_root_dir}/commitlog": (total, free)}
    ratios = {place: _used_ratio(*sizes) for place, sizes in places.items()}
    lines = {"commitLogDiskRatio": repr(min(ratios.values())), "consumeQueueDiskRatio": repr(_used_ratio(total, free))}
    lines |= {f"commitLogDiskRatio_{place}": repr(ratio) for place, ratio in ratios.items()}
    lines["commitLogDirCapacity"] = f"Total : {size_text(total)}, Free : {size_text(free)}."
    return lines


def _used_ratio(total: int, free: int) -> float:
    return round((total - free) / total, 2) if total else -1.0


def _count_lines(state: BrokerState) -> dict[str, str]:
    statistics = state.statistics
    return {
        "msgPutTotalYesterdayMorning": str(statistics.put_until_yesterday),
        "msgPutTotalTodayMorning": str(statistics.put_until_today),
        "msgPutTotalTodayNow": str(statistics.put_today),
        "msgGetTotalYesterdayMorning": str(statistics.got_until_yesterday),
        "msgGetTotalTodayMorning": str(statistics.got_until_today),
        "msgGetTotalTodayNow": str(statistics.got_today),
    }


def _pool_lines(state: BrokerState) -> dict[str, str]:
    known = state.settings.to_properties()
    lines = {"EndTransactionThreadPoolQueueCapacity": known.get("endTransactionPoolQueueCapacity", "0")}
    for pool in POOLS:
        lines[f"{pool}ThreadPoolQueueSize"] = "0"
        lines[f"{pool}ThreadPoolQueueCapacity"] = known.get(f"{pool}ThreadPoolQueueCapacity", "0")
        lines[f"{pool}ThreadPoolQueueHeadWaitTimeMills"] = "0"
    return lines


def _earliest(state: BrokerState) -> int:
    """When the first message of the log was stored; -1 if there is none."""
    message = find_message(state.store, state.store.log_min_offset)
    return -1 if message is None else message.store_timestamp


def size_text(size: int) -> str:
    """`12 B`, `1.5 KiB` (MixAll#humanReadableByteCount)."""
    if size < 1024:
        return f"{size} B"
    unit = -1
    amount = float(size)
    while amount >= 1024 and unit < 5:
        amount /= 1024
        unit += 1
    return f"{amount:.1f} {'KMGTPE'[unit]}iB"


HANDLERS: dict[int, Handler] = {
    RequestCode.GET_BROKER_RUNTIME_INFO: get_runtime_info,
    RequestCode.GET_BROKER_CONFIG: get_broker_config,
    RequestCode.UPDATE_BROKER_CONFIG: update_broker_config,
    RequestCode.CLEAN_UNUSED_TOPIC: clean_unused_topic,
    RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE: clean_expired_queues,
    RequestCode.DELETE_EXPIRED_COMMITLOG: delete_expired_log,
}
