"""`pocketmq fsck` and `pocketmq store` on the folder of a broker that ran, while it runs and after it stopped."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

PATIENCE_SECONDS = 60.0
COMMAND = [sys.executable, "-m", "pocketmq.node.cli"]


def pocketmq(*words: str, status: int = 0) -> tuple[str, str]:
    ran = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert ran.returncode == status, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout, ran.stderr


def test_a_store_is_verified_inspected_dumped_and_repaired(tmp_path: Path) -> None:
    folder = str(tmp_path / "d")
    process = subprocess.Popen(
        [*COMMAND, "up", "--data", folder, "--port", "0", "--namesrv-port", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], PATIENCE_SECONDS)[0]
        addresses = json.loads(process.stdout.readline())
        pocketmq("send", "Orders", "hello", "--count", "40", "--key", "k", "--namesrv", addresses["namesrv"])
        out, errors = pocketmq("fsck", folder)
        assert out.splitlines()[-1].startswith("sound, ")
        assert errors == f"{folder} is in use by process {process.pid}: what follows may have moved meanwhile\n"
        assert "stop it, then --repair" in pocketmq("fsck", folder, "--repair", status=2)[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.communicate()
    assert pocketmq("fsck", folder) == ("sound\n", "")
    found = json.loads(pocketmq("store", "inspect", folder, "--json")[0])
    assert sum(one["max_offset"] for one in found["queues"] if one["topic"] == "Orders") == 40
    lines = pocketmq("store", "dump", "Orders", "--data", folder)[0].splitlines()
    assert [json.loads(line)["body"] for line in lines] == ["hello"] * 40
    os.remove(tmp_path / "d" / "consumequeue" / "Orders" / "0" / ("0" * 20))
    assert pocketmq("fsck", folder, status=1)[0].startswith("DERIVED ")
    assert pocketmq("fsck", folder, "--repair")[0].splitlines()[-1] == "sound"
    assert len(pocketmq("store", "dump", "Orders", "--data", folder)[0].splitlines()) == 40


def test_a_reader_that_goes_away_ends_a_dump_quietly(tmp_path: Path) -> None:
    from store_life import SIZES, T0, send

    from pocketmq.store.disk import PosixDisk
    from pocketmq.store.recovery import open_store

    store, _ = open_store(PosixDisk(tmp_path), SIZES, T0)
    send(store, 2000)
    store.close()
    process = subprocess.Popen(
        [*COMMAND, "store", "dump", "T", "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["queueOffset"] == 0
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(PATIENCE_SECONDS) == 141
    process.stderr.close()
