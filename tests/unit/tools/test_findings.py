"""Each judgement of the doctor, at its bounds, with the remedy."""

import pytest

from pocketmq.tools.findings import (
    CLOCK_SLACK_MS,
    PLAUSIBLE_NOW_MS,
    Finding,
    Verdict,
    of_advertised,
    of_clock,
    of_descriptors,
    of_disk,
    of_name_server,
    of_port,
    of_python,
)

HOT = ("pocketmq.protocol.frame", "pocketmq.protocol.record")


def test_a_finding_is_a_line_and_its_remedy_another() -> None:
    assert str(Finding(Verdict.OK, "clock", "plausible")) == "OK   clock        plausible"
    assert str(Finding(Verdict.FAIL, "clock", "wrong", "set it")) == (
        "FAIL clock        wrong\n                  → set it"
    )


def test_python_and_its_speed() -> None:
    good = of_python("CPython 3.11.9", "0.21.0", compiled=HOT, hot=HOT)
    assert [one.verdict for one in good] == [Verdict.OK] * 3
    assert good[1].seen == "uvloop 0.21.0"
    slow = of_python("PyPy 3.11", None, compiled=HOT[:1], hot=HOT)
    assert [one.verdict for one in slow] == [Verdict.OK, Verdict.WARN, Verdict.WARN]
    assert slow[2].seen == "1 of 2 hot modules; running as plain Python: pocketmq.protocol.record"


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(None, Verdict.OK), (65536, Verdict.OK), (65535, Verdict.WARN), (1024, Verdict.WARN), (1023, Verdict.FAIL)],
)
def test_descriptors(limit: int | None, verdict: Verdict) -> None:
    finding = of_descriptors(limit)
    assert finding.verdict is verdict
    assert ("ulimit -n 65536" in finding.remedy) == (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("used", "verdict"),
    [
        (0, Verdict.OK),
        (74, Verdict.OK),
        (75, Verdict.WARN),
        (89, Verdict.WARN),
        (90, Verdict.FAIL),
        (100, Verdict.FAIL),
    ],
)
def test_a_disk_fills(used: int, verdict: Verdict) -> None:
    mebibyte = 1 << 20
    finding = of_disk("/data", None, used * mebibyte, 100 * mebibyte)
    assert finding.verdict is verdict
    assert finding.seen == f"/data: {100 - used} MiB free, {used} % in use"


def test_a_disk_that_cannot_be_written() -> None:
    finding = of_disk("/data", "Permission denied", 0, 0)
    assert (finding.verdict, finding.seen) == (Verdict.FAIL, "cannot write /data: Permission denied")


@pytest.mark.parametrize(
    ("now", "newest", "verdict"),
    [
        (PLAUSIBLE_NOW_MS - 1, None, Verdict.FAIL),
        (PLAUSIBLE_NOW_MS, None, Verdict.OK),
        (PLAUSIBLE_NOW_MS, PLAUSIBLE_NOW_MS + CLOCK_SLACK_MS, Verdict.OK),
        (PLAUSIBLE_NOW_MS, PLAUSIBLE_NOW_MS + CLOCK_SLACK_MS + 1, Verdict.WARN),
    ],
)
def test_clocks(now: int, newest: int | None, verdict: Verdict) -> None:
    assert of_clock(now, newest).verdict is verdict


def test_ports() -> None:
    free = of_port("broker", 10911, None, "--port", is_free=True, answers=False)
    ours = of_port("broker", 10911, "process 7 (java)", "--port", is_free=False, answers=True)
    other = of_port("broker", 10911, None, "--port", is_free=False, answers=False)
    assert (free.verdict, free.seen) == (Verdict.OK, "free for a broker")
    assert (ours.verdict, ours.seen) == (Verdict.OK, "process 7 (java) answers as a broker")
    assert other.verdict is Verdict.FAIL
    assert other.seen == "a process of another user or container has it and is no broker"
    assert other.remedy == "stop it, or choose another --port"


def test_name_servers() -> None:
    assert of_name_server("a:1", None, 2).verdict is Verdict.OK
    assert of_name_server("a:1", None, 0).verdict is Verdict.FAIL
    silent = of_name_server("a:1", "connection refused", 0)
    assert (silent.verdict, silent.seen) == (Verdict.WARN, "a:1 does not answer: connection refused")


def test_an_address_that_cannot_be_reached_says_what_to_change() -> None:
    assert of_advertised("broker-a", "10.0.0.2:10911", None).verdict is Verdict.OK
    lost = of_advertised("broker-a", "172.17.0.2:10911", "timed out")
    assert lost.verdict is Verdict.FAIL
    assert lost.seen == "broker-a tells clients 172.17.0.2:10911, which fails: timed out"
    assert "--advertise ADDRESS" in lost.remedy
    assert "brokerIP1=ADDRESS" in lost.remedy
    assert "-p 10911:10911" in lost.remedy
