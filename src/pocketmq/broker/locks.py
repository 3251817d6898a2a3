"""Locking queues for orderly consumption."""

from pocketmq.broker.state import BrokerState, Handler
from pocketmq.model import names
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import CLIENT_ID_CHARS_MAX
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.protocol.bodies.clients import LockBatchRequestBody, LockBatchResponseBody, UnlockBatchRequestBody
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command


def lock_batch(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """LOCK_BATCH_MQ: answers the queues that the client owns from now on."""
    body = LockBatchRequestBody.decode(request.body)
    group, client_id = _owner(body)
    owned = state.locks.acquire(group, body.mq_set, client_id, now_ms)
    return Reply(body=LockBatchResponseBody(lock_ok_mq_set=owned).encode())


def unlock_batch(request: Command, peer: Peer, state: BrokerState, now_ms: int) -> Outcome:
    """UNLOCK_BATCH_MQ: the client gives queues up; what it does not own stays as it is."""
    body = UnlockBatchRequestBody.decode(request.body)
    group, client_id = _owner(body)
    state.locks.release(group, body.mq_set, client_id)
    return Reply()


def _owner(body: LockBatchRequestBody | UnlockBatchRequestBody) -> tuple[str, str]:
    """Group and client id, which nothing can be locked without."""
    if fault := names.group_fault(body.consumer_group or ""):
        raise Refusal(ResponseCode.INVALID_PARAMETER, fault)
    if not body.client_id or len(body.client_id) > CLIENT_ID_CHARS_MAX:
        raise Refusal(ResponseCode.INVALID_PARAMETER, f"clientId must have 1 to {CLIENT_ID_CHARS_MAX} characters")
    return body.consumer_group or "", body.client_id


HANDLERS: dict[int, Handler] = {RequestCode.LOCK_BATCH_MQ: lock_batch, RequestCode.UNLOCK_BATCH_MQ: unlock_batch}
