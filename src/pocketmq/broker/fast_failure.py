"""Requests that a busy broker refuses before it does anything about them (BrokerFastFailure).

Here they wait in two places: in a turn of the loop that is long, behind the requests of other connections, and, as
sends under SYNC_FLUSH, for a disk that does not finish a sync. Java's words are kept, since people search for them.
"""

from collections.abc import Callable, Sequence

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.outcome import Reply
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command

LATE_MS = 10
"""Whoever waited less is not looked at: it is not too late by any sensible setting."""

_Patience = Callable[[BrokerSettings], int]

_QUEUES: tuple[tuple[_Patience, tuple[RequestCode, ...]], ...] = (
    (
        lambda settings: settings.wait_time_mills_in_send_queue,
        (
            RequestCode.SEND_MESSAGE,
            RequestCode.SEND_MESSAGE_V2,
            RequestCode.SEND_BATCH_MESSAGE,
            RequestCode.CONSUMER_SEND_MSG_BACK,
            RequestCode.RECALL_MESSAGE,
        ),
    ),
    (
        lambda settings: settings.wait_time_mills_in_pull_queue,
        (
            RequestCode.PULL_MESSAGE,
            RequestCode.PEEK_MESSAGE,
            RequestCode.POP_MESSAGE,
            RequestCode.NOTIFICATION,
            RequestCode.POLLING_INFO,
        ),
    ),
    (lambda settings: settings.wait_time_mills_in_lite_pull_queue, (RequestCode.LITE_PULL_MESSAGE,)),
    (
        lambda settings: settings.wait_time_mills_in_ack_queue,
        (RequestCode.ACK_MESSAGE, RequestCode.BATCH_ACK_MESSAGE, RequestCode.CHANGE_MESSAGE_INVISIBLETIME),
    ),
    (lambda settings: settings.wait_time_mills_in_heartbeat_queue, (RequestCode.HEART_BEAT,)),
    (lambda settings: settings.wait_time_mills_in_transaction_queue, (RequestCode.END_TRANSACTION,)),
)
_PATIENCE: dict[int, _Patience] = {code: patience for patience, codes in _QUEUES for code in codes}

_NEVER_LATE: frozenset[int] = frozenset(
    (
        RequestCode.SEND_REPLY_MESSAGE,
        RequestCode.SEND_REPLY_MESSAGE_V2,
        RequestCode.QUERY_MESSAGE,
        RequestCode.VIEW_MESSAGE_BY_ID,
        RequestCode.UNREGISTER_CLIENT,
        RequestCode.CHECK_CLIENT_CONFIG,
        RequestCode.GET_CONSUMER_LIST_BY_GROUP,
        RequestCode.UPDATE_CONSUMER_OFFSET,
        RequestCode.QUERY_CONSUMER_OFFSET,
        RequestCode.QUERY_ASSIGNMENT,
        RequestCode.SET_MESSAGE_REQUEST_MODE,
    )
)
"""Java's pools that nobody clears (BrokerController#registerProcessor)."""


def overdue(
    commands: Sequence[Command], waited_ms: int, settings: BrokerSettings
) -> tuple[list[Command], list[tuple[Command, Reply]]]:
    """Of requests that have waited so long: those to serve all the same, and the others with their answers."""
    if not settings.broker_fast_failure_enable:
        return list(commands), []
    served, refused = [], []
    for index, command in enumerate(commands):
        if command.is_response or command.code in _NEVER_LATE or waited_ms < _patience_ms(command.code, settings):
            served.append(command)
        else:
            refused.append((command, _busy(waited_ms, len(commands) - index - 1)))
    return served, refused


def _patience_ms(code: int, settings: BrokerSettings) -> int:
    patience = _PATIENCE.get(code)
    return settings.wait_time_mills_in_admin_broker_queue if patience is None else patience(settings)


def _busy(waited_ms: int, waiting_count: int) -> Reply:
    return Reply(
        ResponseCode.SYSTEM_BUSY,
        "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, "
        f"period in queue: {waited_ms}ms, size of queue: {waiting_count}",
    )
