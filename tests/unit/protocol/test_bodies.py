"""Bodies: how forgiving the reader is, what it refuses, and the values that know more than their fields."""

import dataclasses
import zlib

import pytest

from pocketmq.model.data_version import DataVersion
from pocketmq.model.errors import Refusal
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.limits import BIT_SET_BYTES_MAX
from pocketmq.model.queue import MessageQueue
from pocketmq.model.subscription import ConsumeType, SubscriptionData
from pocketmq.model.topic import TopicConfig, TopicFilterType
from pocketmq.protocol import bodies
from pocketmq.protocol.bodies.codec import decode_body, decode_body_list, encode_body, from_json, to_json
from pocketmq.protocol.bodies.registration import decode_registration, encode_registration, parse_topic_config_text

REGISTRATION = bodies.RegisterBrokerBody(
    bodies.TopicConfigAndMappingSerializeWrapper(
        {"T": TopicConfig("T", 1, 2, attributes={"a": "b"})},
        DataVersion(0, 5, 6),
        {"S": bodies.TopicQueueMappingInfo("S", total_queues=2, curr_id_map={0: 1})},
    ),
    ("server",),
)


def test_numbers_may_be_text_and_text_may_be_a_number() -> None:
    topic = decode_body(TopicConfig, b'{"topicName":5,"perm":"6","readQueueNums":8.0,"order":"TRUE","topicSysFlag":""}')
    assert topic == TopicConfig("5", read_queue_nums=8, perm=6, order=True)
    assert decode_body(TopicConfig, b'{"topicName":true,"order":1}').topic_name == "true"
    assert decode_body(TopicConfig, b'{"topicName":1e7}').topic_name == "1.0E7"


def test_null_and_missing_take_the_default() -> None:
    assert decode_body(TopicConfig, b'{"topicName":"T","perm":null,"attributes":null}') == TopicConfig("T")
    with pytest.raises(Refusal, match=r"TopicConfig\.topicName is null"):
        decode_body(TopicConfig, b'{"topicName":null}')


def test_enums_are_names_or_places_and_unknown_ones_count_as_null() -> None:
    def type_of(text: str) -> ConsumeType | None:
        return bodies.ConsumerData.decode(b'{"groupName":"g","consumeType":%s}' % text.encode()).consume_type

    assert type_of('"CONSUME_POP"') is ConsumeType.CONSUME_POP
    assert type_of("1") is ConsumeType.CONSUME_PASSIVELY
    assert type_of('"CONSUME_NEVER"') is None
    assert decode_body(TopicConfig, b'{"topicName":"T","topicFilterType":"?"}').topic_filter_type is (
        TopicFilterType.SINGLE_TAG
    )


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("[]", "ConsumeStats should be an object, found '[]'"),
        ('{"offsetTable":[]}', "ConsumeStats.offsetTable should be an object, found '[]'"),
        ('{"offsetTable":{"a":{}}}', "ConsumeStats.offsetTable should be an object as key, found 'a'"),
        ('{"consumeTps":[]}', "ConsumeStats.consumeTps should be a number, found '[]'"),
        ('{"consumeTps":"x"}', "ConsumeStats.consumeTps should be a number, found 'x'"),
        ('{"offsetTable":{{"topic":"t"}:{}}}', "ConsumeStats.offsetTable.brokerName is null"),
    ],
)
def test_ill_typed_fields_are_refused_by_name(text: str, remark: str) -> None:
    with pytest.raises(Refusal) as refused:
        bodies.ConsumeStats.decode(text.encode())
    assert refused.value.remark == remark


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (TopicConfig, '{"topicName":[]}'),
        (TopicConfig, '{"topicName":"T","perm":1.5}'),
        (TopicConfig, '{"topicName":"T","perm":[]}'),
        (TopicConfig, '{"topicName":"T","perm":"99999999999999999999"}'),
        (TopicConfig, '{"topicName":"T","perm":9223372036854775808}'),
        (TopicConfig, '{"topicName":"T","order":"maybe"}'),
        (TopicConfig, '{"topicName":"T","order":[]}'),
        (TopicConfig, '{"topicName":"T","topicFilterType":[]}'),
        (TopicConfig, '{"topicName":"T","attributes":{{"a":1}:1}}'),
        (SubscriptionData, '{"topic":"T","tagsSet":{}}'),
        (bodies.BrokerMemberGroup, '{"brokerAddrs":{{"a":1}:"x"}}'),
        (bodies.BrokerMemberGroup, '{"brokerAddrs":{"x":"x"}}'),
        (bodies.BatchAck, '{"b":5}'),
        (bodies.BatchAck, '{"b":"*"}'),
        (bodies.BatchAck, '{"b":"' + "A" * 4 * BIT_SET_BYTES_MAX + '"}'),
    ],
)
def test_other_ill_typed_fields_are_refused(kind: type[object], text: str) -> None:
    with pytest.raises(Refusal, match="should be"):
        decode_body(kind, text.encode())


def test_a_bit_set_may_be_as_large_as_its_bound() -> None:
    bits = frozenset({0, BIT_SET_BYTES_MAX * 8 - 1})
    assert bodies.BatchAck.decode(bodies.BatchAck(bit_set=bits).encode()).bit_set == bits
    assert bodies.BatchAck(bit_set=frozenset()).encode().startswith(b'{"b":"",')


def test_queues_are_keys_both_ways() -> None:
    queue = MessageQueue("T", "b", 1)
    body = bodies.ResetOffsetBody({queue: 5})
    assert body.encode() == b'{"offsetTable":{{"brokerName":"b","queueId":1,"topic":"T"}:5}}'
    assert bodies.ResetOffsetBody.decode(body.encode()) == body


def test_sequences_and_mappings_of_values_are_written_too() -> None:
    queue = MessageQueue("T", "b", 1)
    assert encode_body([queue]) == b'[{"brokerName":"b","queueId":1,"topic":"T"}]'
    assert encode_body({queue: {"x": None, "y": (1,)}}) == b'{{"brokerName":"b","queueId":1,"topic":"T"}:{"y":[1]}}'
    assert decode_body_list(MessageQueue, encode_body([queue])) == (queue,)
    assert from_json(MessageQueue, to_json(queue)) == queue  # type: ignore[arg-type]
    with pytest.raises(Refusal, match="MessageQueue should be a list"):
        decode_body_list(MessageQueue, b"{}")


def test_data_versions_count_and_compare_by_all_three_numbers() -> None:
    first = DataVersion(timestamp=1)
    second = first.next(9, state_version=3)
    assert second == DataVersion(3, 9, 1)
    assert DataVersion(3, 9, None).next(10) == DataVersion(0, 10, 1)
    assert second != dataclasses.replace(second, timestamp=8)
    assert decode_body(DataVersion, encode_body(second)) == second


def test_a_group_keeps_its_defaults() -> None:
    assert decode_body(SubscriptionGroupConfig, b'{"groupName":"g"}') == SubscriptionGroupConfig("g")


def test_time_spans_beyond_the_calendar_have_no_text() -> None:
    assert bodies.QueueTimeSpan(min_time_stamp=2**62).min_time_stamp_text == ""
    assert bodies.QueueTimeSpan(max_time_stamp=1).max_time_stamp_text == "1970-01-01#00:00:00:001"


def test_old_checkpoints_count_from_their_start() -> None:
    checkpoint = bodies.PopCheckPoint(start_offset=100, num=3)
    assert [checkpoint.index_of_ack(offset) for offset in (99, 100, 102, 103)] == [-1, 0, 2, -1]
    assert checkpoint.ack_offset_by_index(2) == 102


def test_registrations_of_every_age_are_read() -> None:
    packed = encode_registration(REGISTRATION, compressed=True)
    assert decode_registration(packed, compressed=True, version=413) == REGISTRATION
    before_5 = decode_registration(packed, compressed=True, version=401).topic_config_serialize_wrapper
    assert before_5.topic_queue_mapping_info_map == {}
    assert before_5.topic_config_table == REGISTRATION.topic_config_serialize_wrapper.topic_config_table
    old = bodies.TopicConfigSerializeWrapper({"T": TopicConfig("T")}, DataVersion(0, 1, 2)).encode()
    ancient = decode_registration(old, compressed=False, version=36).topic_config_serialize_wrapper
    assert (ancient.topic_config_table, ancient.data_version) == ({"T": TopicConfig("T")}, DataVersion(0, 1, 2))
    for version in (36, 37):
        assert decode_registration(b"", compressed=False, version=version) == bodies.RegisterBrokerBody()


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        (b"", "the registration ends before a record of 4 bytes"),
        (b"\x00\x00\x00\x02{}\x7f\xff\xff\xff", "the registration announces 2147483647 records and ends before them"),
        (b"\x00\x00\x00\x02{}\x00\x00\x00\x01\x00\x00\x00\x03T 1", "the registered topic 'T 1' is ill-formed"),
        (b"\x00\x00\x00\x02{}\x00\x00\x00\x01\x00\x00\x00\x01\xff", "a registered topic is not UTF-8"),
        (b"\xff\xff\xff\xff", "the registration ends before a record of 4294967295 bytes"),
    ],
)
def test_broken_registrations_are_refused(content: bytes, remark: str) -> None:
    with pytest.raises(Refusal) as refused:
        decode_registration(zlib.compress(content), compressed=True, version=513)
    assert refused.value.remark == remark


def test_a_registration_that_does_not_inflate_is_refused() -> None:
    with pytest.raises(Refusal, match="the registration is broken"):
        decode_registration(b"{}", compressed=True, version=513)


def test_a_registered_topics_attributes_with_a_blank_are_lost_as_in_java() -> None:
    assert parse_topic_config_text('T 8 4 6 SINGLE_TAG {"a":"b c"}').attributes == {}
    assert parse_topic_config_text("T 8 4 6 SINGLE_TAG").attributes == {}
    assert parse_topic_config_text("T 8 4 6 SINGLE_TAG []").attributes == {}
