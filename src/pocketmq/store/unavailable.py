"""What a store says while it takes nothing."""

from pocketmq.model.errors import Refusal
from pocketmq.protocol.codes import ResponseCode

DISK_BUSY = "[PCBUSY_CLEAN_QUEUE]"
"""How the reason begins that the disk is only slow (BrokerFastFailure)."""


def disk_busy(busy_ms: int, waiting_count: int) -> str:
    """The reason while a sync takes too long and so many wait for it."""
    return (
        f"{DISK_BUSY}broker busy, start flow control for a while, "
        f"period in queue: {busy_ms}ms, size of queue: {waiting_count}"
    )


def unavailable(reason: str) -> Refusal:
    """Java's answer while the store takes nothing (SendMessageProcessor)."""
    if reason.startswith(DISK_BUSY):
        return Refusal(ResponseCode.SYSTEM_BUSY, reason)
    return Refusal(
        ResponseCode.SERVICE_NOT_AVAILABLE,
        "service not available now. It may be caused by one of the following reasons: "
        f"the broker's disk is full [{reason}], messages are put to the slave, message store has been shut down, etc.",
    )
