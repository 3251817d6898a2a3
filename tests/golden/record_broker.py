"""Record what a Java broker answers: `python record_broker.py CLASSPATH_FILE [THEME...]` writes `broker/THEME.json`.

The class path is that of org.apache.rocketmq:rocketmq-broker:5.5.0 (`mvn dependency:build-classpath`). Each theme of
`broker_scenarios` runs against a fresh broker on the loopback interface. A step holds the request, the answer, what
the broker said to clients by itself (`pushed`), and what it relayed to them. Read the difference before keeping it.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from broker_scenarios import SCENARIOS
from java_broker import REQUEST_VERSION, Wire, java_broker

SEND_MESSAGE, VIEW_MESSAGE, QUERY_CONSUME_QUEUE = 10, 33, 321
PUSH_SECONDS = 0.4
CODES_THAT_NOTIFY = (34, 35, 222)
RELAYED_AS = {223: 221, 324: 326, 325: 326}
"""What reaches other clients under another code than its own."""


def text_or_hex(data: bytes) -> dict[str, str]:
    """A body as JSON can hold it."""
    try:
        return {"body": data.decode()} if data and b"\0" not in data else {"bodyHex": data.hex()} if data else {}
    except UnicodeDecodeError:
        return {"bodyHex": data.hex()}


class Recorder:
    """Asks the broker and keeps the dialogue as steps."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.wires: dict[str, Wire] = {}
        self.steps: list[dict[str, object]] = []
        self.addresses: dict[str, str] = {}

    def wire(self, peer: str) -> Wire:
        """The connection of that name, opened on first use."""
        if peer not in self.wires:
            self.wires[peer] = Wire(self.port)
        return self.wires[peer]

    def ask(
        self, peer: str, code: int, fields: Mapping[str, object] = {}, body: bytes = b"", **frame: object
    ) -> dict[str, object]:
        """One recorded request."""
        version, language = int(str(frame.get("version", REQUEST_VERSION))), str(frame.get("language", "JAVA"))
        wire = self.wire(peer)
        texts = {key: str(value) for key, value in fields.items()}
        step: dict[str, object] = {"peer": peer, "code": code, "fields": texts, "at": int(time.time() * 1000)}
        step |= text_or_hex(body) | {"version": version, "language": language}
        header, answer_body = self.ask_while_answering(wire, code, texts, body, version, language)
        answer: dict[str, object] = {"code": header["code"], "remark": header.get("remark")}
        answer |= {"fields": header.get("extFields") or {}} | text_or_hex(answer_body)
        step["answer"] = answer
        if code in CODES_THAT_NOTIFY:
            self.collect(PUSH_SECONDS)
        self.take_received(step)
        self.steps.append(step)
        return answer

    def ask_while_answering(
        self, wire: Wire, code: int, fields: Mapping[str, str], body: bytes, version: int, language: str
    ) -> tuple[dict[str, object], bytes]:
        """Ask; the relayed requests reach others of our connections before the answer does."""
        passed_on = RELAYED_AS.get(code, code)
        relayed = [other for other in self.wires.values() if other is not wire and passed_on in other.replies]
        if not relayed:
            return wire.ask(code, fields, body, version=version, language=language)
        wire.send(code, fields, body, version=version, language=language)
        while not wire.has_answer():
            for other in relayed:
                other.drain(PUSH_SECONDS)
        return wire.await_answer()

    def collect(self, seconds: float) -> None:
        """Read every connection for a while."""
        for wire in self.wires.values():
            wire.drain(seconds)

    def take_received(self, step: dict[str, object]) -> None:
        """Move what the broker said by itself into the step."""
        for peer, wire in self.wires.items():
            for request in wire.received:
                pushed = step.setdefault("pushed", [])
                assert isinstance(pushed, list)
                pushed.append({"peer": peer, **request})
            wire.received.clear()

    def send(self, topic: str, queue_id: int, body: str, properties: Mapping[str, str] = {}) -> int:
        """Store a message and keep the record it became."""
        fields: dict[str, object] = {"producerGroup": "PG", "topic": topic, "defaultTopic": "TBW102", "batch": "false"}
        fields |= {"defaultTopicQueueNums": 4, "queueId": queue_id, "sysFlag": 0, "bornTimestamp": 1_709_210_000_000}
        fields |= {"flag": 0, "reconsumeTimes": 0, "unitMode": "false"}
        fields["properties"] = "".join(f"{key}\x01{value}\x02" for key, value in properties.items())
        at = int(time.time() * 1000)
        header, _ = self.wire("a").ask(SEND_MESSAGE, {key: str(v) for key, v in fields.items()}, body.encode())
        extension = header["extFields"]
        assert isinstance(extension, dict), header
        log_offset = int(str(extension["msgId"])[-16:], 16)
        _, record = self.wire("a").ask(VIEW_MESSAGE, {"offset": str(log_offset)}, b"")
        self.steps.append({"stored": record.hex(), "logOffset": log_offset, "at": at})
        return log_offset

    def view(self, topic: str, queue_id: int, index: int) -> None:
        """Keep the message at a place of a queue; the replay compares it with its own."""
        place = {"topic": topic, "queueId": str(queue_id), "index": str(index), "count": "1"}
        _, body = self.wire("a").ask(QUERY_CONSUME_QUEUE, place, b"")
        entry = json.loads(body)["queueData"][0]
        _, record = self.wire("a").ask(VIEW_MESSAGE, {"offset": str(entry["physicOffset"])}, b"")
        assert record, f"nothing stored at {place}"
        self.steps.append({"viewed": [topic, queue_id, index], "record": record.hex(), "tagsCode": entry["tagsCode"]})

    def answer_relayed(self, peer: str, code: int, reply_code: int, body: bytes) -> None:
        """Prepare what that client will say."""
        self.wire(peer).replies[code] = (reply_code, body)
        self.steps.append({"answersRelayed": [peer, code, reply_code, body.decode()]})

    def hang_up(self, peer: str) -> None:
        """Close a connection; the broker notices within the pause."""
        self.addresses[peer] = self.wires[peer].address
        self.wires.pop(peer).close()
        self.collect(PUSH_SECONDS * 2)
        step: dict[str, object] = {"hungUp": peer, "at": int(time.time() * 1000)}
        self.take_received(step)
        self.steps.append(step)

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
        self.steps.append({"paused": int(time.time() * 1000)})


def main(arguments: list[str]) -> None:
    """Record the named themes, or all."""
    classpath = Path(arguments[0]).read_text().strip()
    for theme in arguments[1:] or list(SCENARIOS):
        with java_broker(classpath) as (port, root):
            recorder = Recorder(port)
            SCENARIOS[theme](recorder)
            addresses = recorder.addresses | {peer: wire.address for peer, wire in recorder.wires.items()}
            ports = {str(port): "PORT"} | {
                where.rpartition(":")[2]: f"PEER_{peer}" for peer, where in addresses.items()
            }
        text = json.dumps({"theme": theme, "rocketmq": "5.5.0", "steps": recorder.steps}, indent=1, ensure_ascii=False)
        text = text.replace(root, "STORE_ROOT")
        for number, name in ports.items():
            text = text.replace(f"127.0.0.1:{number}", f"127.0.0.1:{name}")
        Path(__file__).with_name("broker").joinpath(f"{theme}.json").write_text(text + "\n")
        print(theme, len(recorder.steps), "steps")


if __name__ == "__main__":
    main(sys.argv[1:])
