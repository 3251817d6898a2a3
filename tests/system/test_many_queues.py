"""Twenty thousand queues on a real disk, within the descriptors and the memory that a small machine has."""

import subprocess
import sys
from pathlib import Path

QUEUES = 20_000
MEMORY_MB_MAX = 300
PROGRAM = """
import os, re, resource, sys
from pathlib import Path
from pocketmq.protocol.record import NewMessage
from pocketmq.store.disk import PosixDisk
from pocketmq.store.message_store import StoreSizes
from pocketmq.store.recovery import open_store

queues = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
sizes = StoreSizes(log_file_bytes=64 << 20, index_slots=1000, index_entries=100_000)
store, _ = open_store(PosixDisk(sys.argv[1]), sizes, 1)
for round in range(2):
    for number in range(queues):
        store.append(NewMessage(f"T{number // 8}", number % 8, b"body", b"UNIQ_KEY\\x01%d\\x02" % number), 1)
        if number % 1000 == 0:
            store.write()
            store.publish(store.log.written, 1)
    store.write()
    store.publish(store.log.written, 1)
    while store.derived.waiting:
        store.derived.write(64)
resident = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
print(len(os.listdir("/proc/self/fd")), resident, store.max_offset(f"T{queues // 8 - 1}", 7))
"""


def test_twenty_thousand_queues(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(QUEUES)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    descriptors, resident_mb, messages = map(int, ran.stdout.split())
    assert descriptors < 1024
    assert resident_mb < MEMORY_MB_MAX
    assert messages == 2
