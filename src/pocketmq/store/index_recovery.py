"""What of a key index file can be kept after an unclean stop.

A kill leaves slots that point at entries beyond the header's count. A power loss may also leave any of the pages
written since the last sync as they were before. But an entry says which entry stood in its slot before it, so putting
the entries into empty slots one after the other rebuilds the slots and checks each entry: the first that is not what a
put would have written ends the sound part. Entries known to have been synced need no such check, only the slots that
point beyond them: each follows its chain down to them. Where a chain is broken, all entries are put again.
"""

import struct
from array import array
from sys import byteorder

from pocketmq.store.active_index import ActiveIndex
from pocketmq.store.index_file import ENTRY_BYTES, NOTHING

_READ_ENTRIES = 50_000
_ENTRY = struct.Struct(">iqii")


def repair(active: ActiveIndex, synced_log_offset: int) -> None:
    """Keep the longest sound beginning of the file, with slots to match.

    Entries of records below `synced_log_offset` were synced with their slots.
    """
    trusted = active.index.first_at(synced_log_offset)
    if trusted > 1 and not resolve_slots(active, trusted):
        trusted = 1
    if trusted == 1:
        active.clear_slots()
    active.keep(replay(active, trusted))


def resolve_slots(active: ActiveIndex, trusted: int) -> bool:
    """Let each slot that points at `trusted` or beyond point below it again; false if its chain is broken."""
    shape = active.index.shape
    slots = array("i", active.index.file.pread(shape.slot_position(0), shape.slots_max * 4))
    if byteorder == "little":
        slots.byteswap()
    if min(slots) >= 0 and max(slots) < trusted:
        return True
    for slot, newest in enumerate(slots):
        if 0 <= newest < trusted:
            continue
        index = newest
        while index >= trusted:
            entry = active.index.entry(index)
            if entry == NOTHING or entry.key_hash % shape.slots_max != slot or entry.before >= index:
                return False
            index = entry.before
        if index < 0:
            return False
        active.set_slot(slot, index)
    return True


def replay(active: ActiveIndex, start: int) -> int:
    """Put the entries from `start` on into the slots; the index of the first that is not sound, or the count."""
    shape = active.index.shape
    count = active.count
    newest_offset = active.index.entry(start - 1).log_offset if start > 1 else active.begin_log_offset
    index = start
    while index < count:
        size = min(count - index, _READ_ENTRIES) * ENTRY_BYTES
        for entry in _ENTRY.iter_unpack(active.index.file.pread(shape.entry_position(index), size)):
            key_hash, log_offset, seconds, before = entry
            slot = key_hash % shape.slots_max
            if key_hash < 0 or seconds < 0 or log_offset < newest_offset or before != active.slot(slot):
                return index
            if (index > 1 and entry == NOTHING) or (index == 1 and log_offset != newest_offset):
                return index
            active.set_slot(slot, index)
            newest_offset = log_offset
            index += 1
    return index
