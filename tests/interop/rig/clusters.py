"""A name server and a broker of either make, on free loopback ports, in a directory of their own."""

from __future__ import annotations

import itertools
import os
import random
import re
import shutil
import signal
import socket
import sys
from pathlib import Path

from . import remoting, toolchains
from .processes import WORK, Child, poll

CLUSTER = "DefaultCluster"
SERVER_VERSION = "5.5.0"
JAVA_BROKER = "org.apache.rocketmq.broker.BrokerStartup"
# A failed message is retried from level 3 on, 10 s in Java's table; here a second or two.
DELAY_LEVELS = "1s 2s " + " ".join(["1s"] * 16)
START_TIMEOUT_S = 60.0

_numbers = itertools.count(1)


def free_ports() -> tuple[int, int]:
    """Find a broker port whose neighbours (fast port two below, HA port one above) are free, and one for names.

    They lie below those that the kernel lends to connections: a broker finds them free again when it restarts.
    """
    for _ in range(200):
        port, names_port = random.randrange(10_002, 32_000), random.randrange(10_002, 32_000)
        if names_port in range(port - 2, port + 2):
            continue
        if all(_is_free(wanted) for wanted in (port - 2, port, port + 1, names_port)):
            return port, names_port
    raise RuntimeError("no three neighbouring ports were free in 200 tries")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _forget_older_runs() -> None:
    for home in (WORK / "clusters").glob("*"):
        pid = int(home.name.partition("-")[0])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            shutil.rmtree(home, ignore_errors=True)
        except PermissionError:
            continue


class Cluster:
    """What both makes have: addresses, logs, and topics that are routable once made."""

    broker_name = "broker-a"
    name = CLUSTER

    def __init__(self, label: str) -> None:
        _forget_older_runs()
        self.home = WORK / "clusters" / f"{os.getpid()}-{next(_numbers)}-{label}"
        self.home.mkdir(parents=True)
        self.broker_port, self.namesrv_port = free_ports()
        self.children: list[Child] = []

    @property
    def broker(self) -> str:
        """The broker's address."""
        return f"127.0.0.1:{self.broker_port}"

    @property
    def namesrv(self) -> str:
        """The name server's address."""
        return f"127.0.0.1:{self.namesrv_port}"

    @property
    def offsets_file(self) -> Path:
        """The file in which the broker keeps consumer offsets."""
        found = sorted(self.home.rglob("consumerOffset.json"))
        return found[0] if found else self.home / "consumerOffset.json"

    def topic(self, name: str, queues: int = 8) -> str:
        """Create a topic and wait until the name server routes it."""
        remoting.create_topic(self.broker, name, queues)
        self.wait_for_route(name)
        return name

    def wait_for_route(self, topic: str, timeout_s: float = 30.0) -> None:
        """Wait until the name server routes the topic."""
        poll(f"a route of {topic}", lambda: remoting.has_route(self.namesrv, topic), timeout_s)

    def group(self, name: str, retries: int = 16) -> str:
        """Create a subscription group."""
        remoting.create_group(self.broker, name, retries)
        return name

    def logs(self) -> str:
        """Give the ends of the servers' logs."""
        return "\n".join(f"--- {child.name} ({child.log.name})\n{child.tail()}" for child in self.children)

    def stored(self, topic: str, queues: int = 8) -> int:
        """Add up the queues' largest offsets."""
        return sum(remoting.max_offset(self.broker, topic, queue) for queue in range(queues))

    def filled(self, topic: str, queues: int = 8) -> dict[str, str]:
        """Name the broker and the queues that hold messages, as the Go driver's ``pull`` wants to know.

        Go's client asks to be held for 0 ms at the end of a queue, which for Java means up to 5 s.
        """
        filled = [str(queue) for queue in range(queues) if remoting.max_offset(self.broker, topic, queue) > 0]
        return {"broker": self.broker_name, "queues": ",".join(filled)}

    def consumed(self, group: str, topic: str, queues: int = 8) -> int:
        """Add up the offsets that the broker has for a group."""
        return sum(remoting.consumer_offset(self.broker, group, topic, queue) for queue in range(queues))

    def commit(self, group: str, topic: str, queue: int, offset: int) -> None:
        """Store a group's offset in one queue."""
        remoting.commit(self.broker, group, topic, queue, offset)

    def consumed_on_disk(self, group: str, topic: str) -> int:
        """Add up the offsets that the broker's file has for a group; Java writes queue ids without quotes."""
        try:
            committed = self.offsets_file.read_text().partition('"pullOffsetTable"')[0]
        except FileNotFoundError:  # There is none yet, or it is being replaced.
            return 0
        found = re.search(rf'"{topic}@{group}"\s*:\s*{{(.*?)}}', committed, re.DOTALL)
        return sum(int(offset) for offset in re.findall(r":\s*(\d+)", found[1])) if found else 0

    def restart_broker(self, number: signal.Signals) -> None:
        """End the broker with that signal and start it on the same store and ports."""
        self.kill_broker(number)
        self.start_broker()

    def close(self) -> None:
        """End the servers; their directory and logs stay until the next run."""
        for child in reversed(self.children):
            child.end()


def java_servers(home: Path) -> list[str]:
    """Give the command line of Apache's servers but for the main class; logs go below ``home``."""
    classpath = toolchains.java_server_classpath(SERVER_VERSION)
    java = toolchains.require("java", "it runs the Java broker")
    jvm = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:MaxDirectMemorySize=256m"]
    jvm += [f"-Duser.home={home}", f"-Drocketmq.home.dir={home}", "-Djava.net.preferIPv4Stack=true"]
    jvm += ["--add-exports=java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED"]
    return [java, *jvm, "-cp", classpath]


class JavaCluster(Cluster):
    """Apache's name server and broker, for reference."""

    def __init__(self, **settings: str) -> None:
        super().__init__("java")
        self._settings = settings
        self._java = java_servers(self.home)
        names = {"listenPort": str(self.namesrv_port), "bindAddress": "127.0.0.1"}
        self._start("namesrv", "org.apache.rocketmq.namesrv.NamesrvStartup", names)
        poll("the Java name server", lambda: remoting.is_listening(self.namesrv), START_TIMEOUT_S)
        self.start_broker()

    def start_broker(self) -> None:
        """Start the broker on the same store and ports as before."""
        settings = {
            "brokerClusterName": CLUSTER,
            "brokerName": self.broker_name,
            "brokerIP1": "127.0.0.1",
            "brokerIP2": "127.0.0.1",
            "bindAddress": "127.0.0.1",
            "listenPort": str(self.broker_port),
            "namesrvAddr": self.namesrv,
            "storePathRootDir": str(self.home / "store"),
            "mappedFileSizeCommitLog": str(64 * 1024 * 1024),
            # A busy two-core machine may keep a send waiting longer than Java's 200 ms, and then refuses it.
            "waitTimeMillsInSendQueue": "5000",
            "messageDelayLevel": DELAY_LEVELS,
            **self._settings,
        }
        self._start("broker", JAVA_BROKER, settings)
        poll("the Java broker", lambda: remoting.is_listening(self.broker), START_TIMEOUT_S)
        self.wait_for_route(self.broker_name, START_TIMEOUT_S)

    def _start(self, role: str, main: str, settings: dict[str, str]) -> None:
        configuration = self.home / f"{role}.conf"
        configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        log = self.home / f"{role}.log"
        self.children = [child for child in self.children if child.is_running]
        self.children.append(Child(f"java-{role}", [*self._java, main, "-c", str(configuration)], log))

    def kill_broker(self, number: signal.Signals) -> None:
        """End the broker with that signal; the name server stays."""
        self.children[-1].signal(number)

    def close(self) -> None:
        """End the servers the quick way: Java's take their time to say goodbye."""
        for child in self.children:
            child.signal(signal.SIGKILL)
        super().close()


class PocketCluster(Cluster):
    """PocketMQ's name server and broker in one process."""

    def __init__(self, **settings: str) -> None:
        super().__init__("pocketmq")
        self._settings = {"messageDelayLevel": DELAY_LEVELS, **settings}
        self.start_broker()

    def start_broker(self) -> None:
        """Start the process on the same data directory and ports as before."""
        program = Path(sys.executable).with_name("pocketmq")
        argv = [str(program), "up", "--port", str(self.broker_port), "--namesrv-port", str(self.namesrv_port), "--json"]
        argv += ["--data", str(self.home / "store")]
        for key, value in self._settings.items():
            argv += ["--set", f"{key}={value}"]
        self.children = [Child("pocketmq", argv, self.home / "pocketmq.log")]
        self.children[0].wait_for("its ports", lambda lines: lines[0] if lines else None, START_TIMEOUT_S)
        self.wait_for_route(self.broker_name, START_TIMEOUT_S)

    def kill_broker(self, number: signal.Signals) -> None:
        """End the process, and so the name server too, with that signal."""
        self.children[-1].signal(number)


def start_cluster(make: str, **settings: str) -> JavaCluster | PocketCluster:
    """Start a cluster of the make that ``--broker`` names."""
    return JavaCluster(**settings) if make == "java" else PocketCluster(**settings)
