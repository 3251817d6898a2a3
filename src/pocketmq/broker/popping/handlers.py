"""Which handler answers which POP code; a binary header cuts them to 16 bits, so that each has a twin (RM-04).

Java makes the answer's header before it looks at the request, so that its zeros go out with a refusal, too.
"""

from pocketmq.broker.popping.ack_runs import ack_run
from pocketmq.broker.popping.acknowledging import ack, batch_ack, change_invisible_time
from pocketmq.broker.popping.looking import notification, peek, polling_info
from pocketmq.broker.popping.popping import pop
from pocketmq.broker.state import BrokerState, Handler, RunHandler
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.frame.send_reply import Stored
from pocketmq.protocol.headers.declaration import Header
from pocketmq.protocol.headers.popping import (
    ChangeInvisibleTimeResponse,
    NotificationResponse,
    PollingInfoResponse,
    PopMessageResponse,
)


def _refusing_with(header: Header, handler: Handler) -> Handler:
    fields = header.fields()

    def handle(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome | Stored:
        try:
            return handler(request, peer, state, now_ms)
        except Refusal as refusal:
            refusal.fields = refusal.fields or fields
            raise

    return handle


def roll_back(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """POP_ROLLBACK: what Java popped by way of its key-value store goes back to files; here it was never elsewhere."""
    return Reply()


_HANDLERS: dict[int, Handler] = {
    RequestCode.POP_MESSAGE: _refusing_with(PopMessageResponse(), pop),
    RequestCode.ACK_MESSAGE: ack,
    RequestCode.BATCH_ACK_MESSAGE: batch_ack,
    RequestCode.PEEK_MESSAGE: _refusing_with(PopMessageResponse(), peek),
    RequestCode.CHANGE_MESSAGE_INVISIBLETIME: _refusing_with(ChangeInvisibleTimeResponse(), change_invisible_time),
    RequestCode.NOTIFICATION: _refusing_with(NotificationResponse(), notification),
    RequestCode.POLLING_INFO: _refusing_with(PollingInfoResponse(), polling_info),
    RequestCode.POP_ROLLBACK: roll_back,
}

HANDLERS: dict[int, Handler] = {**_HANDLERS, **{code & 0xFFFF: handler for code, handler in _HANDLERS.items()}}

RUNS: dict[int, RunHandler] = dict.fromkeys((RequestCode.ACK_MESSAGE, RequestCode.ACK_MESSAGE & 65535), ack_run)
