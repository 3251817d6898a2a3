"""Which handler answers which request."""

from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.namesrv import handlers_brokers, handlers_config, handlers_kv, handlers_routes, handlers_topics
from pocketmq.namesrv.state import Handler, NamesrvState
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command

HANDLERS: dict[int, Handler] = {
    **handlers_brokers.HANDLERS,
    **handlers_routes.HANDLERS,
    **handlers_topics.HANDLERS,
    **handlers_kv.HANDLERS,
    **handlers_config.HANDLERS,
}


def handle(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """Answers any request; raises Refusal as handlers do."""
    handler = HANDLERS.get(request.code)
    if handler is None:
        remark = f" request type {request.code} not supported"
        return Reply(code=ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark=remark)
    return handler(request, peer, state, now_ms)
