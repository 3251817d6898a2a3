"""What the golden recording asks a broker, theme by theme. `ask` sends one request and keeps the answer."""

from collections.abc import Callable

from broker_client_scenarios import locks, sessions
from broker_consuming_scenarios import consuming
from broker_filter_scenarios import expressions, filters
from broker_group_scenarios import administration, broadcasts, nonsense, policies
from broker_pop_scenarios import popping, popping_by_sql
from broker_requests import GROUP, TOPIC, Asker, consumer, create_topic, heartbeat, json_body
from broker_sharing_scenarios import balancing, replies


def topics(say: Asker) -> None:
    """Creating, changing, listing and deleting topics."""
    for request in (
        create_topic(TOPIC),
        create_topic(TOPIC),
        create_topic(TOPIC, readQueueNums=8, perm=4, order="true"),
        create_topic("TopicTyped", attributes="+message.type=FIFO"),
        create_topic("TopicTyped", attributes="+message.type=DELAY"),
        create_topic("TopicTyped", attributes="-message.type"),
        create_topic("TopicTyped", attributes="-message.type"),
        create_topic("TopicTyped", attributes="message.type=FIFO"),
        create_topic("TopicTyped", attributes="+queue.type=BatchCQ"),
        create_topic("TopicTyped", attributes="+no.such=1"),
        create_topic("TopicMixed", attributes="+message.type=MIXED"),
        create_topic("TopicKing", attributes="+message.type=King"),
        create_topic("TopicReserve", attributes="+reserve.time=10"),
        create_topic("TopicDash", attributes="-message.type"),
        create_topic("TopicTwice", attributes="+queue.type=BatchCQ,+queue.type=SimpleCQ"),
        create_topic("TopicForm", attributes="nothing"),
        create_topic("../../etc"),
        create_topic("a/b"),
        create_topic("Topic with blank"),
        create_topic("Tópico"),
        create_topic(" "),
        create_topic("T" * 127),
        create_topic("T" * 128),
        create_topic("%RETRY%" + "T" * 200),
        create_topic("%DLQ%" + "T" * 251),
        create_topic("TBW102"),
        create_topic("SCHEDULE_TOPIC_XXXX"),
        create_topic("rmq_sys_mine"),
        create_topic("DefaultCluster"),
        create_topic("TopicWithout", perm=None),
        create_topic("TopicNumber", perm="six"),
        create_topic("TopicMulti", topicFilterType="MULTI_TAG"),
        create_topic("TopicFilter", topicFilterType="NO_TAG"),
        create_topic("TopicBool", order="maybe"),
    ):
        say.ask("a", 17, request)
    for name in (TOPIC, "TopicTyped", "TopicMulti", "TBW102", "NoSuchTopic"):
        say.ask("a", 351, {"topic": name})
    say.ask("a", 351, {"topic": TOPIC, "lo": "true"})
    say.ask("a", 21, {})
    say.ask("a", 21, {"topicSeq": 0, "maxTopicNum": 3})
    say.ask("a", 305, {})
    topic_lists(say)
    for name in (TOPIC, TOPIC, "NoSuchTopic", " ", "TBW102", "../../x"):
        say.ask("a", 215, {"topic": name})
    say.ask("a", 351, {"topic": TOPIC})
    say.ask("a", 23, {})


def topic_lists(say: Asker) -> None:
    """Code 18: several topics at once, all or none."""
    plain = {"order": False, "perm": 6, "readQueueNums": 2, "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0}
    plain |= {"writeQueueNums": 2, "attributes": {}}
    first, second = plain | {"topicName": "TopicListA"}, plain | {"topicName": "TopicListB"}
    say.ask("a", 18, {}, json_body({"topicConfigList": [first, second]}))
    say.ask("a", 18, {}, json_body({"topicConfigList": [plain | {"topicName": "TopicListC"}, first]}))
    say.ask(
        "a", 18, {}, json_body({"topicConfigList": [plain | {"topicName": "TopicListD"}, plain | {"topicName": "a b"}]})
    )
    say.ask("a", 18, {}, json_body({"topicConfigList": [plain | {"topicName": "SELF_TEST_TOPIC"}]}))
    for name in ("TopicListA", "TopicListB", "TopicListC", "TopicListD"):
        say.ask("a", 351, {"topic": name})


def groups(say: Asker) -> None:
    """Subscription groups."""
    for config in (
        {"groupName": GROUP},
        {"groupName": GROUP, "retryMaxTimes": 3, "consumeMessageOrderly": True, "retryQueueNums": 2},
        {
            "groupName": "CG_exponential",
            "groupRetryPolicy": {"type": "EXPONENTIAL", "exponentialRetryPolicy": {"max": 60000}},
        },
        {"groupName": "../../x"},
        {"groupName": "a b"},
        {"groupName": " "},
        {"groupName": "G" * 120},
        {"groupName": "G" * 121},
        {"groupName": "CG_attribute", "attributes": {"+no.such": "1"}},
        {},
    ):
        say.ask("a", 200, {}, json_body(config))
    say.ask("a", 225, {}, json_body({"groupConfigList": [{"groupName": "CG_listA"}, {"groupName": "CG_listB"}]}))
    say.ask("a", 225, {}, json_body({"groupConfigList": [{"groupName": "CG_listC"}, {"groupName": "a/b"}]}))
    say.ask("a", 225, {}, json_body({"groupConfigList": []}))
    for name in (GROUP, "CG_exponential", "CG_listC", "TOOLS_CONSUMER", "CG_from_nothing", "../../x"):
        say.ask("a", 352, {"group": name})
    for readable in ("false", None, "true", None):
        fields = {"group": GROUP, "topic": TOPIC} | ({} if readable is None else {"readable": readable})
        say.ask("a", 353, fields)
    say.ask("a", 353, {"group": GROUP, "topic": TOPIC, "readable": "false"})
    say.ask("a", 201, {})
    say.ask("a", 201, {"groupSeq": 0, "maxGroupNum": 2})
    for name in ("CG_listA", "CG_never"):
        say.ask("a", 207, {"groupName": name, "cleanOffset": "true"})
    say.ask("a", 207, {})
    say.ask("a", 201, {})


def offsets(say: Asker) -> None:
    """Consumer offsets, queue ends, progress and resets."""
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=2, writeQueueNums=2))
    say.ask("a", 17, create_topic("TopicEmpty", readQueueNums=2, writeQueueNums=2))
    for number in range(3):
        say.send(TOPIC, 0, f"body {number}", {"KEYS": f"k{number}"})
    place = {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0}
    say.ask("a", 15, place | {"commitOffset": 1})
    say.ask("a", 200, {}, json_body({"groupName": GROUP}))
    say.ask("a", 15, place | {"topic": "NoSuchTopic", "commitOffset": 1})
    say.ask("a", 14, place)
    say.ask("a", 14, place | {"setZeroIfNotFound": "false"})
    say.ask("a", 15, place | {"commitOffset": 2})
    say.ask("a", 14, place)
    say.ask("a", 15, place | {"commitOffset": 1})
    say.ask("a", 14, place)
    say.ask("a", 15, place)
    say.ask("a", 15, place | {"commitOffset": "much"})
    for queue_id, topic in ((0, TOPIC), (1, TOPIC), (0, "TopicEmpty"), (0, "NoSuchTopic"), (99, TOPIC)):
        queue = {"topic": topic, "queueId": queue_id}
        for code in (30, 31, 32):
            say.ask("a", code, queue)
        for timestamp in (0, 9_000_000_000_000):
            say.ask("a", 29, queue | {"timestamp": timestamp})
        say.ask("a", 29, queue | {"timestamp": 9_000_000_000_000, "boundaryType": "UPPER"})
    for topic in (TOPIC, "TopicEmpty", "NoSuchTopic"):
        say.ask("a", 202, {"topic": topic})
    say.ask("a", 208, {"consumerGroup": GROUP})
    say.ask("a", 208, {"consumerGroup": GROUP, "topic": TOPIC})
    say.ask("a", 208, {"consumerGroup": GROUP, "topicList": f"{TOPIC};TopicEmpty;NoSuchTopic"})
    say.ask("a", 208, {"consumerGroup": "CG_nobody"})
    say.ask("a", 208, {"consumerGroup": "CG_nobody", "topic": TOPIC})
    say.ask("a", 43, {})
    say.ask("a", 300, {"topic": TOPIC})
    say.ask("a", 343, {"group": GROUP})
    say.ask("a", 303, {"topic": TOPIC, "group": GROUP})
    say.ask("a", 303, {"topic": "NoSuchTopic", "group": GROUP})
    say.ask("a", 317, {"isOrder": "false"})
    say.ask("a", 317, {"isOrder": "true"})
    say.ask("a", 314, {"srcGroup": GROUP, "destGroup": "CG_clone", "topic": TOPIC, "offline": "true"})
    say.ask("a", 314, {"srcGroup": GROUP, "destGroup": "CG_clone2"})
    say.ask("a", 314, {"srcGroup": GROUP, "destGroup": "CG_clone", "topic": "NoSuchTopic"})
    say.ask("a", 343, {"group": "CG_clone"})
    resets(say)
    say.ask("a", 207, {"groupName": GROUP, "cleanOffset": "true"})
    say.ask("a", 343, {"group": GROUP})
    say.ask("a", 215, {"topic": TOPIC})
    say.ask("a", 43, {})


def resets(say: Asker) -> None:
    """Code 222 in all its ways."""
    way = {"group": GROUP, "topic": TOPIC, "timestamp": -1, "isForce": "true"}
    say.ask("a", 222, way)
    say.ask("a", 222, way | {"timestamp": 0})
    say.ask("a", 222, way | {"queueId": 0, "offset": 2})
    say.ask("a", 222, way | {"queueId": 0, "offset": 9})
    say.ask("a", 222, way | {"queueId": 7, "timestamp": 0})
    say.ask("a", 222, way | {"topic": "NoSuchTopic"})
    say.ask("a", 222, way | {"group": "CG_nobody"})
    say.ask("a", 14, {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0})
    say.ask("a", 15, {"consumerGroup": GROUP, "topic": TOPIC, "queueId": 0, "commitOffset": 3})


def send_back(say: Asker) -> None:
    """Code 36: once more later, or to the dead letters."""
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=1, writeQueueNums=1))
    log_offset = say.send(
        TOPIC, 0, "again", {"KEYS": "k", "TAGS": "TagA", "UNIQ_KEY": "7F000001000018B4AAC2000000000001"}
    )
    back = {"offset": log_offset, "group": GROUP, "delayLevel": 0, "originMsgId": "x", "originTopic": TOPIC}
    say.ask("a", 36, back)
    say.view("SCHEDULE_TOPIC_XXXX", 2, 0)
    say.ask("a", 36, back | {"delayLevel": 1})
    say.ask("a", 36, back | {"delayLevel": 99})
    say.view("SCHEDULE_TOPIC_XXXX", 17, 0)
    say.ask("a", 36, back | {"delayLevel": -1})
    say.view(f"%DLQ%{GROUP}", 0, 0)
    say.ask("a", 36, back | {"maxReconsumeTimes": 0})
    say.view(f"%DLQ%{GROUP}", 0, 1)
    say.ask("a", 36, back | {"maxReconsumeTimes": 0}, version=100)
    say.ask("a", 36, back | {"offset": 9_000_000})
    say.ask("a", 36, back | {"offset": log_offset + 5})
    say.ask("a", 36, back | {"group": "../../x"})
    say.ask("a", 36, {key: value for key, value in back.items() if key != "offset"})
    say.ask("a", 200, {}, json_body({"groupName": "CG_noretry", "retryQueueNums": 0}))
    say.ask("a", 36, back | {"group": "CG_noretry"})
    for topic in (f"%RETRY%{GROUP}", f"%DLQ%{GROUP}", "%RETRY%CG_noretry"):
        say.ask("a", 351, {"topic": topic})
    say.pause(3.5)
    say.view(f"%RETRY%{GROUP}", 0, 0)
    say.ask("a", 45, {})


def queries(say: Asker) -> None:
    """Messages by key, by unique key, by place."""
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=1, writeQueueNums=1))
    unique = "7F000001000018B4AAC2000000000001"
    log_offset = say.send(TOPIC, 0, "first", {"KEYS": "one two", "UNIQ_KEY": unique, "TAGS": "TagA"})
    say.send(TOPIC, 0, "second", {"KEYS": "two"})
    say.pause(1.0)
    span = {"topic": TOPIC, "maxNum": 32, "beginTimestamp": 0, "endTimestamp": 9_000_000_000_000}
    for key in ("one", "two", "three", unique):
        say.ask("a", 12, span | {"key": key})
    say.ask("a", 12, span | {"key": unique, "_UNIQUE_KEY_QUERY": "true", "maxNum": 0})
    say.ask("a", 12, span | {"key": "two", "maxNum": 1})
    say.ask("a", 12, span | {"key": "two", "endTimestamp": 1})
    say.ask("a", 12, span | {"key": "one", "topic": "NoSuchTopic"})
    say.ask("a", 12, {"topic": TOPIC})
    say.ask("a", 33, {"offset": log_offset})
    say.ask("a", 33, {"offset": 9_000_000})
    say.ask("a", 33, {"offset": -1})
    say.ask("a", 33, {})
    say.view(TOPIC, 0, 1)
    say.ask("a", 321, {"topic": TOPIC, "queueId": 0, "index": 0, "count": 9})
    say.ask("a", 321, {"topic": TOPIC, "queueId": 0, "index": 0, "count": 1, "consumerGroup": "CG_nobody"})


def runtime(say: Asker) -> None:
    """State, configuration, statistics, and requests relayed to clients."""
    say.pause(1.5)
    say.ask("a", 28, {})
    say.ask("a", 26, {})
    say.ask("a", 25, {}, b"messageDelayLevel=1s 2s\nnoSuchKey=1\n")
    say.ask("a", 25, {}, b"brokerPermission=4\nlongPollingEnable=false\nmaxMessageSize=lots\n")
    say.ask("a", 25, {}, b"rocketmqHome=/tmp\n")
    say.ask("a", 25, {}, b"brokerConfigPath=/tmp/x\n")
    say.ask("a", 25, {}, b"")
    say.ask("a", 26, {})
    say.ask("a", 25, {}, b"brokerPermission=6\n")
    say.ask("a", 17, create_topic(TOPIC, readQueueNums=1, writeQueueNums=1))
    say.ask("a", 315, {"statsName": "TOPIC_PUT_NUMS", "statsKey": TOPIC})
    log_offset = say.send(TOPIC, 0, "counted", {"UNIQ_KEY": "7F000001000018B4AAC2000000000001"})
    say.ask("a", 315, {"statsName": "NO_SUCH_STATS", "statsKey": TOPIC})
    for code in (306, 316, 329):
        say.ask("a", code, {})
    relays(say, log_offset)


def relays(say: Asker, log_offset: int) -> None:
    """Codes 307 and 309 travel through the broker to a client and back."""
    who = {"consumerGroup": GROUP, "clientId": "c1"}
    say.ask("a", 307, who | {"jstackEnable": "false"})
    say.ask("b", 34, {}, heartbeat("c1", [consumer(GROUP, [TOPIC])], []))
    say.answer_relayed("b", 307, 0, b'{"properties":{}}')
    say.ask("a", 307, who | {"jstackEnable": "false"})
    say.ask("a", 307, who | {"clientId": "c9"})
    say.ask("b", 34, {}, heartbeat("c1", [consumer(GROUP, [TOPIC])], []), version=10)
    say.answer_relayed("b", 309, 0, b'{"consumeResult":"CR_SUCCESS"}')
    message_id = f"7F000001{0:08X}{log_offset:016X}"
    say.ask("a", 309, who | {"msgId": message_id, "topic": TOPIC})
    say.ask("a", 309, who | {"msgId": message_id, "clientId": "c9"})
    say.ask("c", 34, {}, heartbeat("old", [consumer(GROUP, [TOPIC])], []), version=10)
    say.ask("a", 307, who | {"clientId": "old"})
    say.ask("a", 222, {"group": GROUP, "topic": TOPIC, "timestamp": 0, "isForce": "true"})


SCENARIOS: dict[str, Callable[[Asker], None]] = {
    "topics": topics,
    "groups": groups,
    "sessions": sessions,
    "offsets": offsets,
    "locks": locks,
    "send_back": send_back,
    "queries": queries,
    "popping": popping,
    "popping_by_sql": popping_by_sql,
    "runtime": runtime,
    "replies": replies,
    "balancing": balancing,
    "administration": administration,
    "nonsense": nonsense,
    "policies": policies,
    "filters": filters,
    "expressions": expressions,
    "broadcasts": broadcasts,
    "consuming": consuming,
}
