"""A commit log that lies in several folders is one log, and one that cannot be whole is not opened."""

import os
import shutil
from pathlib import Path

import pytest
from expiry import drop_before
from store_life import SIZES, T0, save, send, served

from pocketmq.model.errors import StoreError
from pocketmq.store import spread_disk
from pocketmq.store.disk import PosixDisk
from pocketmq.store.message_store import MessageStore
from pocketmq.store.recovery import Recovery, open_store
from pocketmq.store.spread_disk import LogPlaces, SpreadDisk

FILE = SIZES.log_file_bytes


class Folders:
    """A root and places for its log, none of which is there yet but the root."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = str(tmp_path / "root")
        self.a, self.b, self.old = (str(tmp_path / name / "log") for name in ("a", "b", "old"))
        os.mkdir(self.root)

    def open(self, *places: str, read_only: tuple[str, ...] = ()) -> tuple[MessageStore, Recovery]:
        disk = SpreadDisk(self.root, LogPlaces(places, read_only, FILE, full_above=1.0))
        return open_store(disk, SIZES, T0)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def log_files(place: str) -> list[int]:
    """The numbers of the log files in a folder."""
    return sorted(int(name) // FILE for name in os.listdir(place))


def fill(store: MessageStore, files: float) -> None:
    while store.log.end < files * FILE:
        send(store, 20, body_bytes=300)
    save(store)


def test_files_go_to_the_places_in_turn_and_are_read_from_them_all(folders: Folders) -> None:
    store, _ = folders.open(folders.a, folders.b)
    fill(store, 4.5)
    before = served(store)
    assert (log_files(folders.a), log_files(folders.b)) == ([0, 2, 4], [1, 3])
    assert not os.path.exists(f"{folders.root}/commitlog")
    store.close()
    again, recovery = folders.open(folders.a, folders.b)
    assert recovery.was_clean
    assert served(again) == before
    assert len(before) == again.max_offset("T", 0) + again.max_offset("T", 1)


def test_after_a_kill_the_tail_is_found_wherever_it_lies(folders: Folders) -> None:
    store, _ = folders.open(folders.a, folders.b)
    fill(store, 1.5)
    send(store, 100, body_bytes=300)
    before = served(store)
    again, recovery = folders.open(folders.a, folders.b)
    assert not recovery.was_clean
    assert served(again) == before


def test_a_place_for_reading_gets_no_new_file_and_loses_its_old_ones(folders: Folders) -> None:
    store, _ = folders.open(folders.old)
    fill(store, 2.5)
    before = served(store)
    store.close()
    os.makedirs(folders.a)
    store, _ = folders.open(folders.a, read_only=(folders.old,))
    assert served(store) == before
    fill(store, 5.5)
    assert (log_files(folders.old), log_files(folders.a)) == ([0, 1, 2], [3, 4, 5])
    drop_before(store.log.segments, 2 * FILE)
    assert log_files(folders.old) == [2]


def test_a_full_place_is_passed_over_while_another_has_room(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {folders.a: 0.5, folders.b: 0.1}
    monkeypatch.setattr(spread_disk, "_free_ratio", free.__getitem__)
    disk = SpreadDisk(folders.root, LogPlaces((folders.a, folders.b), (), FILE, full_above=0.85))
    store, _ = open_store(disk, SIZES, T0)
    fill(store, 2.5)
    assert (log_files(folders.a), log_files(folders.b)) == ([0, 1, 2], [])
    assert disk.free_ratio() <= 0.5
    free[folders.a] = 0.0
    assert disk.free_ratio() <= 0.1
    fill(store, 3.5)
    assert log_files(folders.b) == [3]


def test_a_log_of_which_a_part_is_not_there_is_not_opened(folders: Folders) -> None:
    store, _ = folders.open(folders.a, folders.b)
    fill(store, 1.5)
    store.close()
    os.rename(folders.b, f"{folders.b}-gone")
    with pytest.raises(StoreError, match=f"{folders.b} is not there, and other folders hold log files: mount its disk"):
        folders.open(folders.a, folders.b)
    os.rename(f"{folders.b}-gone", folders.b)
    assert folders.open(folders.a, folders.b)[1].was_clean


def test_files_in_the_usual_folder_are_not_forgotten(folders: Folders) -> None:
    store, _ = open_store(PosixDisk(folders.root), SIZES, T0)
    fill(store, 1.5)
    before = served(store)
    store.close()
    usual = f"{folders.root}/commitlog"
    with pytest.raises(
        StoreError, match=f"{usual} holds the log file 0{{20}}, and storePathCommitLog does not name it"
    ):
        folders.open(folders.a)
    os.makedirs(folders.a)
    assert served(folders.open(folders.a, usual)[0]) == before
    assert served(folders.open(folders.a, read_only=(usual,))[0]) == before


def test_a_file_that_is_in_two_places_is_in_none(folders: Folders) -> None:
    store, _ = folders.open(folders.a, folders.b)
    fill(store, 1.5)
    store.close()
    shutil.copy(f"{folders.a}/{0:020d}", folders.b)
    with pytest.raises(StoreError, match=f"{folders.a} and {folders.b} both hold the log file 0{{20}}"):
        folders.open(folders.a, folders.b)


def test_a_log_needs_a_place_that_takes_new_files(folders: Folders) -> None:
    with pytest.raises(StoreError, match="storePathCommitLog names no folder but those of readOnlyCommitLogStorePaths"):
        folders.open(read_only=(folders.a,))


def test_nothing_is_made_for_one_who_only_looks(folders: Folders) -> None:
    SpreadDisk(folders.root, LogPlaces((folders.a,)), reads_only=True)
    assert not os.path.exists(folders.a)
