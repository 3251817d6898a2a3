"""The processes that a measurement needs: broker, limit, load. Each is ended by the handle it was started with."""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = HERE / "bin"
CORES = sorted(os.sched_getaffinity(0))
BROKER_CORE = CORES[0]
LOAD_CORE = CORES[1] if len(CORES) > 1 else CORES[0]
START_SECONDS_MAX = 90.0


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker that has accepted a first message."""

    pid: int
    port: int
    start_seconds: float


@contextmanager
def full_page_cache() -> Iterator[None]:
    """Fill all free memory but a gigabyte with page cache that may be dropped, as a broker's machine has it.

    The hypervisor of an idle virtual machine takes free memory back and backs a page again when it is next written:
    that costs ten times the write itself. Where memory is in use, the kernel gives a growing store pages of old cache.
    """
    size = max(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGESIZE") - (1 << 30), 0)
    with tempfile.TemporaryFile(dir=BIN) as holes:
        holes.truncate(size)
        chunk = memoryview(bytearray(1 << 20))
        for at in range(0, size, len(chunk)):
            os.preadv(holes.fileno(), [chunk], at)
        yield


def build_tools() -> None:
    """Compile the C programs that are older than their sources."""
    BIN.mkdir(exist_ok=True)
    shared = (HERE / "remoting.h").stat().st_mtime
    for name in ("mqload", "consumeload", "limit"):
        source, tool = HERE / f"{name}.c", BIN / name
        if not tool.exists() or tool.stat().st_mtime < max(source.stat().st_mtime, shared):
            subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", str(tool), str(source)], check=True)


def start_on(core: int, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process that may run on one core alone; its output goes to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            list(command), stdout=out, stderr=subprocess.STDOUT, preexec_fn=lambda: os.sched_setaffinity(0, {core})
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to stop; after fifteen seconds make it."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def pocketmq(python: str, kept: Path, flush: str = "async", settings: Sequence[str] = ()) -> Iterator[Broker]:
    """`pocketmq up` on fresh data in `kept` and free ports, on the broker's core.

    The data stays until the whole run ends: to delete it would give its pages back, and the next broker would pay the
    hypervisor for them (`full_page_cache`).
    """
    folder = tempfile.mkdtemp(dir=kept)
    log = Path(folder) / "log"
    ports = ["--port", "0", "--namesrv-port", "0", "--host", "127.0.0.1"]
    up = [str(Path(python).parent / "pocketmq"), "up", "--json", "--data", f"{folder}/data", "--flush", flush, *ports]
    up += [word for setting in settings for word in ("--set", setting)]
    began = time.perf_counter()
    process = start_on(BROKER_CORE, up, log)
    try:
        port = int(wait_for_addresses(process, log, began)["broker"].rpartition(":")[2])
        wait_for_first_send(process, port, began)
        yield Broker(process.pid, port, time.perf_counter() - began)
    finally:
        end(process)


def wait_for_addresses(process: subprocess.Popen[bytes], log: Path, began: float) -> dict[str, str]:
    """The JSON line that `up --json` prints once its ports are open."""
    while time.perf_counter() - began < START_SECONDS_MAX:
        text = log.read_text()
        if found := re.search(r'^\{.*"broker".*\}$', text, re.MULTILINE):
            addresses: dict[str, str] = json.loads(found.group())
            return addresses
        if process.poll() is not None:
            raise SystemExit(f"the broker ended with {process.returncode}:\n{text[-2000:]}")
        time.sleep(0.002)
    raise SystemExit(f"no broker after {START_SECONDS_MAX} s:\n{log.read_text()[-2000:]}")


def wait_for_first_send(process: subprocess.Popen[bytes], port: int, began: float) -> None:
    """Return when a message has been accepted (SUCCESS)."""
    while time.perf_counter() - began < START_SECONDS_MAX:
        try:
            if send_once(port):
                return
        except OSError:
            if process.poll() is not None:
                raise SystemExit(f"the broker ended with {process.returncode}") from None
        time.sleep(0.005)
    raise SystemExit(f"no message accepted after {START_SECONDS_MAX} s")


def send_once(port: int) -> bool:
    """Send one message to BenchmarkTest by a frame made by hand; whether the reply says SUCCESS."""
    letters = ["bench", "BenchmarkTest", "TBW102", 4, 0, 0, int(time.time() * 1000), 0, "", 0, "false"]
    fields = {letter: str(value) for letter, value in zip("abcdefghijk", letters, strict=True)}
    header = json.dumps({"code": 310, "language": "JAVA", "version": 401, "opaque": 1, "flag": 0, "extFields": fields})
    packed = header.encode()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(struct.pack(">II", 4 + len(packed) + 2, len(packed)) + packed + b"hi")
        reply = connection.recv(65_536)
    return b'"code":0' in reply


@contextmanager
def limit(synced_file: Path | None = None) -> Iterator[int]:
    """The limit on the broker's core; yields its port. With a file it syncs what came to that before it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    files = [] if synced_file is None else [str(synced_file)]
    with tempfile.TemporaryDirectory(prefix="pocketmq-bench-") as folder:
        process = start_on(BROKER_CORE, [str(BIN / "limit"), str(port), *files], Path(folder) / "log")
        try:
            for _attempt in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.01)
            yield port
        finally:
            end(process)


@dataclass(frozen=True, slots=True)
class Load:
    """What mqload printed."""

    rate: float
    failed: int
    line: str

    @property
    def median_us(self) -> float:
        """The median of what single sends took, 0 where more than one was in flight."""
        found = re.search(r"p50 (\d+)", self.line)
        return float(found[1]) if found else 0.0


def load(port: int, flags: Sequence[str], seconds: float) -> Load:
    """Run mqload on the load's core against `port`."""
    command = [str(BIN / "mqload"), "-p", str(port), *flags, "-t", str(seconds)]
    ended = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}), check=False
    )
    found = re.search(r"messages/s (\d+) frames/s \d+ failed (\d+)", ended.stdout)
    if not found or "CLOSED" in ended.stdout:
        print(f"mqload {' '.join(flags)}: {ended.stdout.strip()} {ended.stderr.strip()}", file=sys.stderr)
    return Load(float(found[1]), int(found[2]), ended.stdout.strip()) if found else Load(0.0, 1, ended.stdout.strip())


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
