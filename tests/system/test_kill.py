"""Brokers killed by SIGKILL under load lose nothing that they acknowledged; `make torture` does it at length."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KILL_LOOP = Path(__file__).resolve().parent.parent / "torture" / "kill_loop.py"


@pytest.mark.parametrize("flush", ["async", "sync"])
def test_nothing_acknowledged_is_lost_by_kill(flush: str) -> None:
    command = [sys.executable, str(KILL_LOOP), "--rounds", "2", "--flush", flush, "--load-seconds-max", "0.5"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    summary = json.loads(ran.stdout)
    assert summary["violations"] == [], summary
    assert summary["kills"] == 2
    assert 0 < summary["acknowledged"] <= summary["read"], summary
