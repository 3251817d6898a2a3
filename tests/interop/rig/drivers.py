"""The official clients behind one protocol: a request is ``id verb key=value&...``, an answer a JSON line."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest

from . import toolchains
from .clusters import Cluster
from .processes import Child, Line, Silence, poll

CLIENTS = [
    pytest.param("java-5.5.0", marks=pytest.mark.interop, id="java-5.5.0"),
    pytest.param("java-4.9.8", marks=pytest.mark.interop, id="java-4.9.8"),
    pytest.param("go-2.1.2", marks=pytest.mark.interop, id="go-2.1.2"),
    pytest.param("cpp", marks=pytest.mark.interop_python, id="cpp"),
]

_numbers = itertools.count(1)


class Refused(Exception):
    """The client answered a request with an error; ``code`` is RocketMQ's where the client tells it."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Driver:
    """One process with one official client."""

    def __init__(self, client: str, namesrv: str, home: Path) -> None:
        self.client = client
        name = f"{client}-{next(_numbers)}"
        home.mkdir(parents=True, exist_ok=True)
        log = home / f"{name}.log"
        environment = {"HOME": str(home), "INTEROP_LOG": str(log), "GODEBUG": "madvdontneed=1"}
        self.child = Child(name, [*_command(client, str(home)), namesrv], log, environment)
        self.child.wait_for("its start", lambda lines: next((True for line in lines if "ready" in line), None))

    def begin(self, verb: str, **request: object) -> str:
        """Send a request without waiting; give its id to ``answer``."""
        identity = str(next(_numbers))
        self.child.say(f"{identity} {verb} {urlencode(request)}")
        return identity

    def answer(self, identity: str, timeout_s: float = 60.0) -> Line:
        """Wait for a request's answer."""
        line = self.child.wait_for(
            f"the answer to request {identity}",
            lambda lines: next((line for line in lines if line.get("reply") == identity), None),
            timeout_s,
        )
        if "error" in line:
            raise Refused(line["error"], line["code"])
        return line

    def ask(self, verb: str, timeout_s: float = 60.0, **request: object) -> Line:
        """Send a request and wait for its answer."""
        return self.answer(self.begin(verb, **request), timeout_s)

    def handled(self, consumer: str) -> list[Line]:
        """Give the messages that a push consumer has handled so far."""
        return [line for line in list(self.child.lines) if line.get("consumer") == consumer]

    def wait_for_bodies(self, consumer: str, count: int, timeout_s: float = 30.0) -> list[str]:
        """Wait until a push consumer has handled that many messages, and return their bodies."""

        def enough(_: object) -> list[str] | None:
            lines = self.handled(consumer)
            return [line["body"] for line in lines] if len(lines) >= count else None

        return self.child.wait_for(f"{count} messages for {consumer}", enough, timeout_s)

    def close(self) -> None:
        """Let the client shut down in its own way, then see that the process has ended."""
        if self.child.is_running:
            self.answer(self.begin("quit"))
        self.child.end()


def _command(client: str, home: str) -> list[str]:
    kind, _, version = client.partition("-")
    if kind == "java":
        classpath = toolchains.java_client_classpath(version)
        properties = [
            f"-Duser.home={home}",
            f"-Drocketmq.client.logRoot={home}",
            "-Drocketmq.client.logUseSlf4j=false",
            # A refused queue lock is otherwise asked for again only after 20 s (RebalanceService).
            "-Drocketmq.client.rebalance.waitInterval=2000",
        ]
        return [
            toolchains.require("java", "it runs the Java client"),
            *toolchains.JVM,
            *properties,
            "-cp",
            classpath,
            "Driver",
        ]
    if kind == "go":
        return [toolchains.go_driver()]
    return [toolchains.official_python(), "-u", str(toolchains.HERE / "python_official" / "driver.py")]


class Fleet:
    """Processes with the same client against one cluster, started when first asked for."""

    def __init__(self, client: str, cluster: Cluster) -> None:
        self.client = client
        self.cluster = cluster
        self._drivers: list[Driver] = []

    def __getitem__(self, position: int) -> Driver:
        while len(self._drivers) <= position:
            self._drivers.append(Driver(self.client, self.cluster.namesrv, self.cluster.home / "clients"))
        return self._drivers[position]

    @property
    def label(self) -> str:
        """The client's name as a part of topic and group names."""
        return self.client.replace(".", "_")

    def wait_for_handled(
        self,
        what: str,
        consumers: list[tuple[Driver, str]],
        enough: Callable[[list[Line]], bool],
        timeout_s: float = 45.0,
    ) -> list[Line]:
        """Wait until what these consumers, each with its driver, handled together is enough, and return it."""

        def together() -> list[Line] | None:
            handled = [line for driver, consumer in consumers for line in driver.handled(consumer)]
            return handled if enough(handled) else None

        try:
            return poll(what, together, timeout_s, 0.05)
        except Silence as silence:
            handled = [(consumer, len(driver.handled(consumer))) for driver, consumer in consumers]
            raise Silence(f"{silence}; handled so far: {handled}") from None

    def close(self) -> None:
        """End every process."""
        for driver in self._drivers:
            driver.close()
