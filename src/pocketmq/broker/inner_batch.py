"""A batch sent to a topic of batch queues becomes one record, which consumers unwrap (SendMessageProcessor)."""

from pocketmq.broker.state import BrokerState
from pocketmq.model import properties as keys
from pocketmq.model.errors import Refusal
from pocketmq.model.flags import INNER_BATCH, NEED_UNWRAP
from pocketmq.model.outcome import Reply, ReplyWhenDurable
from pocketmq.model.peer import Peer
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame.send_header import SendHeader
from pocketmq.protocol.message import split_batch
from pocketmq.protocol.message_id import encode_message_id
from pocketmq.protocol.properties import decode_properties, encode_properties
from pocketmq.protocol.record import MESSAGES_PER_RECORD_MAX, NewMessage
from pocketmq.store.commit_log import illegal_size
from pocketmq.store.inner_batch import append_inner_batch

_NOT_BATCHED = (keys.DELAY, keys.TIMER_DELIVER_MS, keys.TIMER_DELAY_SEC, keys.TIMER_DELAY_MS, keys.TRANSACTION_PREPARED)


def send_inner_batch(
    body: bytes,
    header: SendHeader,
    queue_id: int,
    sys_flag: int,
    peer: Peer,
    state: BrokerState,
    now_ms: int,
) -> ReplyWhenDurable:
    """Stores the whole body as one record. Refusal MESSAGE_ILLEGAL for a broken batch, and one that would wait."""
    properties = decode_properties(header.properties)
    late = [key for key in _NOT_BATCHED if key in properties]
    if late:
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, f"a batch is delivered at once, it cannot have {late[0]}")
    count = len(split_batch(body, state.store.sizes.message_bytes_max))
    if count > MESSAGES_PER_RECORD_MAX:
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, f"the batch holds {count} messages, MAX: {MESSAGES_PER_RECORD_MAX}")
    properties.pop(keys.INNER_BASE, None)
    properties[keys.CLUSTER] = state.settings.broker_cluster_name
    properties[keys.INNER_NUM] = str(count)
    message = NewMessage(
        header.topic,
        queue_id,
        body,
        encode_properties(properties),
        flag=header.flag,
        sys_flag=sys_flag | INNER_BATCH | NEED_UNWRAP,
        born_timestamp=header.born_timestamp,
        born_host=peer.packed,
        store_host=state.store_host,
        reconsume_times=header.reconsume_times,
    )
    appended = append_inner_batch(state.store, message, now_ms)
    unique_key = properties[keys.UNIQUE_KEY]
    fields = {
        **state.stamp.reply_fields,
        "msgId": encode_message_id(state.store_host, appended.log_offset),
        "queueId": str(queue_id),
        "queueOffset": str(appended.queue_offset),
        "transactionId": unique_key,
        "batchUniqId": unique_key,
    }
    waits = properties.get(keys.WAIT, "true").lower() == "true"
    return ReplyWhenDurable(Reply(fields=fields), appended.log_offset_end, waits)


def refuse_wrong_kind(sys_flag: int, properties: dict[str, str], config: TopicConfig, message_bytes_max: int) -> None:
    """Java's answer to an inner batch for a topic without batch queues, or half of one (HookUtils#checkInnerBatch)."""
    is_inner = bool(sys_flag & INNER_BATCH)
    if (keys.INNER_NUM in properties) != is_inner or (is_inner and not config.has_batch_queues):
        raise illegal_size(message_bytes_max)
