"""The bit maps that Java wrote for messages and filters are those that we write."""

import dataclasses
import json
from pathlib import Path

import pytest

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import RequestCode
from pocketmq.store.extended_queue import ExtendedQueue
from pocketmq.store.queue_extension import ExtensionUnit, pack_unit, unpack_unit
from pocketmq.testing import lone_broker
from pocketmq.testing.lone_broker import LoneBroker

RECORDED = json.loads(Path(__file__).with_name("bit_maps.json").read_text())


def test_bit_maps_are_javas(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = dataclasses.replace(lone_broker.SIZES, extends_queues=True, extension_file_bytes=48 << 20)
    monkeypatch.setattr(lone_broker, "SIZES", sizes)
    broker = LoneBroker(settings=BrokerSettings(enable_property_filter=True, enable_calc_filter_bit_map=True))
    topic = RECORDED["topic"]
    broker.state.topics.put(TopicConfig(topic, 1, 1), broker.now_ms)
    for step in RECORDED["steps"]:
        broker.now_ms += 1
        if "heartbeat" in step:
            broker.ask(RequestCode.HEART_BEAT, body=step["heartbeat"].encode())
        else:
            broker.store(topic, 0, b"message", step["properties"])
    queue = broker.state.store.queue(topic, 0)
    assert isinstance(queue, ExtendedQueue)
    queue.write()
    theirs = bytes.fromhex(RECORDED["units"])
    assert queue.extension.end == len(theirs)
    ours = queue.extension.segments.read(0, len(theirs))
    assert without_times(ours) == without_times(theirs)


def without_times(content: bytes) -> list[bytes]:
    """The units one by one, all stored at the same time."""
    found: list[bytes] = []
    at = 0
    while at < len(content):
        unpacked = unpack_unit(content[at:])
        assert unpacked is not None
        unit, size = unpacked
        found.append(pack_unit(ExtensionUnit(unit.tags_code, 0, unit.bit_map)))
        at += size
    return found
