"""What `pocketmq doctor` thinks of what it sees: facts in, findings out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

DESCRIPTORS_WANTED = 65_536
"""One for each connection and each open file of the store."""

DESCRIPTORS_MIN = 1024

DISK_FULL_RATIO = 90
"""MessageStoreConfig.diskSpaceWarningLevelRatio: from here on a broker refuses sends."""

DISK_FILLING_RATIO = 75
"""MessageStoreConfig.diskMaxUsedSpaceRatio: from here on files go as soon as they expire."""

PLAUSIBLE_NOW_MS = 1_735_689_600_000
"""The first of January 2025: a clock that says less was never set."""

CLOCK_SLACK_MS = 2000


class Verdict(StrEnum):
    """How bad it is; one FAIL makes the exit status 1."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, what was seen, and what to change."""

    verdict: Verdict
    subject: str
    seen: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"\n     {'':<12} → {self.remedy}" if self.remedy else ""
        return f"{self.verdict:<4} {self.subject:<12} {self.seen}{remedy}"


def of_python(version: str, loop: str | None, *, compiled: Sequence[str], hot: Sequence[str]) -> list[Finding]:
    """The interpreter, the event loop, and how many of the hot modules are compiled; `loop` is uvloop's version."""
    findings = [Finding(Verdict.OK, "python", version)]
    if loop is None:
        findings.append(
            Finding(Verdict.WARN, "event loop", "asyncio's own, about half as fast as uvloop", "pip install uvloop")
        )
    else:
        findings.append(Finding(Verdict.OK, "event loop", f"uvloop {loop}"))
    if len(compiled) == len(hot):
        findings.append(Finding(Verdict.OK, "compiled", f"all {len(hot)} hot modules"))
    else:
        slow = ", ".join(name for name in hot if name not in compiled)
        findings.append(
            Finding(
                Verdict.WARN,
                "compiled",
                f"{len(compiled)} of {len(hot)} hot modules; running as plain Python: {slow}",
                "install a wheel for this platform, or install from source with a C compiler at hand",
            )
        )
    return findings


def of_descriptors(soft_limit: int | None) -> Finding:
    """How many files and connections the process may have; None is no limit."""
    if soft_limit is None or soft_limit >= DESCRIPTORS_WANTED:
        return Finding(Verdict.OK, "descriptors", "no limit" if soft_limit is None else f"at most {soft_limit}")
    verdict = Verdict.WARN if soft_limit >= DESCRIPTORS_MIN else Verdict.FAIL
    return Finding(
        verdict,
        "descriptors",
        f"at most {soft_limit} files and connections together",
        f"ulimit -n {DESCRIPTORS_WANTED}, or LimitNOFILE={DESCRIPTORS_WANTED} in the systemd unit",
    )


def of_disk(folder: str, refusal: str | None, used_bytes: int, total_bytes: int) -> Finding:
    """Whether the folder can be written, `refusal` saying why not, and how full its disk is."""
    if refusal is not None:
        return Finding(Verdict.FAIL, "disk", f"cannot write {folder}: {refusal}", "chown it, or choose another --data")
    ratio = 100 * used_bytes // max(1, total_bytes)
    seen = f"{folder}: {(total_bytes - used_bytes) >> 20} MiB free, {ratio} % in use"
    if ratio >= DISK_FULL_RATIO:
        return Finding(Verdict.FAIL, "disk", seen, f"make room: sends are refused from {DISK_FULL_RATIO} % on")
    if ratio >= DISK_FILLING_RATIO:
        return Finding(Verdict.WARN, "disk", seen, f"make room, or lower fileReservedTime; {DISK_FULL_RATIO} % is full")
    return Finding(Verdict.OK, "disk", seen)


def of_clock(now_ms: int, newest_file_ms: int | None) -> Finding:
    """Whether the time can be true: not before this program, not before the newest file of the store."""
    remedy = "set the clock, and keep it set (chrony, systemd-timesyncd)"
    if now_ms < PLAUSIBLE_NOW_MS:
        return Finding(Verdict.FAIL, "clock", "before 2025: it was never set", remedy)
    if newest_file_ms is not None and newest_file_ms > now_ms + CLOCK_SLACK_MS:
        behind = (newest_file_ms - now_ms) // 1000
        return Finding(
            Verdict.WARN, "clock", f"{behind} s behind the newest file of the store: it was set back", remedy
        )
    return Finding(Verdict.OK, "clock", "plausible")


def of_port(role: str, port: int, owner: str | None, flag: str, *, is_free: bool, answers: bool) -> Finding:
    """Who has the port: nobody, a server of that role (`answers`), or somebody else."""
    subject = f"port {port}"
    if is_free:
        return Finding(Verdict.OK, subject, f"free for a {role}")
    holder = owner or "a process of another user or container"
    if answers:
        return Finding(Verdict.OK, subject, f"{holder} answers as a {role}")
    return Finding(Verdict.FAIL, subject, f"{holder} has it and is no {role}", f"stop it, or choose another {flag}")


def of_name_server(address: str, failure: str | None, brokers: int) -> Finding:
    """Whether the name server answers, and whether it knows a broker."""
    if failure is not None:
        return Finding(
            Verdict.WARN, "name server", f"{address} does not answer: {failure}", "start one: pocketmq up, or mqnamesrv"
        )
    if brokers == 0:
        remedy = "start a broker with this name server: mqbroker -n " + address
        return Finding(Verdict.FAIL, "name server", f"{address} answers and knows no broker", remedy)
    return Finding(Verdict.OK, "name server", f"{address} answers and knows {brokers} broker address(es)")


def of_advertised(broker: str, address: str, failure: str | None) -> Finding:
    """Whether the address a broker tells its clients can be reached from here."""
    if failure is None:
        return Finding(Verdict.OK, "advertised", f"{broker} at {address} can be reached from here")
    host, _, port = address.rpartition(":")
    remedy = (
        "let the broker advertise an address its clients reach: pocketmq up --advertise ADDRESS, or brokerIP1=ADDRESS; "
        f"in a container also publish the port as it is (-p {port}:{port}); {host} must not be behind NAT or a firewall"
    )
    return Finding(Verdict.FAIL, "advertised", f"{broker} tells clients {address}, which fails: {failure}", remedy)
