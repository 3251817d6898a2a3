"""Ask a real Java name server what the golden dialogues ask, and write its answers to `namesrv/*.json`.

    mvn dependency:copy-dependencies -DoutputDirectory=JARS      (of org.apache.rocketmq:rocketmq-namesrv:5.5.0)
    PYTHONPATH=tests/support python tests/golden/record_namesrv.py JARS [DIALOGUE ...]

Every dialogue gets a name server of its own, on the loopback interface and a free port, in a temporary folder.
"""

import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from namesrv_dialogues import Dialogue, Step
from namesrv_scripts import DIALOGUES

FOLDER = Path(__file__).parent / "namesrv"
BOOT_SECONDS_MAX = 60
ANSWER_SECONDS_MAX = 15
SETTLE_SECONDS = 0.4
"""Java unregisters on a thread of its own; what follows an unregistration waits for it."""


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def java_name_server(jars: str, settings: dict[str, str]) -> Iterator[tuple[int, Path]]:
    """A Java name server's port and folder; the process and the folder are gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="pocketmq-golden-"))
    port = free_port()
    settings = {"listenPort": str(port), "bindAddress": "127.0.0.1", "kvConfigPath": f"{root}/kvConfig.json"} | settings
    configuration = root / "namesrv.conf"
    configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    command = ["java", "-Xms128m", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC", f"-Duser.home={root}"]
    command += [f"-Drocketmq.home.dir={root}", "-Drocketmq.client.logUseSlf4j=true", "-cp", f"{jars}/*"]
    command += ["org.apache.rocketmq.namesrv.NamesrvStartup", "-c", str(configuration)]
    environment = {**os.environ, "ROCKETMQ_HOME": str(root)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root, env=environment)
    try:
        wait_for_port(port, process)
        yield port, root
    finally:
        process.terminate()
        process.wait(timeout=60)
        shutil.rmtree(root, ignore_errors=True)


def wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until the name server accepts connections."""
    deadline = time.monotonic() + BOOT_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"the Java name server did not listen on {port}")


class Brokers:
    """Listeners that stand for brokers: what is written about them names a fixed address, what is sent a free one."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.listeners = {address: socket.create_server(("127.0.0.1", 0)) for address in addresses}
        self.own: dict[str, str] = {}
        self.connections: dict[str, list[socket.socket]] = {address: [] for address in addresses}

    def to_wire(self, text: str) -> str:
        """Fixed addresses replaced by the real ones."""
        for address, listener in self.listeners.items():
            text = text.replace(address, f"127.0.0.1:{listener.getsockname()[1]}")
        return text

    def to_file(self, text: str) -> str:
        """Real addresses replaced by the fixed ones, and the name server's own folder and port by words."""
        for own, word in self.own.items():
            text = text.replace(own, word)
        for address, listener in self.listeners.items():
            text = text.replace(f"127.0.0.1:{listener.getsockname()[1]}", address)
        return text

    def notices(self) -> list[Step]:
        """The requests that have arrived by now."""
        found: list[Step] = []
        for address, listener in self.listeners.items():
            while select.select([listener], [], [], 0.05)[0]:
                self.connections[address].append(listener.accept()[0])
            for connection in self.connections[address]:
                while select.select([connection], [], [], 0.05)[0] and (received := read_frame(connection)):
                    fields = {key: self.to_file(value) for key, value in received[0]["extFields"].items()}
                    found.append({"to": address, "code": received[0]["code"], "fields": fields})
        return found


def read_frame(connection: socket.socket) -> tuple[Step, bytes] | None:
    """The next whole frame, None at the end."""
    connection.settimeout(ANSWER_SECONDS_MAX)
    length = read(connection, 4)
    if len(length) < 4:
        return None
    data = read(connection, struct.unpack(">i", length)[0])
    header_end = 4 + (struct.unpack(">i", data[:4])[0] & 0xFFFFFF)
    return json.loads(data[4:header_end]), data[header_end:]


def read(connection: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, fewer at the end."""
    data = b""
    while len(data) < size and (received := connection.recv(size - len(data))):
        data += received
    return data


def ask(connection: socket.socket, opaque: int, request: Step, brokers: Brokers) -> Step:
    """Send one request and return the answer as it is written down."""
    header = {"code": request["code"], "language": "JAVA", "version": request["version"], "opaque": opaque, "flag": 0}
    header["extFields"] = {key: brokers.to_wire(value) for key, value in request["fields"].items()}
    header["serializeTypeCurrentRPC"] = "JSON"
    body = bytes.fromhex(request["hex"]) if "hex" in request else brokers.to_wire(request["body"]).encode()
    head = json.dumps(header).encode()
    connection.sendall(struct.pack(">ii", 4 + len(head) + len(body), len(head)) + head + body)
    received = read_frame(connection)
    assert received is not None
    answer, answer_body = received
    assert answer["opaque"] == opaque
    fields = {key: brokers.to_file(value) for key, value in (answer.get("extFields") or {}).items()}
    written = {"code": answer["code"], "remark": answer.get("remark"), "fields": fields}
    return written | {"body": brokers.to_file(answer_body.decode())}


def record(dialogue: Dialogue, jars: str) -> list[Step]:
    """Hold a dialogue with Java: its steps with an answer each."""
    brokers = Brokers(dialogue.listening)
    peers: dict[str, socket.socket] = {}
    steps: list[Step] = []
    with java_name_server(jars, dict(dialogue.settings)) as (port, root):
        brokers.own = {str(root): "ROOT", f"listenPort={port}": "listenPort=9876"}
        for opaque, step in enumerate(dialogue.steps, start=1):
            done = dict(step)
            if "pause_ms" in step:
                time.sleep(step["pause_ms"] / 1000)
            elif "hang_up" in step:
                peers.pop(step["hang_up"]).close()
                time.sleep(SETTLE_SECONDS)
            else:
                if step["peer"] not in peers:
                    peers[step["peer"]] = socket.create_connection(("127.0.0.1", port))
                done["answer"] = ask(peers[step["peer"]], opaque, step["say"], brokers)
                if step["say"]["code"] == 104:
                    time.sleep(SETTLE_SECONDS)
            notices = brokers.notices()
            steps.append(done | ({"notices": notices} if notices else {}))
    return steps


def main(jars: str, *names: str) -> None:
    """Record the dialogues named, or all."""
    FOLDER.mkdir(exist_ok=True)
    for dialogue in DIALOGUES:
        if names and dialogue.name not in names:
            continue
        written = {"settings": dict(dialogue.settings), "steps": record(dialogue, jars)}
        (FOLDER / f"{dialogue.name}.json").write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
        print(dialogue.name, len(dialogue.steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
