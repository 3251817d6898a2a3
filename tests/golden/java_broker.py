"""A Java broker of one's own on the loopback interface, and a raw connection to it: for the recording scripts only."""

import json
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

BOOT_SECONDS_MAX = 60
ANSWER_SECONDS_MAX = 15
REQUEST_VERSION = 513
"""MQVersion.V5_5_0's ordinal."""

CONFIGURATION = """
brokerClusterName=DefaultCluster
brokerName=broker-a
brokerId=0
brokerIP1=127.0.0.1
bindAddress=127.0.0.1
listenPort={port}
storePathRootDir={root}/store
storePathCommitLog={root}/store/commitlog
mappedFileSizeCommitLog=1048576
mappedFileSizeConsumeQueue=120000
maxHashSlotNum=1000
maxIndexNum=4000
haListenPort={ha_port}
diskMaxUsedSpaceRatio=99
transactionCheckInterval=3600000
namesrvAddr=127.0.0.1:1
brokerFastFailureEnable=false
enableControllerMode=false
"""


def free_port() -> int:
    """A port nobody listens on; the fast port below it is the broker's own affair."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def java_broker(classpath: str, settings: str = "") -> Iterator[tuple[int, str]]:
    """Run a Java broker in a temporary folder; yields port and folder, and ends both afterwards.

    `settings` are lines of its configuration.
    """
    root = tempfile.mkdtemp(prefix="pocketmq-golden-")
    port = free_port()
    configuration = Path(root, "broker.conf")
    configuration.write_text(CONFIGURATION.format(port=port, root=root, ha_port=free_port()) + settings)
    command = ["java", "-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC", f"-Duser.home={root}"]
    command += ["--add-opens", "java.base/java.nio=ALL-UNNAMED", "--add-opens", "java.base/sun.nio.ch=ALL-UNNAMED"]
    command += [f"-Drocketmq.home.dir={root}", "-Drocketmq.client.logUseSlf4j=true", "-cp", classpath]
    command += ["org.apache.rocketmq.broker.BrokerStartup", "-c", str(configuration)]
    with open(Path(root, "out.txt"), "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=root, env={**os.environ, "ROCKETMQ_HOME": root})
    try:
        wait_for_port(port, process)
        yield port, root
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(root, ignore_errors=True)


def wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until the broker accepts connections."""
    deadline = time.monotonic() + BOOT_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the Java broker ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit(f"the Java broker did not listen on {port} within {BOOT_SECONDS_MAX} s")


class Wire:
    """One connection that speaks JSON headers; requests from the broker are answered by `replies` and kept."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.address = "{}:{}".format(*self.socket.getsockname())
        self.pending = b""
        self.opaque = 0
        self.received: list[dict[str, object]] = []
        self.replies: dict[int, tuple[int, bytes]] = {}

    def ask(
        self,
        code: int,
        fields: Mapping[str, str],
        body: bytes,
        *,
        version: int = REQUEST_VERSION,
        language: str = "JAVA",
    ) -> tuple[dict[str, object], bytes]:
        """Send a request and wait for its answer: (header, body)."""
        self.send(code, fields, body, version=version, language=language)
        return self.await_answer()

    def send(self, code: int, fields: Mapping[str, str], body: bytes, *, version: int, language: str) -> None:
        """Send a request."""
        self.opaque += 1
        header = {"code": code, "language": language, "version": version, "opaque": self.opaque, "flag": 0}
        header |= {"serializeTypeCurrentRPC": "JSON", "extFields": dict(fields)}
        self.socket.sendall(frame(header, body))

    def await_answer(self) -> tuple[dict[str, object], bytes]:
        """The answer to the last request."""
        while True:
            answer, answer_body = self.read_frame(ANSWER_SECONDS_MAX)
            if not self.took(answer, answer_body) and answer["opaque"] == self.opaque:
                return answer, answer_body

    def took(self, header: dict[str, object], body: bytes) -> bool:
        """Keep (and answer, unless one-way) what is not an answer but a request of the broker's."""
        flag = int(str(header["flag"]))
        if flag & 1:
            return False
        code = int(str(header["code"]))
        fields = header.get("extFields") or {}
        self.received.append({"code": code, "fields": fields, "body": body.decode("latin-1")})
        if not flag & 2:
            reply_code, reply_body = self.replies[code]
            reply = {"code": reply_code, "language": "JAVA", "version": REQUEST_VERSION, "flag": 1}
            self.socket.sendall(frame(reply | {"opaque": header["opaque"]}, reply_body))
        return True

    def drain(self, seconds: float) -> None:
        """Read what the broker says by itself for a while."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self.took(*self.read_frame(left))
            except TimeoutError:
                return

    def read_frame(self, seconds: float) -> tuple[dict[str, object], bytes]:
        """The next whole frame."""
        total = struct.unpack(">i", self.read(4, seconds))[0]
        data = self.read(total, seconds)
        header_length = struct.unpack(">i", data[:4])[0] & 0xFFFFFF
        return json.loads(data[4 : 4 + header_length]), data[4 + header_length :]

    def read(self, size: int, seconds: float) -> bytes:
        """Exactly `size` bytes."""
        deadline = time.monotonic() + seconds
        while len(self.pending) < size:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            received = self.socket.recv(65536)
            if not received:
                raise ConnectionError("the Java broker closed the connection")
            self.pending += received
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def has_answer(self) -> bool:
        """Something has arrived here that nobody has read yet."""
        return bool(self.pending or select.select([self.socket], [], [], 0)[0])

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def frame(header: Mapping[str, object], body: bytes) -> bytes:
    """A frame with a JSON header."""
    text = json.dumps(header).encode()
    return struct.pack(">ii", 4 + len(text) + len(body), len(text)) + text + body
