"""Headers of transactions."""

from pocketmq.protocol.headers.declaration import Header, Int, Long, RpcRequest


class EndTransactionRequest(RpcRequest, frozen=True, kw_only=True):
    """37 END_TRANSACTION."""

    topic: str | None = None
    producer_group: str
    tran_state_table_offset: Long
    commit_log_offset: Long
    commit_or_rollback: Int
    from_transaction_check: bool = False
    msg_id: str
    transaction_id: str | None = None


class EndTransactionResponse(Header, frozen=True, kw_only=True):
    """Answer to END_TRANSACTION."""


class CheckTransactionStateRequest(RpcRequest, frozen=True, kw_only=True):
    """39 CHECK_TRANSACTION_STATE."""

    topic: str | None = None
    tran_state_table_offset: Long
    commit_log_offset: Long
    msg_id: str | None = None
    transaction_id: str | None = None
    offset_msg_id: str | None = None


class CheckTransactionStateResponse(Header, frozen=True, kw_only=True):
    """Answer to CHECK_TRANSACTION_STATE."""

    producer_group: str
    tran_state_table_offset: Long
    commit_log_offset: Long
    commit_or_rollback: Int


class ResumeCheckHalfMessageRequest(Header, frozen=True, kw_only=True):
    """323 RESUME_CHECK_HALF_MESSAGE."""

    topic: str | None = None
    msg_id: str | None = None
