"""One store, opened by Java's broker and by PocketMQ's in turn, on the same ports and with the same file sizes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import remoting
from .clusters import JAVA_BROKER, START_TIMEOUT_S, Cluster, java_servers
from .processes import Child, poll

SIZES = {
    "mappedFileSizeCommitLog": str(1 << 20),
    "mappedFileSizeConsumeQueue": "6000",
    "maxHashSlotNum": "1000",
    "maxIndexNum": "2000",
    "maxMessageSize": "65536",
}
"""Small enough for files of every kind to roll: 1 MiB of log, 300 queue entries, 2,000 keys."""

LEVELS = "1s 2s 20s"
"""The last one is longer than Java takes to stop: who takes over the store delivers it."""


class ExchangedStore(Cluster):
    """A directory that one broker at a time has open; there is no name server that brokers must share."""

    def __init__(self, log_folders: int = 0) -> None:
        """`log_folders`: in how many folders of its own the log lies; 0 leaves it under the store."""
        super().__init__("exchange")
        self.store = self.home / "store"
        self.log_folders = [self.home / f"disk{number}" / "commitlog" for number in range(log_folders)]
        self._settings = dict(SIZES)
        if self.log_folders:
            self._settings["storePathCommitLog"] = ",".join(map(str, self.log_folders))
        self._java = java_servers(self.home)
        self._seen: dict[Path, int] = {}

    @property
    def offsets_file(self) -> Path:
        """The store's own file, not that of a copy."""
        return self.store / "config" / "consumerOffset.json"

    @contextmanager
    def java(self, ends_with: signal.Signals) -> Iterator[remoting.Connection]:
        """Run Java's broker on the store; it ends with that signal."""
        settings = {"brokerName": self.broker_name, "brokerIP1": "127.0.0.1", "bindAddress": "127.0.0.1"}
        settings |= self._settings
        settings |= {"listenPort": str(self.broker_port), "storePathRootDir": str(self.store)}
        settings |= {"messageDelayLevel": LEVELS, "waitTimeMillsInSendQueue": "5000"}
        settings |= {"flushConsumerOffsetInterval": "1000", "flushDelayOffsetInterval": "1000"}
        configuration = self.home / "broker.conf"
        configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        argv = [*self._java, JAVA_BROKER, "-c", str(configuration)]
        child = Child("java-broker", argv, self.home / "java.log")
        self.children.append(child)
        poll("the Java broker", lambda: self._answers(child), START_TIMEOUT_S)
        with self._connected(child, ends_with) as connection:
            yield connection

    @contextmanager
    def pocketmq(self, ends_with: signal.Signals) -> Iterator[remoting.Connection]:
        """Run PocketMQ's broker on the store; it ends with that signal."""
        program = Path(sys.executable).with_name("pocketmq")
        argv = [str(program), "up", "--port", str(self.broker_port), "--namesrv-port", str(self.namesrv_port), "--json"]
        argv += ["--data", str(self.store), "--set", f"messageDelayLevel={LEVELS}"]
        for key, value in self._settings.items():
            argv += ["--set", f"{key}={value}"]
        child = Child("pocketmq", argv, self.home / "pocketmq.log")
        self.children.append(child)
        child.wait_for("its ports", lambda lines: lines[0] if lines else None, START_TIMEOUT_S)
        with self._connected(child, ends_with) as connection:
            yield connection

    @contextmanager
    def _connected(self, child: Child, ends_with: signal.Signals) -> Iterator[remoting.Connection]:
        connection = remoting.Connection(self.broker)
        try:
            yield connection
        finally:
            connection.close()
            child.signal(ends_with, 60.0)

    def _answers(self, child: Child) -> bool | None:
        assert child.is_running, child.tail()
        try:
            answer = remoting.ask(self.broker, remoting.MAX_OFFSET, {"topic": "TBW102", "queueId": "0"})
        except OSError:
            return None
        return True if answer.code == 0 else None

    def java_log(self) -> str:
        """Give what Java's broker has logged since this was asked last."""
        text = ""
        for path in sorted((self.home / "logs").rglob("*.log")):
            content = path.read_text(errors="replace")
            text += "".join(f"{path.name}: {line}\n" for line in content[self._seen.get(path, 0) :].splitlines())
            self._seen[path] = len(content)
        return text
