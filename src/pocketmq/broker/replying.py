"""Replies to requests made by message: codes 324 and 325 (ReplyMessageProcessor).

    admit as any send ─▶ store, if wanted ─▶ who asked? ─┬─ here: Relay 326 to its connection, whose answer decides ours
                                                          └─ gone, or not named: SYSTEM_ERROR

A reply is a message to `{cluster}_REPLY_TOPIC` whose property REPLY_TO_CLIENT names the producer that asked. What is
stored is a record for people: nobody waits for it, and one that cannot be stored does not fail the reply.
"""

from pocketmq.broker.delays import intercept
from pocketmq.broker.relays import RELAY_MS
from pocketmq.broker.sending import admit
from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model import properties as keys
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, Relay, Reply
from pocketmq.model.peer import Peer
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.frame.send_header import SendHeader, read_send
from pocketmq.protocol.headers import ReplyMessageRequest
from pocketmq.protocol.message_id import encode_message_id
from pocketmq.protocol.properties import decode_properties, encode_properties, encode_properties_text
from pocketmq.protocol.record import NewMessage
from pocketmq.store.message_store import Appended

UNSTORED_ID = "0"
"""ReplyMessageProcessor#handlePushReplyResult: the message id of a reply that only passed through."""


def send_reply(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """SEND_REPLY_MESSAGE, SEND_REPLY_MESSAGE_V2; a refusal carries what every answer to a send does."""
    try:
        header = _header(request)
        config = admit(header, peer, state, now_ms)
    except Refusal as refusal:
        refusal.fields = state.stamp.reply_fields
        raise
    queue_id = header.queue_id
    if queue_id < 0:
        state.sends += 1
        queue_id = state.sends % max(config.write_queue_nums, 1)
    properties = {**decode_properties(header.properties), **state.stamp.reply_fields}
    appended = _store(request, header, queue_id, encode_properties(properties), peer, state, now_ms)
    stored = {} if appended is None else _where(appended, queue_id, state)
    requester = properties.get(keys.REPLY_TO_CLIENT)
    if requester is None:
        return _failed(f"reply message properties[{keys.REPLY_TO_CLIENT}] is null", stored, state)
    client = state.sessions.find_producer(requester)
    if client is None:
        return _failed(f"push reply message fail, channel of <{requester}> not found.", stored, state)
    passed_on = stored or {"msgId": UNSTORED_ID, "queueId": str(queue_id), "queueOffset": "0"}
    properties[keys.PUSH_REPLY_TIME] = str(now_ms)
    return Relay(
        client.peer.id,
        RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT,
        _push_fields(header, properties, peer, state, now_ms),
        request.body,
        RELAY_MS,
        accepted=Reply(fields={**state.stamp.reply_fields, **passed_on}),
        failed=_failed(f"push reply message to {requester}fail.", stored, state),
    )


def _header(request: Command) -> SendHeader:
    if request.code == RequestCode.SEND_REPLY_MESSAGE:
        return read_send(Command.of(RequestCode.SEND_MESSAGE, request.fields))
    return read_send(request)


def _store(
    request: Command,
    header: SendHeader,
    queue_id: int,
    properties: bytes,
    peer: Peer,
    state: BrokerState,
    now_ms: int,
) -> Appended | None:
    """The reply in the log; None if that is not wanted, or not possible."""
    if not state.settings.store_reply_message_enable:
        return None
    message = NewMessage(
        header.topic,
        queue_id,
        request.body,
        properties,
        flag=header.flag,
        sys_flag=header.sys_flag,
        born_timestamp=header.born_timestamp,
        born_host=peer.packed,
        store_host=state.store_host,
        reconsume_times=header.reconsume_times,
    )
    try:
        return state.store.append(intercept(message, state), now_ms)
    except Refusal:
        return None


def _where(appended: Appended, queue_id: int, state: BrokerState) -> dict[str, str]:
    return {
        "msgId": encode_message_id(state.store_host, appended.log_offset),
        "queueId": str(queue_id),
        "queueOffset": str(appended.queue_offset),
    }


def _push_fields(
    header: SendHeader, properties: dict[str, str], peer: Peer, state: BrokerState, now_ms: int
) -> dict[str, str]:
    return ReplyMessageRequest(
        producer_group=header.producer_group,
        topic=header.topic,
        default_topic=header.default_topic,
        default_topic_queue_nums=header.default_topic_queue_nums,
        queue_id=header.queue_id,
        sys_flag=header.sys_flag,
        born_timestamp=header.born_timestamp,
        flag=header.flag,
        properties=encode_properties_text(properties),
        reconsume_times=header.reconsume_times,
        unit_mode=header.unit_mode,
        born_host=peer.address,
        store_host=state.address,
        store_timestamp=now_ms,
    ).fields()


def _failed(remark: str, stored: dict[str, str], state: BrokerState) -> Reply:
    return Reply(ResponseCode.SYSTEM_ERROR, remark, {**state.stamp.reply_fields, **stored})


HANDLERS: dict[int, Handler] = {
    RequestCode.SEND_REPLY_MESSAGE: send_reply,
    RequestCode.SEND_REPLY_MESSAGE_V2: send_reply,
}
