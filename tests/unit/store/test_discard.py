"""What a full disk did not take is promised to nobody, and no restart finds a part of it."""

import errno

import pytest
from store_life import SIZES, T0, reopened, send, served

from pocketmq.protocol.record import NewMessage
from pocketmq.store.recovery import open_store
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.memory_disk import MemoryDisk


@pytest.mark.parametrize(("nth", "written"), [(2, 0), (1, 900)])
def test_what_a_full_disk_refused_is_not_there_after_a_kill(nth: int, written: int) -> None:
    memory = MemoryDisk()
    disk = FaultyDisk(memory)
    store, _ = open_store(disk, SIZES, T0)
    sent = send(store, 10)
    disk.add(Fault("pwrite", nth, errno.ENOSPC, "commitlog", written=written))
    for _ in range(150):
        store.append(NewMessage("T", 0, b"refused" * 20, b""), T0)
    with pytest.raises(OSError, match="No space"):
        store.write()
    store.discard()
    disk.heal()
    sent += send(store, 1)
    store, report = reopened(memory.crash_process())
    assert report.damage == []
    assert report.log_end == sent[-1].log_offset_end
    assert served(store) == {("T", n % 2, n // 2): one.log_offset for n, one in enumerate(sent)}
