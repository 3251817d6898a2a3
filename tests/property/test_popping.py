"""Pops, acknowledgements, time and crashes in any order: nothing is lost, nothing acknowledged or hidden comes."""

from collections.abc import Callable

import pytest
from pop_life import PopLife

from pocketmq.broker.popping import revive_log, reviving
from pocketmq.broker.popping.table import PopTable
from pocketmq.model.broker_settings import BrokerSettings

SEEDS = 50
STEPS = 80


@pytest.mark.parametrize("is_power_cut", [False, True], ids=["kill", "power-cut"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_is_promised_of_popped_messages_holds(
    seed: int, is_power_cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:
        monkeypatch.setattr(reviving, "REVIVE_RECORDS_MAX", 3)
    settings = BrokerSettings(enable_retry_topic_v2=seed % 3 == 0)
    PopLife(seed, is_power_cut=is_power_cut, settings=settings).run(STEPS)


def commits_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    settled = PopTable.settled
    patch.setattr(PopTable, "settled", lambda self, log_offset: settled(self, 1 << 62))


def acknowledgements_are_not_written(patch: pytest.MonkeyPatch) -> None:
    def forgetful(state, pops, checkpoint, offsets, now_ms):  # type: ignore[no-untyped-def]
        pops.ack(checkpoint, offsets, state.store.log_max_offset)
        return state.store.log_max_offset

    patch.setattr(revive_log, "write_ack", forgetful)


def nothing_is_read_at_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(revive_log, "rebuilt", lambda state: PopTable())


def the_last_checkpoint_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    ack = PopTable.ack

    def release(self, checkpoint, offsets, log_offset_end):  # type: ignore[no-untyped-def]
        ack(self, checkpoint, offsets, log_offset_end)
        if checkpoint.is_closed:
            self._release(checkpoint, touched := set())
            for revive_queue_id in touched:
                self._commit_revive(revive_queue_id, log_offset_end)

    patch.setattr(PopTable, "ack", release)


def discards_go_unnoticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("pocketmq.store.message_store.MessageStore.discard", lambda self: self.log.discard())


@pytest.mark.parametrize(
    "breaks",
    [
        commits_do_not_wait,
        acknowledgements_are_not_written,
        nothing_is_read_at_start,
        the_last_checkpoint_is_not_kept,
        discards_go_unnoticed,
    ],
)
def test_a_broken_promise_is_seen(
    breaks: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(SEEDS):
            for is_power_cut in (False, True):
                PopLife(seed, is_power_cut=is_power_cut).run(STEPS)
