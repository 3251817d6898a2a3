"""A log in two folders goes from Java's broker to ours and back: each finds all of it, and goes on in both folders."""

from signal import SIGKILL, SIGTERM

import pytest
from rig import journey
from rig.exchange import ExchangedStore
from rig.journey import Acknowledged

pytestmark = pytest.mark.interop


def test_a_log_in_two_folders_is_one_log_for_both_brokers() -> None:
    store, known = ExchangedStore(log_folders=2), Acknowledged()
    try:
        with store.java(SIGTERM) as broker:
            journey.create(store)
            journey.write(broker, known, "java-first", per_queue=330)
        files = [sorted(int(path.name) >> 20 for path in folder.iterdir()) for folder in store.log_folders]
        for opened, ends_with, name in (
            (store.pocketmq, SIGKILL, "ours"),
            (store.java, SIGTERM, "java"),
            (store.pocketmq, SIGTERM, "ours-at-last"),
        ):
            with opened(ends_with) as broker:
                visit = journey.visit(broker, known)
                journey.write(broker, known, name, per_queue=200)
            for place, bodies in visit.promised.items():
                assert [record.body for record in visit.records[place]] == bodies, (name, place)
        assert not (store.store / "commitlog").exists()
        later = [sorted(int(path.name) >> 20 for path in folder.iterdir()) for folder in store.log_folders]
        for number, (before, after) in enumerate(zip(files, later, strict=True)):
            assert len(after) > len(before) > 0
            assert {file % 2 for file in after} == {number}
    finally:
        store.close()
