"""Which handler answers which POP code; a binary header cuts them to 16 bits, so that each has a twin (RM-04)."""

from pocketmq.broker.popping.acknowledging import ack, batch_ack, change_invisible_time
from pocketmq.broker.popping.looking import notification, peek, polling_info
from pocketmq.broker.popping.popping import pop
from pocketmq.broker.state import Handler
from pocketmq.protocol.codes import RequestCode

_HANDLERS: dict[int, Handler] = {
    RequestCode.POP_MESSAGE: pop,
    RequestCode.ACK_MESSAGE: ack,
    RequestCode.BATCH_ACK_MESSAGE: batch_ack,
    RequestCode.PEEK_MESSAGE: peek,
    RequestCode.CHANGE_MESSAGE_INVISIBLETIME: change_invisible_time,
    RequestCode.NOTIFICATION: notification,
    RequestCode.POLLING_INFO: polling_info,
}

HANDLERS: dict[int, Handler] = {**_HANDLERS, **{code & 0xFFFF: handler for code, handler in _HANDLERS.items()}}
