"""Apache's ``mqadmin`` 5.5.0 in one JVM: a command is a call, its answer what it printed."""

from __future__ import annotations

import re

from . import toolchains
from .clusters import Cluster
from .processes import Child

TOOLS_VERSION = "5.5.0"


class Mqadmin:
    """The commands' main class in a loop, since a JVM for each would take most of the time."""

    def __init__(self, cluster: Cluster) -> None:
        self._namesrv = cluster.namesrv
        classpath = toolchains.java_tools_classpath(TOOLS_VERSION)
        home = cluster.home / "clients"
        home.mkdir(parents=True, exist_ok=True)
        log = home / "mqadmin.log"
        properties = [f"-Duser.home={home}", f"-Drocketmq.home.dir={home}", f"-Drocketmq.client.logRoot={home}"]
        argv = [toolchains.require("java", "it runs mqadmin"), *toolchains.JVM, *properties, "-cp", classpath, "Admin"]
        self._child = Child("mqadmin", argv, log)
        self._child.wait_for("its start", lambda lines: True if lines else None)

    def __call__(self, command: str, *arguments: str, timeout_s: float = 60.0) -> str:
        """Run one command and return all that it printed."""
        seen = len(self._child.lines)
        self._child.say("\t".join([command, "-n", self._namesrv, *arguments]))
        printed = self._child.wait_for(
            f"the end of mqadmin {command}", lambda lines: lines[seen] if len(lines) > seen else None, timeout_s
        )
        return printed["printed"]

    def rows(self, command: str, *arguments: str) -> list[list[str]]:
        """Run one command and return its table, a list of words per line, titles (``#``) left out."""
        return [line.split() for line in self(command, *arguments).splitlines() if line and not line.startswith("#")]

    def close(self) -> None:
        """End the JVM."""
        self._child.end()


def setting(printed: str, key: str) -> str:
    """Find the value of ``key`` in a table printed as ``key : value`` or ``key = value``."""
    found = re.search(rf"^\s*{re.escape(key)}\s*[:=]\s*(.*?)\s*$", printed, re.MULTILINE)
    assert found is not None, f"{key} is not in:\n{printed}"
    return found[1]


def refusal(printed: str) -> tuple[int, str]:
    """Find the code and the remark that a command was refused with."""
    found = re.search(r"CODE: (\d+) +DESC: (.*)", printed)
    assert found is not None, printed
    return int(found[1]), found[2]
