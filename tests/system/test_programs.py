"""The programs as people start them: what they print, what they hold, how they end, what is left for the next start."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE_SECONDS = 60.0
"""Longer than any start, even on a machine with much else to do; reached only by a failing test."""

RESIDENT_KIB_MAX = 80 * 1024

Process = subprocess.Popen[str]


def command(program: str, *words: str) -> list[str]:
    return [sys.executable, "-m", f"pocketmq.node.{program}", *words]


def first_lines(process: Process, count: int) -> list[str]:
    """The first lines of standard output; fails if the process ends or is silent."""
    assert process.stdout is not None
    lines: list[str] = []
    while len(lines) < count:
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
        line = process.stdout.readline() if ready else ""
        assert line, f"silent or ended: {process.poll()}; {process.stderr and process.stderr.read()}"
        lines.append(line.rstrip("\n"))
    return lines


@contextmanager
def started(program: str, *words: str) -> Iterator[Process]:
    """A server that is told to stop at the end and then has to end well."""
    process = subprocess.Popen(
        command(program, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
    finally:
        process.kill()
        process.communicate()


@contextmanager
def up(data: Path, *words: str) -> Iterator[dict[str, str]]:
    with started("cli", "up", "--data", str(data), "--port", "0", "--namesrv-port", "0", "--json", *words) as process:
        (line,) = first_lines(process, 1)
        addresses: dict[str, str] = json.loads(line)
        assert int(addresses["pid"]) == process.pid
        yield addresses


def pocketmq(*words: str, status: int = 0) -> str:
    ran = subprocess.run(command("cli", *words), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert ran.returncode == status, ran.stderr
    return ran.stdout if status == 0 else ran.stderr


def resident_kib(process_id: str) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def test_messages_go_in_and_come_out_also_after_a_restart(tmp_path: Path) -> None:
    with up(tmp_path / "d") as addresses:
        namesrv = ("--namesrv", addresses["namesrv"])
        sent = pocketmq("send", "Orders", "first é", "--tag", "A", "--key", "k", "--property", "shop=7", *namesrv)
        assert sent.startswith("OK broker-a/")
        assert len(pocketmq("send", "Orders", "more", "--count", "3", *namesrv).splitlines()) == 3
        (line,) = pocketmq("tail", "Orders", "--from", "first", "--tag", "A", "--count", "1", *namesrv).splitlines()
        assert line.endswith(" first é")
        assert " tag=A key=k shop=7 id=" in line
    assert not (tmp_path / "d" / "abort").exists()
    with up(tmp_path / "d", "--flush", "sync") as addresses:
        namesrv = ("--namesrv", addresses["namesrv"])
        pocketmq("send", "Orders", "after", *namesrv)
        lines = pocketmq("tail", "Orders", "--from", "first", "--count", "5", "--json", *namesrv).splitlines()
        assert sorted(json.loads(one)["body"] for one in lines) == ["after", "first é", "more", "more", "more"]


def test_a_group_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with up(tmp_path / "d") as addresses:
        namesrv = ("--namesrv", addresses["namesrv"])
        for body in ("one", "two"):
            pocketmq("send", "Orders", body, *namesrv)
            words = ("tail", "Orders", "--group", "g", "--from", "first", "--count", "1", "--json", *namesrv)
            assert json.loads(pocketmq(*words))["body"] == body


def test_an_idle_node_is_small(tmp_path: Path) -> None:
    with up(tmp_path / "d") as addresses:
        assert resident_kib(addresses["pid"]) < RESIDENT_KIB_MAX


def test_the_ready_file_names_the_same_addresses(tmp_path: Path) -> None:
    with up(tmp_path / "d", "--ready-file", str(tmp_path / "ready")) as addresses:
        assert json.loads((tmp_path / "ready").read_text()) == addresses


def test_a_second_start_on_the_same_folder_is_told_who_has_it(tmp_path: Path) -> None:
    with up(tmp_path / "d") as addresses:
        words = ("up", "--data", str(tmp_path / "d"), "--port", "0", "--namesrv-port", "0")
        complaint = pocketmq(*words, status=2)
        assert f"{tmp_path}/d is in use by process {addresses['pid']}; stop it or set --data\n" in complaint
        port = addresses["broker"].rpartition(":")[2]
        complaint = pocketmq("up", "--data", str(tmp_path / "e"), "--port", port, "--namesrv-port", "0", status=2)
        assert f"port {port} is in use by process {addresses['pid']}" in complaint
        assert "Traceback" not in complaint


def test_the_doctor_finds_a_running_node_in_order(tmp_path: Path) -> None:
    with up(tmp_path / "d") as addresses:
        ports = {name: addresses[name].rpartition(":")[2] for name in ("namesrv", "broker")}
        ran = subprocess.run(
            command(
                "cli", "doctor", "--json", "--data", str(tmp_path / "d"), "--port", ports["broker"],
                "--namesrv-port", ports["namesrv"],
            ),
            capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        found = {one["subject"]: one for one in map(json.loads, ran.stdout.splitlines())}
        for subject in (f"port {ports['broker']}", f"port {ports['namesrv']}", "name server", "advertised", "clock"):
            assert found[subject]["verdict"] == "OK", found[subject]


def test_mqnamesrv_and_mqbroker_say_what_scripts_wait_for(tmp_path: Path) -> None:
    namesrv_conf, broker_conf = tmp_path / "namesrv.conf", tmp_path / "broker.conf"
    namesrv_conf.write_text(f"listenPort=0\nbindAddress=127.0.0.1\nkvConfigPath={tmp_path}/kvConfig.json\n")
    with started("mqnamesrv", "-c", str(namesrv_conf)) as namesrv:
        loaded, boot = first_lines(namesrv, 2)
        assert loaded == f"load config properties file OK, {namesrv_conf}"
        said, _, address = boot.rpartition(" ")
        assert said == "The Name Server boot success. serializeType=JSON, address"
        assert address.startswith("127.0.0.1:")
        broker_conf.write_text(
            f"brokerName=b\nlistenPort=0\nbindAddress=127.0.0.1\nstorePathRootDir={tmp_path}/store\n"
            "sendMessageThreadPoolNums=16\n"
        )
        with started("mqbroker", "-c", str(broker_conf), "-n", address, "autoCreateTopicEnable=true") as broker:
            (boot,) = first_lines(broker, 1)
            said, _, rest = boot.partition("]")
            assert said.startswith("The broker[b, 127.0.0.1:")
            assert rest == f" boot success. serializeType=JSON and name server is {address}"
            assert pocketmq("send", "Orders", "hello", "--namesrv", address).startswith("OK b/")


@pytest.mark.parametrize("program", ["mqbroker", "mqnamesrv"])
def test_a_mistake_in_the_file_ends_the_start_in_one_line(program: str, tmp_path: Path) -> None:
    conf = tmp_path / "b.conf"
    conf.write_text("listenPort=10911 # ours\n")
    ran = subprocess.run(command(program, "-c", str(conf)), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(
        f"{program}: {conf}:1: listenPort must be an integer from 0 to 65535, not '10911 # ours'"
    )
    assert ran.stderr.count("\n") == 1


def test_a_log_folder_takes_the_log(tmp_path: Path) -> None:
    with up(tmp_path / "d", "--log-dir", str(tmp_path / "logs"), "--set", "sendMessageThreadPoolNums=16"):
        pass
    log = (tmp_path / "logs" / "pocketmq.log").read_text()
    assert "without meaning here, because one event loop" in log
    assert os.listdir(tmp_path / "logs") == ["pocketmq.log"]
