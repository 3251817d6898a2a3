"""Handles, checkpoints and acknowledgements of POP, and recall handles, that Java wrote."""

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pocketmq.model import pop_names
from pocketmq.protocol import bodies, pop_offsets
from pocketmq.protocol.bodies.popping import TAG_ACK, TAG_BATCH_ACK, TAG_CHECKPOINT
from pocketmq.protocol.pop_handle import PopHandle, decode_pop_handle, real_topic, retry_kind
from pocketmq.protocol.recall_handle import RecallHandle, decode_recall_handle

KINDS = {
    "pop-extra-info": 5,
    "pop-info": 3,
    "pop-checkpoint": 1,
    "pop-ack": 2,
    "pop-retry-topic": 4,
    "receipt-handle": 4,
    "recall-handle": 3,
}
CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "manifest.json").read_text())["cases"]
    if case["group"] == "2-messages" and case["kind"] in KINDS
}


def test_none_is_missing() -> None:
    assert Counter(case["kind"] for case in CASES.values()) == KINDS
    assert CHECKS.keys() == KINDS.keys()


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    case = CASES[name]
    CHECKS[case["kind"]](case)


def test_an_unknown_retry_kind_means_the_topic_itself() -> None:
    assert real_topic("TopicTest", "CG_a", "9") == "TopicTest"


def check_pop_handle(case: dict[str, Any]) -> None:
    made, expected = case["input"], case["expected"]
    handle = PopHandle(
        start_offset=made["ckQueueOffset"],
        pop_time=made["popTime"],
        invisible_time=made["invisibleTime"],
        revive_queue_id=made["reviveQid"],
        retry_kind=retry_kind(made["topic"]),
        broker_name=made["brokerName"],
        queue_id=made["queueId"],
        queue_offset=made["msgQueueOffset"],
    )
    assert handle.encode() == case["text"]
    assert handle.is_orderly == expected["isOrder"]
    if "splitCount" in expected:
        assert len(case["text"].split(" ")) == expected["splitCount"]
        return
    assert dataclasses.replace(handle, queue_offset=None).encode() == case["withoutOffset"]
    read = decode_pop_handle(case["text"])
    assert read == handle
    assert read.queue_offset == expected["queueOffset"]
    assert read.retry_kind == expected["retry"]
    assert read.real_topic("TopicTest", "CG_a") == expected["realTopic"]
    assert decode_pop_handle(case["withoutOffset"]) == dataclasses.replace(handle, queue_offset=None)


def check_receipt_handle(case: dict[str, Any]) -> None:
    made, decoded = case["input"], case["decoded"]
    handle = PopHandle(
        start_offset=made["startOffset"],
        pop_time=made["retrieveTime"],
        invisible_time=made["invisibleTime"],
        revive_queue_id=made["reviveQueueId"],
        retry_kind=made["topicType"],
        broker_name=made["brokerName"],
        queue_id=made["queueId"],
        queue_offset=made["offset"],
        log_offset=made["commitLogOffset"],
    )
    assert handle.encode() == case["text"]
    assert decode_pop_handle(case["text"]) == handle
    assert handle.next_visible_time == decoded["nextVisibleTime"]
    assert handle.is_retry == case["isRetryTopic"]
    assert handle.real_topic("TopicTest", "CG_a") == case["realTopic"]


def check_pop_offsets(case: dict[str, Any]) -> None:
    name = case["id"].removeprefix("pop/")
    if name == "startOffsetInfo":
        entries = [pop_offsets.start_offset_entry(*entry) for entry in case["input"]["entries"]]
        assert pop_offsets.parse_start_offsets(case["text"]) == case["decoded"]
    elif name == "msgOffsetInfo":
        entries = [pop_offsets.message_offsets_entry(*entry) for entry in case["input"]["entries"]]
        decoded = {key: tuple(offsets) for key, offsets in case["decoded"].items()}
        assert pop_offsets.parse_message_offsets(case["text"]) == decoded
    else:
        assert name == "orderCountInfo"
        by_queue, by_offset = case["input"]["queue"], case["input"]["offset"]
        entries = [pop_offsets.queue_order_count_entry(*by_queue), pop_offsets.offset_order_count_entry(*by_offset)]
        assert pop_offsets.parse_order_counts(case["text"]) == case["decoded"]
        kind = retry_kind("TopicTest")
        handle = PopHandle(1, 2, 3, 4, retry_kind("%RETRY%CG_a_TopicTest"), "b", 0)
        assert case["keys"] == {
            "startOffsetInfoMapKey": pop_offsets.queue_key(kind, 0),
            "queueOffsetMapKey": pop_offsets.offset_key(kind, 0, 101),
            "withPopCk": pop_offsets.queue_key(handle.retry_kind, 0),
        }
    assert pop_offsets.join_entries(entries) == case["text"]


def check_checkpoint(case: dict[str, Any]) -> None:
    checkpoint = bodies.PopCheckPoint.decode(bytes.fromhex(case["hex"]))
    made = case["input"]
    assert checkpoint == bodies.PopCheckPoint(
        start_offset=made["startOffset"],
        pop_time=made["popTime"],
        invisible_time=made["invisibleTime"],
        bit_map=made["bitMap"],
        num=made["num"],
        queue_id=made["queueId"],
        topic=made["topic"],
        cid=made["cid"],
        revive_offset=made["reviveOffset"],
        queue_offset_diff=tuple(made["queueOffsetDiff"]),
        broker_name=made["brokerName"],
        re_put_times=made["rePutTimes"],
        suspend=made["suspend"],
    )
    assert checkpoint.encode().hex() == case["hex"]
    assert checkpoint.unique_id == case["uniqueId"]
    assert checkpoint.revive_time == case["reviveTime"]
    assert case["tag"] == TAG_CHECKPOINT
    assert {offset: checkpoint.index_of_ack(int(offset)) for offset in case["indexOfAck"]} == case["indexOfAck"]
    assert [checkpoint.ack_offset_by_index(index) for index in range(3)] == case["ackOffsetByIndex"]


def check_ack(case: dict[str, Any]) -> None:
    made = case["input"]
    fields = {
        "ack_offset": made["ackOffset"],
        "start_offset": made["startOffset"],
        "consumer_group": made["consumerGroup"],
        "topic": made["topic"],
        "queue_id": made["queueId"],
        "pop_time": made["popTime"],
        "broker_name": made["brokerName"],
    }
    tag = TAG_ACK
    ack = bodies.AckMsg(**fields)
    if "ackOffsetList" in made:
        tag = TAG_BATCH_ACK
        ack = bodies.BatchAckMsg(**fields, ack_offset_list=tuple(made["ackOffsetList"]))
    assert ack.encode().hex() == case["hex"]
    assert type(ack).decode(bytes.fromhex(case["hex"])) == ack
    assert ack.unique_id == case["uniqueId"]
    assert case["tag"] == tag


def check_pop_retry_topic(case: dict[str, Any]) -> None:
    topic, group, expected = case["input"]["topic"], case["input"]["group"], case["expected"]
    assert pop_names.pop_retry_topic(topic, group, version_2=False) == expected["v1"]
    assert pop_names.pop_retry_topic(topic, group, version_2=True) == expected["v2"]
    if expected["parseNormalTopic"] is not None:
        assert pop_names.normal_topic(topic, group) == expected["parseNormalTopic"]
    if expected["parseGroup"] is not None:
        assert pop_names.group_of_retry_topic(topic) == expected["parseGroup"]
    assert pop_names.normal_topic_of_v2(topic) == expected["parseNormalTopicAlone"]
    assert pop_names.is_pop_retry_topic_v2(topic) == expected["isV2"]
    assert pop_names.polling_key(topic, group, 1) == expected["pollingKey"]


def check_recall_handle(case: dict[str, Any]) -> None:
    made, decoded = case["input"], case["decoded"]
    handle = RecallHandle(made["topic"], made["brokerName"], made["timestamp"], made["messageId"])
    assert handle.encode() == case["text"]
    read = decode_recall_handle(case["text"])
    assert read == handle
    assert (read.deliver_time, read.unique_key) == (decoded["timestampStr"], decoded["messageId"])


CHECKS = {
    "pop-extra-info": check_pop_handle,
    "receipt-handle": check_receipt_handle,
    "pop-info": check_pop_offsets,
    "pop-checkpoint": check_checkpoint,
    "pop-ack": check_ack,
    "pop-retry-topic": check_pop_retry_topic,
    "recall-handle": check_recall_handle,
}
