"""Java RocketMQ 5.5.0 for comparison: its jars come through Maven, its broker runs on the broker's core."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from processes import BIN, BROKER_CORE, Broker, end, start_on, wait_for_first_send

VERSION = "5.5.0"
HEAP = "1g"
POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>pocketmq</groupId><artifactId>bench</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-broker</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-namesrv</artifactId><version>{VERSION}</version></dependency>
  </dependencies>
</project>
"""


def class_path() -> str:
    """The jars of broker and name server, fetched once."""
    if not shutil.which("mvn") or not shutil.which("java"):
        raise SystemExit("--java needs Java 17 and Maven")
    folder = BIN / "java"
    folder.mkdir(parents=True, exist_ok=True)
    found = folder / "class-path"
    if not found.exists():
        (folder / "pom.xml").write_text(POM)
        goal = ["dependency:build-classpath", "-Dmdep.outputFile=class-path"]
        subprocess.run(["mvn", "-q", *goal], cwd=folder, check=True)
    return found.read_text().strip()


def free_port() -> int:
    """A port that is free now, as are the two below and the one above it, which a Java broker also takes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def rocketmq(flush: str = "ASYNC_FLUSH", more: Sequence[str] = (), parent: Path | None = None) -> Iterator[Broker]:
    """A Java broker and its name server on fresh data and free ports; `flush` is its flushDiskType.

    `more` are settings of the broker, as KEY=VALUE; its home is a folder of its own in `parent`.
    """
    jars = class_path()
    with tempfile.TemporaryDirectory(prefix="pocketmq-bench-", dir=parent) as folder:
        home, names_port, port = Path(folder), free_port(), free_port()
        (home / "namesrv.properties").write_text(f"listenPort={names_port}\nkvConfigPath={home}/kvConfig.json\n")
        settings = ["brokerName=bench", "brokerIP1=127.0.0.1", f"listenPort={port}", f"haListenPort={free_port()}"]
        settings += [f"namesrvAddr=127.0.0.1:{names_port}", f"storePathRootDir={home}/store"]
        settings += [f"flushDiskType={flush}", *more]
        (home / "broker.properties").write_text("\n".join(settings) + "\n")
        java = ["java", "-server", f"-Drocketmq.home.dir={home}", f"-Duser.home={home}", "-cp", jars]
        start_broker = ["org.apache.rocketmq.broker.BrokerStartup", "-c", f"{home}/broker.properties"]
        start_names = ["org.apache.rocketmq.namesrv.NamesrvStartup", "-c", f"{home}/namesrv.properties"]
        names = start_on(BROKER_CORE, [*java, "-Xmx256m", *start_names], home / "log")
        try:
            began = time.perf_counter()
            memory = [f"-Xms{HEAP}", f"-Xmx{HEAP}"]
            broker = start_on(BROKER_CORE, [*java, *memory, *start_broker], home / "log")
            try:
                wait_for_first_send(broker, port, began)
                yield Broker(broker.pid, port, time.perf_counter() - began)
            finally:
                end(broker)
        finally:
            end(names)
