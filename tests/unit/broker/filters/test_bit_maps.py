"""Bit maps: written for messages that come after a filter, and asked by its pulls before the messages are."""

import dataclasses
import errno
import json

import pytest
from hand_frames import pull_fields

from pocketmq.broker.filters.bit_maps import BitMaps, not_ruled_out
from pocketmq.broker.filters.bloom import BloomFilter
from pocketmq.broker.filters.filter_table import FilterTable
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.subscription import SubscriptionData
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.stored import decode_records
from pocketmq.store.consume_queue import unpack_entries
from pocketmq.store.extended_queue import ExtendedQueue
from pocketmq.store.queue_extension import ExtensionUnit
from pocketmq.testing import lone_broker
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.lone_broker import LoneBroker
from pocketmq.testing.memory_disk import MemoryDisk

TAG_A = 2598919
LOG = "commitlog/" + "0" * 20


@pytest.fixture(autouse=True)
def extended(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = dataclasses.replace(lone_broker.SIZES, extends_queues=True, extension_file_bytes=4_096)
    monkeypatch.setattr(lone_broker, "SIZES", sizes)


def filtering_broker(disk: MemoryDisk | None = None, **changes: object) -> LoneBroker:
    settings = BrokerSettings(enable_property_filter=True, enable_calc_filter_bit_map=True)
    for name, value in changes.items():
        setattr(settings, name, value)
    broker = LoneBroker(disk, settings=settings)
    broker.state.topics.put(TopicConfig("TopicA", 1, 1), broker.now_ms)
    return broker


def register(broker: LoneBroker, group: str, expression: str) -> None:
    wanted = SubscriptionData("TopicA", expression, sub_version=1, expression_type="SQL92")
    broker.state.filters.register(group, [wanted], broker.now_ms)


def units(broker: LoneBroker) -> list[ExtensionUnit | None]:
    queue = broker.state.store.queue("TopicA", 0)
    assert isinstance(queue, ExtendedQueue)
    return [queue.extension.get(entry.tags_code) for entry in unpack_entries(queue.raw(0, 100))]


def bit_maps(broker: LoneBroker) -> list[bytes | None]:
    return [None if unit is None else unit.bit_map for unit in units(broker)]


def store_numbers(broker: LoneBroker, count: int) -> None:
    for number in range(count):
        broker.now_ms += 1
        broker.store("TopicA", 0, b"", {"n": str(number), "TAGS": "TagA"})


def bits_of(*groups: str) -> bytes:
    bloom = BloomFilter()
    bits = bytearray(bloom.bits // 8)
    for group in groups:
        for position in bloom.positions(f"{group}#TopicA"):
            bits[position >> 3] |= 1 << (position & 7)
    return bytes(bits)


def beat(broker: LoneBroker, group: str, expression: str) -> None:
    wanted = {"topic": "TopicA", "subString": expression, "subVersion": 0, "expressionType": "SQL92"}
    consumer = {"groupName": group, "subscriptionDataSet": [wanted], "messageModel": "CLUSTERING"}
    body = {"clientID": "c1", "consumerDataSet": [consumer], "producerDataSet": []}
    assert broker.ask(RequestCode.HEART_BEAT, body=json.dumps(body).encode()).code == 0


def pulled(broker: LoneBroker, group: str, **more: str) -> list[str]:
    fields = pull_fields("TopicA", 0, 0, consumerGroup=group, **{"sysFlag": "0", **more})
    reply = broker.ask(RequestCode.PULL_MESSAGE, fields)
    return [message.properties["n"] for message in decode_records(reply.body)]


def test_a_message_has_the_bits_of_the_groups_it_is_for() -> None:
    broker = filtering_broker()
    for group, expression in (("G", "n > 0"), ("H", "n > 1"), ("I", "missing > 5"), ("J", "n > TAGS")):
        register(broker, group, expression)
    broker.state.filters.unregister("H", broker.now_ms)  # Dead, but when it lives again it asks these bit maps.
    store_numbers(broker, 3)
    assert bit_maps(broker) == [bits_of(), bits_of("G"), bits_of("G", "H")]
    assert [unit and (unit.tags_code, unit.store_timestamp) for unit in units(broker)] == [
        (TAG_A, broker.now_ms - 2),
        (TAG_A, broker.now_ms - 1),
        (TAG_A, broker.now_ms),
    ]


def test_where_nobody_filters_or_it_is_off_there_are_no_bit_maps() -> None:
    broker = filtering_broker()
    store_numbers(broker, 1)
    register(broker, "G", "n >= 0")
    broker.state.settings.enable_calc_filter_bit_map = False
    store_numbers(broker, 1)
    broker.state.settings.enable_calc_filter_bit_map = True
    store_numbers(broker, 1)
    assert bit_maps(broker) == [b"", b"", bits_of("G")]


def test_a_pull_passes_over_what_its_bits_rule_out_and_believes_no_older_bit_map() -> None:
    broker = filtering_broker()
    beat(broker, "H", "n >= 0")
    store_numbers(broker, 2)  # Their bit maps know H alone.
    broker.now_ms += 1
    beat(broker, "G", "n >= 0")
    store_numbers(broker, 3)
    assert pulled(broker, "G") == ["0", "1", "0", "1", "2"]
    table = broker.state.filters
    known = table.find("TopicA", "G")
    assert known is not None
    rows = table._by_topic["TopicA"]
    rows["G"] = known._replace(said=dataclasses.replace(known.said, born_time=0))
    assert pulled(broker, "G") == ["0", "1", "2"]
    own = {"sysFlag": "4", "subscription": "n >= 0", "expressionType": "SQL92"}
    assert pulled(broker, "G", **own) == ["0", "1", "0", "1", "2"]
    rows["G"] = rows["G"]._replace(bit_map_bytes=15)
    assert pulled(broker, "G") == ["0", "1", "0", "1", "2"]
    assert pulled(broker, "H") == ["0", "1", "0", "1", "2"]


def test_a_clock_that_goes_back_hides_no_message() -> None:
    broker = filtering_broker()
    beat(broker, "H", "n >= 0")
    store_numbers(broker, 2)
    broker.now_ms -= 60_000
    beat(broker, "G", "n >= 0")
    store_numbers(broker, 2)
    assert pulled(broker, "G") == ["0", "1", "0", "1"]


def test_what_is_ruled_out_is_not_read() -> None:
    broker = filtering_broker()
    beat(broker, "G", "n > 9")
    store_numbers(broker, 3)
    broker.disk.cold.add(LOG)
    fields = pull_fields("TopicA", 0, 0, consumerGroup="G", sysFlag="0")
    outcome = broker.decide(RequestCode.PULL_MESSAGE, fields)
    assert (outcome.remark, outcome.fields["nextBeginOffset"]) == ("NO_MATCHED_MESSAGE", "3")  # type: ignore[union-attr]


def test_a_unit_that_cannot_be_read_and_an_entry_without_one_rule_nothing_out() -> None:
    broker = filtering_broker()
    beat(broker, "G", "n = 1")
    store_numbers(broker, 1)
    queue = broker.state.store.queue("TopicA", 0)
    assert isinstance(queue, ExtendedQueue)
    queue._is_extended = False
    store_numbers(broker, 2)
    assert pulled(broker, "G") == ["1"]
    queue.extension._gathered.clear()
    queue.extension.segments.remove_all()
    assert pulled(broker, "G") == ["1"]


def test_after_a_crash_bit_maps_are_gone_and_every_message_is_judged() -> None:
    broker = filtering_broker()
    beat(broker, "G", "n = 1")
    store_numbers(broker, 3)
    broker.save("topics", "consumerFilter", "subscriptionGroup")
    broker.flush()
    again = broker.restarted(broker.disk.crash_process())
    assert bit_maps(again) == [b"", b"", b""]
    beat(again, "G", "n = 1")
    assert pulled(again, "G") == ["1"]
    store_numbers(again, 1)
    assert bit_maps(again)[3:] == [bits_of()]


def test_a_record_that_cannot_be_read_has_no_bit_map() -> None:
    disk = FaultyDisk(MemoryDisk())
    broker = filtering_broker(disk)  # type: ignore[arg-type]
    register(broker, "G", "TRUE")
    store_numbers(broker, 1)
    state = broker.state
    maps = BitMaps(state.settings, state.filters, state.store.log)
    queue = state.store.queue("TopicA", 0)
    assert maps.bit_map((queue, 0, 1 << 19, 100, 0, 0, b"TopicA", b"", b"")) == b""
    assert maps.bit_map((None, 0, 0, 100, 0, 0, b"TopicA", b"", b"")) == b""
    disk.add(Fault("pread", effect=errno.EIO, path="commitlog"))
    assert maps.bit_map((queue, 0, 0, 100, 0, 0, b"TopicA", b"", b"")) == b""


def test_a_filter_whose_bits_were_chosen_otherwise_is_born_anew() -> None:
    table = FilterTable(5_000)
    wanted = SubscriptionData("TopicA", "n > 1", sub_version=1, expression_type="SQL92")
    table.register("G", [wanted], 1_000)
    content = table.encode()
    same, other = FilterTable(9_000), FilterTable(9_000, BloomFilter(10, 50))
    for again, born in ((same, 1_000), (other, 9_000)):
        again.load(content)
        known = again.find("TopicA", "G")
        assert known is not None
        assert (known.said.born_time, known.said.is_dead) == (born, True)
    assert other.bit_map_bytes == BloomFilter(10, 50).bits // 8


def test_one_bit_that_is_missing_rules_a_message_out() -> None:
    broker = filtering_broker()
    beat(broker, "G", "n >= 0")
    store_numbers(broker, 1)
    known = broker.state.filters.find("TopicA", "G")
    assert known is not None
    (bit_map,) = bit_maps(broker)
    assert bit_map
    free = next(1 << place for place in range(8) if not bit_map[0] >> place & 1)
    queue = broker.state.store.queue("TopicA", 0)
    entries = queue.raw(0, 1)
    assert not_ruled_out(queue, entries, known) == entries
    assert not_ruled_out(queue, entries, known._replace(bits=known.bits | free)) == b""
