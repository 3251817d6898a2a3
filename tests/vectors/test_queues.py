"""Shares of queues, delays and the tables of names and numbers that Java's classes hold."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pocketmq.model import allocation, group, names, permissions, properties, versions
from pocketmq.model.delays import delay_of_level, parse_delay_levels
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.codes import LANGUAGES, RequestCode, ResponseCode

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "manifest.json").read_text())["cases"]
    if case["group"] == "8-queues"
}


def near(me: str, queues: list[MessageQueue], members: list[str]) -> list[MessageQueue]:
    return allocation.allocate_nearby(
        me,
        queues,
        members,
        room_of_queue=lambda queue: queue.broker_name.partition("@")[0],
        room_of_member=lambda member: member.partition("-")[0],
    )


STRATEGIES: dict[str, allocation.Strategy] = {
    "averagely": allocation.allocate_averagely,
    "circle": allocation.allocate_by_circle,
    "consistentHash": allocation.allocate_by_consistent_hash,
    "consistentHash-3": lambda *all_: allocation.allocate_by_consistent_hash(*all_, virtual_nodes=3),
    "machineRoom": lambda *all_: allocation.allocate_by_machine_room(*all_, rooms={"roomA"}),
    "nearby": near,
}

NOT_OURS = {
    "ACL_CONF_TOOLS_FILE",
    "CONSUME_CONTEXT_TYPE",
    "DEFAULT_CHARSET",
    "DEFAULT_NAMESRV_ADDR_LOOKUP",
    "ALL_ACK_IN_SYNC_STATE_SET",
    "FIRST_BROKER_CONTROLLER_ID",
    "MESSAGE_COMPRESS_LEVEL",
    "MESSAGE_COMPRESS_TYPE",
    "MILLS_FOR_HOUR",
    "MULTI_PATH_SPLITTER",
    "NAMESRV_ADDR_ENV",
    "NAMESRV_ADDR_PROPERTY",
    "ROCKETMQ_ZONE_ENV",
    "ROCKETMQ_ZONE_MODE_ENV",
    "ROCKETMQ_ZONE_MODE_PROPERTY",
    "ROCKETMQ_ZONE_PROPERTY",
    "RPC_REQUEST_HEADER_NAMESPACED_FIELD",
    "RPC_REQUEST_HEADER_NAMESPACE_FIELD",
    "UNIT_PRE_SIZE_FOR_MSG",
}
"""Constants of MixAll that name a machine's environment, a file, or a header's field, and no topic or group."""

RENAMED = {
    "CID_ONSAPI_OWNER_GROUP": "ONSAPI_OWNER_GROUP",
    "CID_ONSAPI_PERMISSION_GROUP": "ONSAPI_PERMISSION_GROUP",
    "CID_ONSAPI_PULL_GROUP": "ONSAPI_PULL_GROUP",
    "CID_RMQ_SYS_PREFIX": "SYSTEM_GROUP_PREFIX",
    "CID_SYS_RMQ_TRANS": "TRANSACTION_GROUP",
    "DEFAULT_TRACE_REGION_ID": "DEFAULT_REGION",
    "DLQ_GROUP_TOPIC_PREFIX": "DLQ_PREFIX",
    "LMQ_DISPATCH_SEPARATOR": "LMQ_SEPARATOR",
    "LOGICAL_QUEUE_MOCK_BROKER_NAME_NOT_EXIST": "STATIC_BROKER_NONE",
    "LOGICAL_QUEUE_MOCK_BROKER_PREFIX": "STATIC_BROKER_PREFIX",
    "METADATA_SCOPE_GLOBAL": "STATIC_SCOPE_GLOBAL",
    "REPLY_MESSAGE_FLAG": "REPLY_MESSAGE_TYPE",
    "REQ_T": "REQUEST_TYPE_FIELD",
    "RETRY_GROUP_TOPIC_PREFIX": "RETRY_PREFIX",
    "UNIQUE_MSG_QUERY_FLAG": "UNIQUE_KEY_QUERY",
    "ZONE_MODE": "ZONE_MODE_FIELD",
    "ZONE_NAME": "ZONE_NAME_FIELD",
    "AUTO_CREATE_TOPIC_KEY_TOPIC": "AUTO_CREATE_TOPIC",
    "RMQ_SYS_BENCHMARK_TOPIC": "BENCHMARK_TOPIC",
    "RMQ_SYS_OFFSET_MOVED_EVENT": "OFFSET_MOVED_EVENT",
    "RMQ_SYS_ROCKSDB_OFFSET_TOPIC": "CHECKPOINT_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC": "ROCKSDB_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC": "ROCKSDB_OP_HALF_TOPIC",
    "RMQ_SYS_SCHEDULE_TOPIC": "SCHEDULE_TOPIC",
    "RMQ_SYS_SELF_TEST_TOPIC": "SELF_TEST_TOPIC",
    "RMQ_SYS_TRACE_TOPIC": "TRACE_TOPIC",
    "RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC": "CHECK_MAX_TIME_TOPIC",
    "RMQ_SYS_TRANS_HALF_TOPIC": "HALF_TOPIC",
    "RMQ_SYS_TRANS_OP_HALF_TOPIC": "OP_HALF_TOPIC",
    "SYNC_BROKER_MEMBER_GROUP_PREFIX": "SYNC_BROKER_MEMBER_PREFIX",
}


def test_every_kind_of_case_is_known_and_none_is_missing() -> None:
    assert Counter(case["kind"] for case in CASES.values()) == {
        "allocate": 66,
        "select-by-hash": 8,
        "queue-order": 1,
        "delay-levels": 5,
        "retry-policy": 1,
        "table": 8,
    }


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    case = CASES[name]
    CHECKS[case["kind"]](case)


def check_allocation(case: dict[str, Any]) -> None:
    strategy = STRATEGIES[case["input"]["strategy"]]
    queues = [MessageQueue("TopicTest", *queue) for queue in case["input"]["queues"]]
    members = case["input"]["consumers"]
    for member, share in case["expected"].items():
        # Where Java throws for want of queues, ours shares out none.
        expected = [] if share == {"error": "IllegalArgumentException"} else share
        ours = strategy(member, queues, members)
        assert [[queue.broker_name, queue.queue_id] for queue in ours] == expected
    assert strategy("nobody", queues, members) == []


def check_selection(case: dict[str, Any]) -> None:
    made = case["input"]
    chosen = allocation.select_by_hash(made["arg"], made["queues"], is_long=made["javaType"] == "Long")
    assert chosen == case["expected"]


def check_order(case: dict[str, Any]) -> None:
    queues = sorted(MessageQueue(*queue) for queue in case["input"]["queues"])
    assert [[queue.topic, queue.broker_name, queue.queue_id] for queue in queues] == case["expected"]


def check_delay_levels(case: dict[str, Any]) -> None:
    levels = parse_delay_levels(case["input"]["messageDelayLevel"])
    expected = case["expected"]
    assert levels == dict(expected["table"].get("$map", []))
    for level, delay_ms in expected["computeDeliverTimestampMinusStore"]:
        assert delay_of_level(levels, level) == delay_ms


def check_retry_policy(case: dict[str, Any]) -> None:
    policies = (
        group.GroupRetryPolicy().policy,
        group.ExponentialRetryPolicy(),
        group.ExponentialRetryPolicy(1000, 60000, 3),
        group.CustomizedRetryPolicy((1000, 2000, 3000)),
    )
    for reconsume_times, *delays in case["expected"]:
        assert [policy.next_delay_ms(reconsume_times) for policy in policies] == delays


def check_table(case: dict[str, Any]) -> None:
    TABLES[case["id"].removeprefix("table/")](case["expected"])


CHECKS = {
    "allocate": check_allocation,
    "select-by-hash": check_selection,
    "queue-order": check_order,
    "delay-levels": check_delay_levels,
    "retry-policy": check_retry_policy,
    "table": check_table,
}


def check_request_codes(expected: dict[str, int]) -> None:
    assert {code.name: int(code) for code in RequestCode} == expected


def check_response_codes(expected: dict[str, int]) -> None:
    assert {code.name: int(code) for code in ResponseCode} == expected


def check_versions(expected: dict[str, int]) -> None:
    assert {versions.version_name(ordinal): ordinal for ordinal in expected.values()} == expected
    assert {name: versions.version_ordinal(name) for name in expected} == expected
    ours = {name: ordinal for name, ordinal in vars(versions).items() if re.fullmatch(r"V\d.*", name)}
    assert ours.items() <= expected.items()
    assert CASES["table/MQVersion"]["input"]["current"] == versions.CURRENT
    assert versions.version_name(9999) == versions.version_name(-1) == versions.HIGHER_VERSION
    assert versions.version_ordinal("V9_9_9") == expected[versions.HIGHER_VERSION]


def check_languages(expected: dict[str, int]) -> None:
    assert {name: index for index, name in enumerate(LANGUAGES)} == expected


def check_property_names(expected: dict[str, str]) -> None:
    ours = {value for name, value in vars(properties).items() if name.isupper() and isinstance(value, str)}
    assert ours == set(expected.values())
    assert ours > properties.RESERVED


def check_words(expected: dict[str, Any]) -> None:
    for java_name, value in expected.items():
        if java_name not in NOT_OURS:
            assert getattr(names, RENAMED.get(java_name, java_name)) == value


def check_permissions(expected: dict[str, int]) -> None:
    ours = {name: value for name, value in vars(permissions).items() if name in expected}
    assert ours == {name: value for name, value in expected.items() if not name.startswith("INDEX_")}


TABLES = {
    "RequestCode": check_request_codes,
    "ResponseCode": check_response_codes,
    "MQVersion": check_versions,
    "LanguageCode": check_languages,
    "MessageConst": check_property_names,
    "MixAll": check_words,
    "TopicValidator": check_words,
    "PermName": check_permissions,
}


def test_every_member_gets_the_configured_queues() -> None:
    queues = [MessageQueue("TopicTest", "broker-a", 3)]
    strategy = allocation.allocate_by_config(queues)
    assert strategy("a", [], ["a", "b"]) == strategy("b", [], ["a", "b"]) == queues
