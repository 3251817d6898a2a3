"""The doctor against peers that answer, do not answer, or are something else."""

import argparse
import asyncio
import contextlib
import json
import os
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pocketmq.model.outcome import Reply
from pocketmq.node import cli
from pocketmq.protocol.bodies import BrokerData, ClusterInfo
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.scripted_peer import HANG_UP, Script, ScriptedPeer
from pocketmq.tools import doctor, machine
from pocketmq.tools.findings import Finding, Verdict
from pocketmq.tools.reaching import Reaching

BROKER: dict[int, Script] = {RequestCode.GET_BROKER_RUNTIME_INFO: Reply(body=b'{"table":{}}')}


def name_server(*addresses: str) -> dict[int, Script]:
    brokers = {
        f"broker-{number}": BrokerData("C", f"broker-{number}", {0: address})
        for number, address in enumerate(addresses)
    }
    return {RequestCode.GET_BROKER_CLUSTER_INFO: Reply(body=ClusterInfo(brokers, {"C": list(brokers)}).encode())}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def flags(port: int, namesrv_port: int, *more: str) -> argparse.Namespace:
    words = ["doctor", "--port", str(port), "--namesrv-port", str(namesrv_port), *more]
    return cli.build_parser().parse_args(words)


def port_of(peer: ScriptedPeer) -> int:
    return int(peer.address.rpartition(":")[2])


def by_subject(found: list[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in found}


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[tuple[ScriptedPeer, ScriptedPeer]]:
    async with ScriptedPeer(BROKER) as broker, ScriptedPeer(name_server(broker.address)) as namesrv:
        yield namesrv, broker


def test_a_cluster_in_order_has_no_complaints() -> None:
    async def look() -> list[Finding]:
        async with cluster() as (namesrv, broker):
            return await doctor.network_findings(flags(port_of(broker), port_of(namesrv)))

    found = asyncio.run(look())
    assert {finding.verdict for finding in found} == {Verdict.OK}
    assert [finding.subject.split()[0] for finding in found] == ["port", "port", "name", "advertised"]
    assert f"process {os.getpid()}" in found[0].seen
    assert found[0].seen.endswith("answers as a name server")
    assert found[1].seen.endswith("answers as a broker")


def test_nothing_there_is_no_failure() -> None:
    port, namesrv_port = free_port(), free_port()
    found = asyncio.run(doctor.network_findings(flags(port, namesrv_port)))
    assert [finding.verdict for finding in found] == [Verdict.OK, Verdict.OK, Verdict.WARN]
    assert found[0].seen == "free for a name server"
    assert "does not answer" in found[2].seen


def test_an_advertised_address_that_nobody_answers_at_is_the_failure() -> None:
    lost = free_port()

    async def look() -> list[Finding]:
        async with ScriptedPeer(name_server(f"127.0.0.1:{lost}")) as namesrv:
            return await doctor.network_findings(flags(free_port(), port_of(namesrv)))

    finding = by_subject(asyncio.run(look()))["advertised"]
    assert finding.verdict is Verdict.FAIL
    assert f"broker-0 tells clients 127.0.0.1:{lost}, which fails" in finding.seen
    assert "--advertise ADDRESS" in finding.remedy


def test_a_port_that_somebody_else_has_is_the_failure() -> None:
    async def look() -> list[Finding]:
        async with ScriptedPeer({RequestCode.GET_BROKER_RUNTIME_INFO: HANG_UP}) as other:
            return await doctor.network_findings(flags(port_of(other), free_port()))

    finding = asyncio.run(look())[1]
    assert finding.verdict is Verdict.FAIL
    assert f"process {os.getpid()}" in finding.seen
    assert "is no broker" in finding.seen


def test_a_broker_that_refuses_to_say_is_still_reached() -> None:
    async def look() -> tuple[str | None, bool]:
        async with ScriptedPeer({}) as shy, Reaching(shy.address) as reaching:
            return await reaching.failure(shy.address), await reaching.is_broker(shy.address)

    assert asyncio.run(look()) == (None, False)


def test_a_name_server_elsewhere_is_asked_for_its_brokers() -> None:
    async def look() -> list[Finding]:
        async with cluster() as (namesrv, _):
            return await doctor.network_findings(flags(free_port(), free_port(), "--namesrv", namesrv.address))

    found = by_subject(asyncio.run(look()))
    assert found["advertised"].verdict is Verdict.OK
    assert found["name server"].verdict is Verdict.OK


def test_the_exit_status_is_1_if_anything_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    words = ["--port", str(free_port()), "--namesrv-port", str(free_port()), "--json", "--data"]
    assert cli.main(["doctor", *words, str(blocked)]) == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["subject"] for one in found if one["verdict"] == "FAIL"} >= {"disk"}
    assert {"python", "event loop", "compiled", "descriptors", "disk", "clock", "name server"} <= {
        one["subject"] for one in found
    }


def test_findings_are_printed_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["doctor", "--data", str(tmp_path), "--port", str(free_port()), "--namesrv-port", str(free_port())])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("OK   python       ")
    assert any(line.startswith("WARN name server  127.0.0.1:") for line in lines)
    assert any(line.strip().startswith("→ start one: pocketmq up") for line in lines)


def test_the_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    refusal, used, total = machine.disk(str(tmp_path / "a" / "b"))
    assert refusal is None
    assert 0 < used <= total


def test_the_newest_file(tmp_path: Path) -> None:
    assert machine.newest_file_ms(str(tmp_path / "absent")) is None
    for name, seconds in (("old", 1000), ("new", 2000)):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (seconds, seconds))
    assert machine.newest_file_ms(str(tmp_path)) == 2_000_000


def test_what_is_installed_and_compiled() -> None:
    assert machine.installed_version("pytest") is not None
    assert machine.installed_version("no-such-distribution-of-ours") is None
    assert machine.is_compiled("msgspec._core")
    assert not machine.is_compiled("pocketmq.model.errors")
    assert not machine.is_compiled("pocketmq.model.no_such_module")


def test_the_hot_modules_are_those_that_setup_compiles() -> None:
    text = (Path(__file__).resolve().parents[3] / "setup.py").read_text()
    assert set(machine.hot_modules()) == set(re.findall(r'"(pocketmq\.[a-z_.]+)"', text))
    assert "pocketmq.protocol.record.laying" in machine.hot_modules()


def test_nobody_listens_on_a_free_port() -> None:
    assert machine.port_owner(free_port()) is None
    assert machine.process_name("0") == "?"
