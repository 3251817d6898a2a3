"""Looks for what keeps clients from a broker: addresses, ports, disk, limits, clock. Exit status 1 if anything does."""

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketmq.tools.findings import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags of `pocketmq doctor`, which are those of `pocketmq up`."""
    parser.add_argument("--data", metavar="DIR", default="./pocketmq-data", help="folder of the messages (%(default)s)")
    parser.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="address listened on (%(default)s)")
    parser.add_argument("--port", type=int, default=10911, metavar="N", help="port of the broker (%(default)s)")
    parser.add_argument(
        "--namesrv-port", type=int, default=9876, metavar="N", help="port of the name server (%(default)s)"
    )
    parser.add_argument(
        "--namesrv",
        metavar="ADDRESS",
        default=os.environ.get("NAMESRV_ADDR"),
        help="name servers whose brokers shall be reached; the one of this machine unless given",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON for each finding")


def run(arguments: argparse.Namespace) -> int:
    """Prints each finding; 1 if one of them is a FAIL."""
    import asyncio

    from pocketmq.tools.findings import Verdict

    findings = [*machine_findings(arguments.data), *asyncio.run(network_findings(arguments))]
    for finding in findings:
        print(as_json(finding) if arguments.json else finding)
    return int(any(finding.verdict is Verdict.FAIL for finding in findings))


def as_json(finding: "Finding") -> str:
    """A finding for programs."""
    import dataclasses
    import json

    return json.dumps(dataclasses.asdict(finding))


def machine_findings(folder: str) -> "list[Finding]":
    """What can be seen without a network."""
    import platform
    import time

    from pocketmq.tools import findings, machine

    now_ms = time.time_ns() // 1_000_000
    hot = machine.hot_modules()
    refusal, used_bytes, total_bytes = machine.disk(folder)
    return [
        *findings.of_python(
            f"{platform.python_implementation()} {platform.python_version()}",
            machine.installed_version("uvloop"),
            compiled=[name for name in hot if machine.is_compiled(name)],
            hot=hot,
        ),
        findings.of_descriptors(machine.descriptor_limit()),
        findings.of_disk(folder, refusal, used_bytes, total_bytes),
        findings.of_clock(now_ms, machine.newest_file_ms(folder)),
    ]


async def network_findings(arguments: argparse.Namespace) -> "list[Finding]":
    """Who has the ports, whether the name server answers, and whether its brokers' addresses can be reached."""
    from pocketmq.tools import findings
    from pocketmq.tools.machine import bind_failure, port_owner
    from pocketmq.tools.reaching import Reaching

    own = f"{arguments.host}:{arguments.namesrv_port}"
    found = []
    async with Reaching(arguments.namesrv or own) as reaching:
        for role, port, flag, answers in (
            ("name server", arguments.namesrv_port, "--namesrv-port", reaching.is_name_server),
            ("broker", arguments.port, "--port", reaching.is_broker),
        ):
            is_free = bind_failure(arguments.host, port) is None
            found.append(
                findings.of_port(
                    role,
                    port,
                    port_owner(port),
                    flag,
                    is_free=is_free,
                    answers=not is_free and await answers(f"{arguments.host}:{port}"),
                )
            )
        failure, brokers = await reaching.brokers()
        found.append(findings.of_name_server(arguments.namesrv or own, failure, len(brokers)))
        for name, address in brokers:
            found.append(findings.of_advertised(name, address, await reaching.failure(address)))
    return found
