"""Requests that a busy broker refuses before it does anything about them (BrokerFastFailure).

Here they wait in two places: in a turn of the loop that is long, behind the requests of other connections, and, as
sends under SYNC_FLUSH, for a disk that does not finish a sync. Java's words are kept, since people search for them.
"""

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.outcome import Reply
from pocketmq.protocol.codes import RequestCode, ResponseCode

SENDS = frozenset(
    (
        RequestCode.SEND_MESSAGE,
        RequestCode.SEND_MESSAGE_V2,
        RequestCode.SEND_BATCH_MESSAGE,
        RequestCode.CONSUMER_SEND_MSG_BACK,
        RequestCode.RECALL_MESSAGE,
    )
)
ACKNOWLEDGEMENTS = frozenset(
    (RequestCode.ACK_MESSAGE, RequestCode.BATCH_ACK_MESSAGE, RequestCode.CHANGE_MESSAGE_INVISIBLETIME)
)
PULLS = frozenset((RequestCode.PULL_MESSAGE, RequestCode.POP_MESSAGE))


def patience_ms(code: int, settings: BrokerSettings) -> int:
    """How long a request with this code may have waited (the thread pools of BrokerController#registerProcessor)."""
    if code in SENDS:
        return settings.wait_time_mills_in_send_queue
    if code in PULLS:
        return settings.wait_time_mills_in_pull_queue
    if code == RequestCode.LITE_PULL_MESSAGE:
        return settings.wait_time_mills_in_lite_pull_queue
    if code == RequestCode.HEART_BEAT:
        return settings.wait_time_mills_in_heartbeat_queue
    if code == RequestCode.END_TRANSACTION:
        return settings.wait_time_mills_in_transaction_queue
    if code in ACKNOWLEDGEMENTS:
        return settings.wait_time_mills_in_ack_queue
    return settings.wait_time_mills_in_admin_broker_queue


def busy(waited_ms: int, waiting_count: int) -> Reply:
    """The answer to a request that has waited too long, with so many others behind it."""
    return Reply(
        ResponseCode.SYSTEM_BUSY,
        "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, "
        f"period in queue: {waited_ms}ms, size of queue: {waiting_count}",
    )
