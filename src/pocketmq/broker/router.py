"""Which handler answers which code; everything else is answered as Java answers what it does not know."""

from pocketmq.broker import (
    cold_read_limits,
    delays,
    groups,
    locks,
    offsets,
    progress,
    pulling,
    queries,
    relays,
    replying,
    resets,
    runtime,
    send_back,
    sending,
    sessions,
    topics,
)
from pocketmq.broker.balancing import assignment
from pocketmq.broker.popping import handlers as popping
from pocketmq.broker.state import Handler, RunHandler
from pocketmq.model.outcome import Reply
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command

HANDLERS: dict[int, Handler] = {
    **sending.HANDLERS,
    **pulling.HANDLERS,
    **popping.HANDLERS,
    **offsets.HANDLERS,
    **sessions.HANDLERS,
    **locks.HANDLERS,
    **assignment.HANDLERS,
    **topics.HANDLERS,
    **groups.HANDLERS,
    **send_back.HANDLERS,
    **delays.HANDLERS,
    **progress.HANDLERS,
    **queries.HANDLERS,
    **resets.HANDLERS,
    **relays.HANDLERS,
    **replying.HANDLERS,
    **runtime.HANDLERS,
    **cold_read_limits.HANDLERS,
}

RUNS: dict[int, RunHandler] = popping.RUNS
"""Codes of which a row of requests is decided at once, because that costs less than one after the other."""


def unsupported(request: Command) -> Reply:
    """The answer to a code without handler (NettyRemotingAbstract)."""
    return Reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, f" request type {request.code} not supported")
