"""Requests of one code that came in a row and are decided at once."""

from collections.abc import Sequence

from pocketmq.broker.router import RUNS
from pocketmq.broker.state import BrokerState
from pocketmq.model.outcome import Outcome
from pocketmq.model.peer import Peer
from pocketmq.protocol.frame import Command


def decide_run(commands: Sequence[Command], at: int, peer: Peer, state: BrokerState, now_ms: int) -> list[Outcome]:
    """Outcomes of the commands from `at` on that have its code, the first one last, to be taken from the end."""
    code = commands[at].code
    end = at + 1
    while end < len(commands) and commands[end].code == code and not commands[end].flag & 1:
        end += 1
    run = commands[at:end]
    outcomes = list(RUNS[code](run, peer, state, now_ms))
    assert len(outcomes) == len(run), f"{len(run)} requests of code {code} have {len(outcomes)} outcomes"
    outcomes.reverse()
    return outcomes
