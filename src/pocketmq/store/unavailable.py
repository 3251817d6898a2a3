"""What a store says while it takes nothing."""

from pocketmq.model.errors import Refusal
from pocketmq.protocol.codes import ResponseCode


def unavailable(reason: str) -> Refusal:
    """Java's answer while the store takes nothing (SendMessageProcessor)."""
    return Refusal(
        ResponseCode.SERVICE_NOT_AVAILABLE,
        "service not available now. It may be caused by one of the following reasons: "
        f"the broker's disk is full [{reason}], messages are put to the slave, message store has been shut down, etc.",
    )
