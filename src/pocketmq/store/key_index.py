"""Finds messages by key: Java's index files in a row, the newest one being written (IndexService).

The index is derived: the keys of a record are put once, in log order, and `end_log_offset` says how far it has come.
After an unclean stop `recover` keeps the longest sound beginning, and the rest is derived from the log again.
"""

from collections.abc import Sequence

from pocketmq.model.errors import StoreError
from pocketmq.store.active_index import ActiveIndex, key_hash_of, keys_of
from pocketmq.store.commit_log import Dispatch
from pocketmq.store.disk import Disk, File
from pocketmq.store.index_file import IndexFile, Shape, index_names, is_plausible, name_for, walk_slot
from pocketmq.store.index_recovery import repair
from pocketmq.store.segments import Removal, UnsyncedFolder


class KeyIndex:
    """All index files of a store. Opening trusts their headers; after an unclean stop call `recover` next."""

    def __init__(self, disk: Disk, folder: str, slots_max: int, entries_max: int) -> None:
        self._disk = disk
        self._folder = folder
        self._shape = Shape(slots_max, entries_max)
        self._sealed: list[IndexFile] = []
        self._active: ActiveIndex | None = None
        self._unsynced: dict[str, File] = {}
        self._folder_unsynced = False
        names = index_names(disk, folder)
        for name in names:
            self._open(name, is_newest=name == names[-1])
        self._reactivate()

    @property
    def end_log_offset(self) -> int:
        """All records up to and including the one at this offset are indexed; -1 before the first."""
        active = self._active
        if active is None or (active.count == 1 and active.end_log_offset == 0):
            return -1
        end: int = active.end_log_offset
        return end

    @property
    def end_timestamp(self) -> int:
        """Store timestamp of the record indexed last, 0 before the first."""
        return 0 if self._active is None else self._active.end_timestamp

    def names(self) -> list[str]:
        """The names of the files, oldest first."""
        newest = [] if self._active is None else [self._active.index]
        return [index.name for index in (*self._sealed, *newest)]

    # ------------------------------------------------------------------------------------------- writing

    def put_all(self, dispatches: Sequence[Dispatch], now_ms: int) -> None:
        """Put the keys of records in log order, passing over those that are indexed already."""
        done = 0 if self._active is None else self._active.put_all(dispatches, 0)
        while done < len(dispatches):
            _, _, log_offset, _, _, store_timestamp, topic, unique_key, keys = dispatches[done]
            self.put_keys(topic, unique_key, keys, log_offset, store_timestamp, now_ms)
            done += 1
            if self._active is not None:
                done = self._active.put_all(dispatches, done)

    def put_keys(
        self, topic: bytes, unique_key: bytes, keys: bytes, log_offset: int, store_timestamp: int, now_ms: int
    ) -> None:
        """Put all keys of one record, unless it is indexed already. A key absent is b""."""
        if log_offset <= self.end_log_offset:
            return
        active = self._active
        if active is not None and active.put_keys(topic, unique_key, keys, log_offset, store_timestamp):
            return
        for key in keys_of(unique_key, keys):
            self.put_key(topic, key, log_offset, store_timestamp, now_ms)

    def put_key(self, topic: bytes, key: bytes, log_offset: int, store_timestamp: int, now_ms: int) -> None:
        """Put one key, into a new file if the newest is full."""
        active = self._active
        if active is None or active.is_full:
            active = self._roll(now_ms)
        active.put(key_hash_of(topic, key), log_offset, store_timestamp)

    def flush(self) -> None:
        """Bring what gathered in memory to the files. Raises OSError; nothing is forgotten then."""
        if self._active is not None:
            self._active.flush()

    def sync_targets(self) -> list[File | UnsyncedFolder]:
        """What has been flushed or created since the last call; the caller owes each its `sync`."""
        if self._active is not None:
            self._note_unsynced(self._active)
        targets: list[File | UnsyncedFolder] = list(self._unsynced.values())
        if self._folder_unsynced:
            targets.append(UnsyncedFolder(self._disk, self._folder))
        self._unsynced.clear()
        self._folder_unsynced = False
        return targets

    def _roll(self, now_ms: int) -> ActiveIndex:
        """A new newest file, which begins where the full one ends (IndexService#getAndCreateLastIndexFile)."""
        full = self._active
        self.flush()
        if full is None:
            self._disk.mkdirs(self._folder)
        name = name_for(now_ms, "" if full is None else full.index.name)
        self._disk.open(f"{self._folder}/{name}", create=True, size=self._shape.file_bytes).close()
        self._folder_unsynced = True
        index = IndexFile(self._disk, self._folder, name, self._shape)
        if full is not None:
            index.header = full.header().successor()
            self._note_unsynced(full)
            self._sealed.append(full.index)
        self._active = ActiveIndex(index)
        return self._active

    def _note_unsynced(self, active: ActiveIndex) -> None:
        if active.unsynced:
            self._unsynced[active.index.name] = active.index.file
            active.unsynced = False

    # ------------------------------------------------------------------------------------------- reading

    def query(self, topic: str, key: str, max_count: int, begin_ms: int, end_ms: int) -> list[int]:
        """Log offsets of records that may carry the key and were stored in [begin_ms, end_ms], newest first."""
        found: list[int] = []
        active = self._active
        if active is None:
            return found
        key_hash = key_hash_of(topic.encode("utf-8", "replace"), key.encode("utf-8", "replace"))
        slot = key_hash % self._shape.slots_max
        header = active.header()
        if header.covers_time(begin_ms, end_ms):
            walk_slot(found, header, active.slot(slot), active.entry, key_hash, max_count, begin_ms, end_ms)
        for index in reversed(self._sealed):
            # As IndexService#queryOffset: a file that begins before the span is the last one looked at.
            if header.begin_timestamp < begin_ms or len(found) >= max_count:
                break
            header = index.header
            if header.covers_time(begin_ms, end_ms):
                walk_slot(found, header, index.slot(slot), index.entry, key_hash, max_count, begin_ms, end_ms)
        return found

    # ---------------------------------------------------------------------------------- removing, repairing

    def release_before(self, log_offset: int) -> list[Removal]:
        """Forget the files of records before `log_offset` only, never the newest. The caller owes each its `sync`."""
        removals = []
        while self._sealed and self._sealed[0].header.end_log_offset < log_offset:
            index = self._sealed.pop(0)
            self._unsynced.pop(index.name, None)
            removals.append(Removal(self._disk, f"{self._folder}/{index.name}"))
        return removals

    def truncate_after(self, log_offset: int) -> None:
        """Forget the records from `log_offset` on, because the log was cut there. Files that go are gone durably."""
        while self._active is not None:
            active = self._active
            if active.count > 1 and active.begin_log_offset < log_offset:
                break
            self._drop_active()
        active_now = self._active
        if active_now is None or active_now.end_log_offset < log_offset:
            return
        self.flush()
        active_now.cut(active_now.index.first_at(log_offset))

    def recover(self, synced_log_offset: int) -> None:
        """After an unclean stop: keep what is sound. What was derived from records before the offset was synced.

        Files full of such records are whole. The one they end in is looked through. Files without any go, for others
        may be missing before them. The last record kept may have got only some of its keys; unless synced, it goes too.
        """
        files = [*self._sealed, *([] if self._active is None else [self._active.index])]
        kept: list[IndexFile] = []
        for index in files:
            if not is_plausible(index.header, self._shape) or index.header.begin_log_offset >= synced_log_offset:
                break
            is_full = index.header.count == self._shape.entries_max
            if not is_full or index.header.end_log_offset >= synced_log_offset:
                active = ActiveIndex(index)
                repair(active, synced_log_offset)
                active.flush()
                self._note_unsynced(active)
                if active.count > 1:
                    kept.append(index)
                break
            kept.append(index)
        for index in reversed(files[len(kept) :]):
            self._remove(index)
        self._sealed = kept
        self._active = None
        self._reactivate()
        end = self.end_log_offset
        if end >= synced_log_offset:
            self.truncate_after(end)

    def close(self) -> None:
        """Close the files; what was not flushed is given up."""
        for index in self._sealed:
            index.file.close()
        if self._active is not None:
            self._active.close()
        self._sealed = []
        self._active = None

    def _open(self, name: str, *, is_newest: bool) -> None:
        path = f"{self._folder}/{name}"
        size = self._disk.size(path)
        if size == 0 and is_newest:
            # A crash came between creating the file and giving it its size; it holds nothing yet.
            self._disk.remove(path)
            self._disk.fsync_dir(self._folder)
            return
        if size not in (0, self._shape.file_bytes):
            raise StoreError(
                f"{path} has {size} bytes, but maxHashSlotNum={self._shape.slots_max} and "
                f"maxIndexNum={self._shape.entries_max} make {self._shape.file_bytes}: set both as they were when the "
                f"store was written, or remove the folder {self._folder} to have it built again from the log"
            )
        self._sealed.append(IndexFile(self._disk, self._folder, name, self._shape))

    def _reactivate(self) -> None:
        """The newest sealed file is the one to go on with."""
        if not self._sealed:
            return
        index = self._sealed.pop()
        if index.header.count == 1 and index.header.end_log_offset == 0 and self._sealed:
            index.header = self._sealed[-1].header.successor()
        self._active = ActiveIndex(index)

    def _drop_active(self) -> None:
        if self._active is not None:
            self._remove(self._active.index)
        self._active = None
        self._reactivate()

    def _remove(self, index: IndexFile) -> None:
        index.file.close()
        self._unsynced.pop(index.name, None)
        self._disk.remove(f"{self._folder}/{index.name}")
        self._disk.fsync_dir(self._folder)
