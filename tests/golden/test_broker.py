"""Replays what a Java 5.5.0 broker was asked against our handlers, and compares every answer, notice and record.

Where we differ on purpose the table below says so, with the reason. Times may differ by a second, map and set orders
do not matter, and a Java stack trace in a remark stands for any remark.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pocketmq.broker import delays, sessions
from pocketmq.broker.router import HANDLERS, unsupported
from pocketmq.broker.state import BrokerState
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import Refusal
from pocketmq.model.message import StoredMessage
from pocketmq.model.names import POP_ORDER_REVIVE_QUEUE
from pocketmq.model.outcome import Outcome, RecordsWhenDurable, Relay, Reply, ReplyWhenDurable, ReplyWithRecords, Survey
from pocketmq.model.peer import Peer, pack_host
from pocketmq.protocol.codes import LANGUAGES
from pocketmq.protocol.fastjson import ObjectKey, loads
from pocketmq.protocol.frame import Command
from pocketmq.protocol.properties import decode_properties, encode_properties
from pocketmq.protocol.record import NewMessage
from pocketmq.protocol.stored import decode_record
from pocketmq.store.message_store import StoreSizes
from pocketmq.store.recovery import open_store
from pocketmq.testing.memory_disk import MemoryDisk

FOLDER = Path(__file__).with_name("broker")
SIZES = StoreSizes(log_file_bytes=1 << 20, queue_file_bytes=120_000, index_slots=1000, index_entries=4000)
CLOCK_MS_MIN = 1_600_000_000_000
CLOCK_MS_APART = 5_000
LOG_OFFSET_DIGITS = 16
"""The end of an offset id; before it is the broker's port, which is not the recorded one."""
OUR_PORT = 10911
PEER_PORTS = {"a": 50_001, "b": 50_002, "c": 50_003}
EMPTY_REMARKS = (None, "", "not set any response code")
"""What Java says, or forgets to unsay, when all went well."""

DIFFERENT_ON_PURPOSE: dict[tuple[str, int, str], tuple[int, str]] = {
    ("popping", 200051, "TopicForged"): (208, "Java writes down an acknowledgement by any handle"),
    ("topics", 351, "TopicListC"): (0, "Java drops a whole list because one topic of it is as it was"),
    ("filters", 11, "TopicBadExpression"): (23, "Java delivers everything where an expression cannot be read"),
    ("topics", 215, "../../x"): (29, "an illegal name is refused at every entry"),
    ("administration", 223, ""): (1, "Java asks its clients about no topic"),
    ("runtime", 25, "messageDelayLevel=1s 2s\nnoSuchKey=1\n"): (16, "Java accepts it and does nothing until restarted"),
    ("runtime", 25, "brokerPermission=4\nlongPollingEnable=false\nmaxMessageSize=lots\n"): (
        16,
        "Java ignores bad values",
    ),
} | {
    ("nonsense", 321, place): (1, "Java says that all went well, sends no body, and its tool falls over")
    for place in ("-1/0", "99/0", "2147483647/0", "0/3", "0/99", "0/-1")
}


class Replay:
    """Our broker, fed with the recorded dialogue."""

    def __init__(self, theme: str, steps: list[dict[str, Any]]) -> None:
        self.theme = theme
        self.now_ms = next(step["at"] for step in steps if "at" in step)
        store, _ = open_store(MemoryDisk(), SIZES, self.now_ms)
        settings = BrokerSettings(broker_ip1="127.0.0.1", broker_name="broker-a", listen_port=OUR_PORT)
        self.state = BrokerState(settings, store, boot_ms=self.now_ms)
        self.log_offsets: dict[int, int] = {}
        self.relayed: dict[tuple[str, int], Reply] = {}
        self.pop_times: dict[str, str] = {}

    def play(self, step: dict[str, Any]) -> None:
        """One step of the dialogue."""
        self.now_ms = max(self.now_ms, step.get("at", 0), step.get("paused", 0))
        if "stored" in step:
            self.store(decode_record(bytes.fromhex(step["stored"])))
        elif "viewed" in step:
            self.compare_record(step)
        elif "answersRelayed" in step:
            peer, code, reply_code, body = step["answersRelayed"]
            self.relayed[peer, code] = Reply(reply_code, body=body.encode())
        elif "hungUp" in step:
            sessions.connection_closed(self.state, PEER_PORTS[step["hungUp"]])
            self.compare_notices(step)
        elif "paused" in step:
            delays.due(self.state, self.now_ms)
            sessions.expire(self.state, self.now_ms)
            self.publish()
        else:
            self.ask(step)

    def store(self, message: StoredMessage) -> None:
        """Store what Java stored, as of the same time, and remember both log offsets."""
        appended = self.state.store.append(
            NewMessage(
                message.topic,
                message.queue_id,
                message.body,
                encode_properties(message.properties),
                born_timestamp=message.born_timestamp,
                born_host=pack_host("127.0.0.1", 1),
                store_host=self.state.store_host,
            ),
            message.store_timestamp,
        )
        assert appended.size == message.store_size
        self.log_offsets[message.log_offset] = appended.log_offset
        self.publish()

    def publish(self) -> None:
        """End the turn."""
        self.state.store.write()
        self.state.store.publish(self.state.store.log.written, self.now_ms)

    def ask(self, step: dict[str, Any]) -> None:
        """Send one request and compare the answer and the notices."""
        outcome = self.outcome_of(step)
        self.publish()
        reply = self.reply_of(outcome, step)
        theirs = step["answer"]
        if int(theirs["fields"].get("popTime", 0)) > 0:
            self.pop_times[theirs["fields"]["popTime"]] = reply.fields.get("popTime", "")
        detail = detail_of(step)
        known = DIFFERENT_ON_PURPOSE.get((self.theme, step["code"], detail))
        if known is not None:
            assert (reply.code, theirs["code"] == reply.code) == (known[0], False), known[1]
            return
        assert reply.code == theirs["code"], (reply, theirs)
        self.compare_remark(reply, theirs)
        compare_fields(clean(dict(reply.fields)), clean(theirs["fields"]), may_lack_end=self.theme == "broadcasts")
        self.compare_body(step, reply.body, body_of(theirs))
        self.compare_notices(step)

    def outcome_of(self, step: dict[str, Any]) -> Outcome:
        """What our handler decides."""
        fields = dict(step["fields"])
        if step["code"] in (33, 36) and fields.get("offset", "").isdigit():
            fields["offset"] = str(self.log_offsets.get(int(fields["offset"]), fields["offset"]))
        for recorded, ours in self.pop_times.items():
            fields["extraInfo"] = fields.get("extraInfo", "").replace(recorded, ours)
        request = Command.of(step["code"], fields, body_of(step), version=step["version"], arrived_ms=self.now_ms)
        request.language = LANGUAGES.index(step["language"])
        handler = HANDLERS.get(step["code"])
        if handler is None:
            return unsupported(request)
        try:
            return handler(request, peer_of(step["peer"]), self.state, self.now_ms)
        except Refusal as refusal:
            return Reply(refusal.code, refusal.remark, refusal.fields or {})

    def reply_of(self, outcome: Outcome, step: dict[str, Any]) -> Reply:
        """What the asker gets in the end."""
        if isinstance(outcome, ReplyWhenDurable):
            return outcome.reply
        if isinstance(outcome, RecordsWhenDurable):
            return outcome.reply.with_body(self.state.store.log.gather(outcome.entries)[0])
        if isinstance(outcome, ReplyWithRecords):
            return outcome.reply.with_body(self.state.store.log.gather(outcome.entries)[0])
        if isinstance(outcome, Relay):
            peer = name_of(outcome.peer_id)
            (asked,) = step.pop("pushed")
            assert (asked["peer"], asked["code"]) == (peer, outcome.code)
            if outcome.accepted is not None:
                assert self.pushed_fields(outcome.fields) == self.pushed_fields(asked["fields"])
                assert outcome.body == asked["body"].encode()
                return outcome.accepted if self.relayed[peer, outcome.code].code == 0 else outcome.failed or Reply(-1)
            assert asked["fields"] == dict(outcome.fields)
            if asked["body"]:
                compare_records(outcome.body, asked["body"].encode("latin-1"))
            return self.relayed[peer, outcome.code]
        if isinstance(outcome, Survey):
            asked = step.pop("pushed")
            assert [(one["peer"], one["code"], one["fields"]) for one in asked] == [
                (name_of(peer_id), outcome.code, dict(outcome.fields)) for peer_id in outcome.peer_ids
            ]
            return outcome.summary({peer: self.relayed[name_of(peer), outcome.code] for peer in outcome.peer_ids})
        assert isinstance(outcome, Reply)
        return outcome

    def pushed_fields(self, fields: Mapping[str, str]) -> Any:
        """What a pushed reply says about itself; its properties come in Java's order of hashes."""
        named = json.loads(self.named(json.dumps(dict(fields)).encode()))
        return clean(named | {"properties": clean(decode_properties(named["properties"]))})

    def compare_remark(self, reply: Reply, theirs: dict[str, Any]) -> None:
        """Word for word, unless all went well or Java fell over."""
        if theirs["code"] == 0 and theirs["remark"] in EMPTY_REMARKS:
            assert reply.remark is None
        elif not is_stack_trace(theirs["remark"]):
            assert self.named((reply.remark or "").encode()).decode() == (theirs["remark"] or "")

    def compare_body(self, step: dict[str, Any], ours: bytes, theirs: bytes) -> None:
        """By what kind of body it is."""
        if step["code"] in (11, 12, 33, 361, 200050, 200052):
            compare_records(ours, theirs)
        elif step["code"] == 26:
            compare_settings(ours.decode(), theirs.decode())
        elif step["code"] == 28:
            compare_runtime(loads(ours), loads(theirs))
        elif step["code"] == 317:
            assert in_flight_apart(clean(loads(self.named(ours)))) == in_flight_apart(clean(loads(theirs)))
        elif theirs:
            assert clean(loads(self.named(ours))) == clean(loads(theirs))
        else:
            assert not ours

    def named(self, body: bytes) -> bytes:
        """The body with the names that the recording uses for ports."""
        text = body.replace(b"127.0.0.1:%d" % OUR_PORT, b"127.0.0.1:PORT")
        for peer, port in PEER_PORTS.items():
            text = text.replace(b"127.0.0.1:%d" % port, b"127.0.0.1:PEER_" + peer.encode())
        return text

    def compare_notices(self, step: dict[str, Any]) -> None:
        """The same clients are told the same, in whatever order."""
        ours = [
            (name_of(push.peer_id), int(push.code), dict(push.fields), parsed(push.body)) for push in self.state.outbox
        ]
        self.state.outbox.clear()
        theirs = [
            (push["peer"], push["code"], push["fields"], parsed(push["body"].encode()))
            for push in step.get("pushed", ())
        ]
        assert sorted(map(clean_notice, ours)) == sorted(map(clean_notice, theirs))

    def compare_record(self, step: dict[str, Any]) -> None:
        """The message at the same place of the same queue, and its tags code."""
        topic, queue_id, index = step["viewed"]
        entry = self.state.store.entry(topic, queue_id, index)
        assert entry is not None
        record = self.state.store.read_record(entry.log_offset, entry.size)
        theirs = bytes.fromhex(step["record"])
        compare_records(record or b"", theirs)
        assert tags_or_delay(entry.tags_code, decode_record(record or b"")) == tags_or_delay(
            step["tagsCode"], decode_record(theirs)
        )


def parsed(body: bytes) -> Any:
    """A notice's body, which is JSON if it is there."""
    return clean(loads(body)) if body else None


def clean_notice(notice: tuple[str, int, dict[str, str], Any]) -> str:
    """A notice whose fields have no order."""
    peer, code, fields, body = notice
    return repr((peer, code, sorted(fields.items()), body))


def detail_of(step: dict[str, Any]) -> str:
    """What tells a request from others of its code."""
    if step["code"] == 25:
        return str(step.get("body", ""))
    fields = step["fields"]
    return f"{fields['queueId']}/{fields['index']}" if step["code"] == 321 else str(fields.get("topic", ""))


def compare_fields(ours: dict[str, Any], theirs: dict[str, Any], *, may_lack_end: bool) -> None:
    """The same fields; times within some seconds, everything else exactly.

    In order, a message that is hidden for longer is hidden until a time that is told from its pop on. Java
    leaves the queue's end at 0 where it only tells a broadcasting member where to start (`may_lack_end`).
    """
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if may_lack_end and (key, value) == ("maxOffset", 0):
            continue
        is_time = isinstance(value, int) and value > CLOCK_MS_MIN
        is_time |= key == "invisibleTime" and theirs.get("reviveQid") == POP_ORDER_REVIVE_QUEUE
        assert abs(ours[key] - value) <= CLOCK_MS_APART if is_time else ours[key] == value, (key, ours[key], value)


def tags_or_delay(tags_code: int, message: StoredMessage) -> int:
    """A delayed message's tags code is a time: how long it waits."""
    return tags_code - message.store_timestamp if message.topic == "SCHEDULE_TOPIC_XXXX" else tags_code


def compare_records(ours: bytes, theirs: bytes) -> None:
    """The same messages; where they lie in the log, and what that makes of ids, may differ."""
    assert list(map(record_facts, records_of(ours))) == list(map(record_facts, records_of(theirs)))


def records_of(body: bytes) -> Iterator[StoredMessage]:
    """Each message of a body."""
    at = 0
    while at < len(body):
        yield decode_record(body, at)
        at += int.from_bytes(body[at : at + 4], "big")


def record_facts(message: StoredMessage) -> tuple[object, ...]:
    """What must be equal."""
    properties = {key: value for key, value in message.properties.items() if key != "ORIGIN_MESSAGE_ID"}
    place = (message.topic, message.queue_id, message.queue_offset, message.store_size, message.sys_flag, message.flag)
    return (*place, message.body, message.body_crc, message.born_timestamp, message.reconsume_times, properties)


def compare_settings(ours: str, theirs: str) -> None:
    """Every key of Java's that does not depend on the machine, with its value."""
    own, java = (dict(line.partition("=")[::2] for line in text.splitlines()) for text in (ours, theirs))
    machine = {key for key, value in java.items() if "STORE_ROOT" in value or key.endswith("Port")}
    machine |= {"brokerIP2", "bindAddress", "namesrvAddr", "transactionCheckInterval", "brokerFastFailureEnable"}
    machine |= {"mappedFileSizeCommitLog", "mappedFileSizeConsumeQueue", "maxHashSlotNum", "maxIndexNum"}
    machine |= {"diskMaxUsedSpaceRatio", "messageDelayLevel", "brokerPermission", "longPollingEnable"}
    assert own.keys() >= java.keys() - machine
    assert {key: own[key] for key in java.keys() - machine} == {key: java[key] for key in java.keys() - machine}


def compare_runtime(ours: Any, theirs: Any) -> None:
    """Every key, and the values that do not depend on the moment."""
    own, java = ours["table"], theirs["table"]
    assert {key.partition("_")[0] for key in own} == {key.partition("_")[0] for key in java}
    same = {key for key in java if key.endswith(("Capacity", "Size", "Mills", "Morning", "Desc", "Numbs"))}
    same -= {"commitLogDirCapacity"}
    assert {key: own[key] for key in same} == {key: java[key] for key in same}


def in_flight_apart(listed: Any) -> str:
    """Java forgets how far groups have pulled here, and calls that a negative number in flight."""
    return re.sub(r"'(pullOffset|totalInflightDiff)': -?\d+", "", repr(listed))


def clean(value: Any) -> Any:
    """Without what may differ: versions, times within some seconds, the order of lists."""
    if isinstance(value, dict):
        pairs = {clean(key): clean(member) for key, member in value.items() if not is_momentary(key)}
        if "offset" in pairs and isinstance(pairs["offset"], str):
            pairs["offset"] = int(pairs["offset"])
        if "msgId" in pairs:
            pairs["msgId"] = str(pairs["msgId"])[-LOG_OFFSET_DIGITS:]
        return {key: number(pairs[key]) for key in sorted(pairs, key=repr)}
    if isinstance(value, list):
        return sorted((clean(member) for member in value), key=repr)
    if isinstance(value, ObjectKey):
        return value.fields
    return number(value)


def is_momentary(key: object) -> bool:
    """Fields that say when the recording was made."""
    return key in (
        "dataVersion",
        "mappingDataVersion",
        "version",
        "delayTime",
        "lastUpdateTimestamp",
        "physicOffset",
    ) or (key in ("indexLastUpdatePhyoffset",))


def number(value: Any) -> Any:
    """Clock times are cut to some seconds."""
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    return value // CLOCK_MS_APART if isinstance(value, int) and value > CLOCK_MS_MIN else value


def is_stack_trace(remark: str | None) -> bool:
    """Java fell over: the remark names a class of its own."""
    return remark is not None and remark.startswith(("java.", "org.apache.", "Cannot invoke "))


def body_of(step: dict[str, Any]) -> bytes:
    """A recorded body."""
    return bytes.fromhex(step["bodyHex"]) if "bodyHex" in step else step.get("body", "").encode()


def peer_of(name: str) -> Peer:
    """A connection's other end; its number is its port."""
    return Peer(PEER_PORTS[name], "127.0.0.1", PEER_PORTS[name])


def name_of(peer_id: int) -> str:
    """Inverse of `peer_of`."""
    return next(name for name, port in PEER_PORTS.items() if port == peer_id)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_answers_are_those_of_java(path: Path) -> None:
    recorded = json.loads(path.read_text())
    replay = Replay(recorded["theme"], recorded["steps"])
    failures = []
    for index, step in enumerate(recorded["steps"]):
        try:
            replay.play(step)
        except AssertionError as failure:
            failures.append(
                f"step {index} {step.get('code')} {step.get('fields')} {step.get('body', '')[:80]}: {failure}"
            )
    assert not failures, "\n".join(failures)
