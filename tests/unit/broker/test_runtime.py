"""The broker about itself, and changing its settings."""

import json

import pytest

from pocketmq.broker.runtime import size_text
from pocketmq.broker.topics import create_plain
from pocketmq.model.outcome import Relay
from pocketmq.protocol.bodies.routes import KVTable
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.faulty_disk import Fault, FaultyDisk
from pocketmq.testing.lone_broker import BOB, EPOCH_MS, LoneBroker

UPDATE = RequestCode.UPDATE_BROKER_CONFIG


def table(broker: LoneBroker) -> dict[str, str]:
    return dict(KVTable.decode(broker.ask(RequestCode.GET_BROKER_RUNTIME_INFO).body).table)


def test_an_idle_broker_about_itself(broker: LoneBroker) -> None:
    broker.now_ms += 93_784_000
    lines = table(broker)
    assert lines["runtime"] == "[ 1 days, 2 hours, 3 minutes, 4 seconds ]"
    assert (lines["bootTimestamp"], lines["brokerVersionDesc"]) == (str(EPOCH_MS), "V5_5_0")
    assert (lines["commitLogMinOffset"], lines["commitLogMaxOffset"]) == ("-1", "0")
    assert lines["earliestMessageTimeStamp"] == "-1"
    assert lines["commitLogDiskRatio"] == "-1.0"
    assert (lines["putTps"], lines["getTotalTps"]) == ("  ", "0.0 0.0 0.0")


def test_a_busy_broker_about_itself(broker: LoneBroker) -> None:
    state = broker.state
    state.disk_total_bytes, state.disk_free_bytes = 100 << 30, 86 << 30
    broker.store("TopicA", 0, bytes(2000))
    broker.store("TopicA", 0, b"", {"DELAY": "3"})
    broker.deliver_delayed()
    state.statistics.count_put("TopicA", 2000, 4)
    state.statistics.count_get("GroupA", "TopicA", 100, 2)
    state.statistics.count_get("GroupA", "TopicA", 0, 0)
    for second in range(12):
        state.statistics.sample(broker.now_ms + second * 1000)
    lines = table(broker)
    assert lines["scheduleMessageOffset_3"] == "0,1"
    assert (lines["commitLogMinOffset"], lines["earliestMessageTimeStamp"]) == ("0", str(EPOCH_MS))
    assert lines["remainHowManyDataToFlush"] == "2.2 KiB"
    assert lines["commitLogDiskRatio"] == lines["consumeQueueDiskRatio"] == "0.14"
    assert [key for key in lines if key.startswith("commitLogDiskRatio_")]
    assert lines["commitLogDirCapacity"] == "Total : 100.0 GiB, Free : 86.0 GiB."
    assert (lines["msgPutTotalTodayNow"], lines["msgGetTotalTodayNow"]) == ("4", "2")
    assert (lines["putMessageTimesTotal"], lines["putMessageAverageSize"]) == ("4", "500.0")
    assert (lines["putTps"], lines["getTotalTps"]) == ("0.0  ", "0.0 0.0 0.0")
    assert (lines["sendThreadPoolQueueSize"], lines["sendThreadPoolQueueCapacity"]) == ("0", "10000")


def test_a_log_on_two_disks_is_as_full_as_the_emptier(broker: LoneBroker) -> None:
    state = broker.state
    state.disk_total_bytes, state.disk_free_bytes = 100, 50
    state.log_disk_bytes = {"/a": (100, 10), "/b": (100, 70)}
    lines = table(broker)
    assert (lines["commitLogDiskRatio_/a"], lines["commitLogDiskRatio_/b"]) == ("0.9", "0.3")
    assert (lines["commitLogDiskRatio"], lines["consumeQueueDiskRatio"]) == ("0.3", "0.5")


def test_a_store_that_takes_nothing_says_so(broker: LoneBroker) -> None:
    assert "pocketmqStoreHealth" not in table(broker)
    broker.state.store.refuses = "failed: Input/output error"
    assert table(broker)["pocketmqStoreHealth"] == "takes no messages: failed: Input/output error"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1 << 30, "1.0 GiB"),
        (1 << 80, "1048576.0 EiB"),
    ],
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert size_text(size) == text


def test_settings_are_listed_with_their_version(broker: LoneBroker) -> None:
    reply = broker.ask(RequestCode.GET_BROKER_CONFIG)
    lines = reply.body.decode().splitlines()
    assert lines == sorted(lines)
    assert "brokerName=broker-a" in lines
    assert json.loads(reply.fields["version"]) == {"counter": 0, "stateVersion": 0, "timestamp": EPOCH_MS}


def test_a_change_takes_effect_and_is_to_be_kept(broker: LoneBroker) -> None:
    broker.decide(UPDATE, body=b"longPollingEnable = false\n# a comment\nmaxMsgsNumBatch:7\n")
    assert (broker.state.settings.long_polling_enable, broker.state.settings.max_msgs_num_batch) == (False, 7)
    assert broker.state.configuration.changed == {"longPollingEnable": "false", "maxMsgsNumBatch": "7"}
    assert broker.state.unsaved == {"brokerConfiguration"}
    assert broker.state.configuration.version.counter == 1
    assert not broker.state.registration_due
    assert b"longPollingEnable=false\n" in broker.ask(RequestCode.GET_BROKER_CONFIG).body


def test_a_new_permission_is_registered(broker: LoneBroker) -> None:
    version = broker.state.topics.version.counter or 0
    assert broker.ask(UPDATE, body=b"brokerPermission=4").code == 0
    assert broker.state.registration_due
    assert broker.state.topics.version.counter == version + 1


@pytest.mark.parametrize(
    "line",
    [
        "enableNotifyAfterPopOrderLockRelease=false",
        "enablePopBufferMerge=true",
        "enableSingleTopicRegister=true",
        "enableSplitRegistration=true",
        "estimateAccumulation=false",
        "longPollingEnable=false",
        "shortPollingTimeMills=500",
        "transactionCheckInterval=1000",
        "useServerSideResetOffset=false",
        "waitTimeMillsInSendQueue=1000",
    ],
)
def test_what_clients_own_test_suites_change_is_accepted(broker: LoneBroker, line: str) -> None:
    assert broker.ask(UPDATE, body=line.encode()).code == 0


@pytest.mark.parametrize(
    ("body", "code", "remark"),
    [
        (b"rocketmqHome=/tmp", 16, "Can not update config in black list."),
        (b"brokerConfigPath=/tmp", 16, "Can not update config in black list."),
        (b"configBlackList=", 16, "Can not update config in black list."),
        (b"listenPort=1", 16, "listenPort can only be set when the broker starts"),
        (b"storePathRootDir=/tmp", 16, "storePathRootDir can only be set when the broker starts"),
        (b"namesrvAddr=evil:9876", 16, "namesrvAddr can only be set when the broker starts"),
        (b"haMasterAddress=evil:1", 16, "haMasterAddress can only be set when the broker starts"),
        (b"brokerPermission=8", 29, "brokerPermission must be an integer from 0 to 7, not '8'"),
        (b"useServerSideResetOffset=perhaps", 29, "useServerSideResetOffset must be true or false, not 'perhaps'"),
        (
            b"inSyncReplicas=7",
            29,
            "inSyncReplicas=7 cannot be honoured: there are no replicas to wait for; remove the key",
        ),
        (b"\xff", 1, None),
        (b"a=\\u12", 1, None),
    ],
)
def test_a_change_that_is_refused(broker: LoneBroker, body: bytes, code: int, remark: str | None) -> None:
    before = broker.state.settings.to_properties()
    reply = broker.ask(UPDATE, body=b"longPollingEnable=false\n" + body)
    assert reply.code == code
    assert remark in (reply.remark, None)
    assert broker.state.settings.to_properties() == before, "all or nothing"
    assert broker.state.configuration.changed == {}


def test_every_setting_about_a_path_or_address_is_out_of_reach(broker: LoneBroker) -> None:
    reachable = [
        key
        for key in broker.state.settings.to_properties()
        if any(word in key.lower() for word in ("path", "addr", "port", "home", "class", "ip1", "ip2"))
        and broker.ask(UPDATE, body=f"{key}=1".encode()).code == 0
        and key in broker.state.configuration.changed
    ]
    assert reachable == []


def test_keys_that_mean_nothing_are_passed_over(broker: LoneBroker) -> None:
    reply = broker.ask(UPDATE, body=b"noSuchKey=1\nsendMessageThreadPoolNums=4\nlongPollingEnable=false")
    assert (reply.code, reply.remark) == (0, "without effect here: noSuchKey, sendMessageThreadPoolNums")
    assert broker.state.configuration.changed == {"longPollingEnable": "false"}
    assert broker.ask(UPDATE).code == 0
    broker.decide(UPDATE, body=b"noSuchKey=1")
    assert broker.state.unsaved == set()


def test_queues_of_topics_that_are_gone_are_deleted(broker: LoneBroker) -> None:
    create_plain(broker.state, "TopicA", 1, broker.now_ms)
    for topic in ("TopicA", "TopicGone", "%LMQ%x", "rmq_sys_x"):
        broker.store(topic, 0, b"x")
    assert broker.ask(RequestCode.CLEAN_UNUSED_TOPIC).code == 0
    assert broker.state.store.topics() == {"TopicA", "%LMQ%x", "rmq_sys_x"}


def test_a_disk_that_keeps_them_is_named(broker: LoneBroker) -> None:
    broker.store("TopicGone", 0, b"x")
    broker.state.store.disk = FaultyDisk(broker.disk, Fault("remove_tree"))
    reply = broker.ask(RequestCode.CLEAN_UNUSED_TOPIC)
    assert (reply.code, reply.remark) == (1, "the queues of topic[TopicGone] cannot be deleted: Input/output error")


def test_the_node_is_asked_to_tidy_up(broker: LoneBroker) -> None:
    assert broker.ask(RequestCode.DELETE_EXPIRED_COMMITLOG).code == 0
    assert (broker.state.log_expiry_due, broker.state.queue_sweep_due) == (20, False)
    assert broker.ask(RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE).code == 0
    assert broker.state.queue_sweep_due


def test_a_code_without_handler(broker: LoneBroker) -> None:
    reply = broker.ask(9999)
    assert (reply.code, reply.remark) == (3, " request type 9999 not supported")


def connect(broker: LoneBroker, version: int = 513) -> None:
    beat = {"clientID": "c2", "consumerDataSet": [{"groupName": "GroupA"}]}
    broker.ask(RequestCode.HEART_BEAT, body=json.dumps(beat).encode(), peer=BOB, version=version)


WHO = {"consumerGroup": "GroupA", "clientId": "c2"}


def test_a_question_travels_to_the_consumer(broker: LoneBroker) -> None:
    connect(broker)
    outcome = broker.decide(RequestCode.GET_CONSUMER_RUNNING_INFO, WHO | {"jstackEnable": "true"})
    assert outcome == Relay(BOB.id, 307, WHO | {"jstackEnable": "true"}, b"", 10_000)


def test_a_message_to_consume_travels_along(broker: LoneBroker) -> None:
    connect(broker)
    create_plain(broker.state, "TopicA", 1, broker.now_ms, sys_flag=1)
    appended = broker.store("TopicA", 0, b"now")
    fields = WHO | {"msgId": f"7F00000100002A9F{appended.log_offset:016X}", "topic": "TopicA"}
    outcome = broker.decide(RequestCode.CONSUME_MESSAGE_DIRECTLY, fields)
    assert isinstance(outcome, Relay)
    assert outcome.body == broker.state.store.read_record(appended.log_offset)
    assert outcome.fields == fields | {"brokerName": "broker-a", "topicSysFlag": "1", "groupSysFlag": "0"}
    assert broker.ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, fields | {"consumerGroup": "GroupB"}).code == 1


@pytest.mark.parametrize(
    "message_id", ["", "x", "7F00000100002A9F" + "F" * 16, "7F00000100002A9F" + "-" * 16, "é" * 32]
)
def test_no_message_to_consume(broker: LoneBroker, message_id: str) -> None:
    connect(broker)
    assert broker.ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, WHO | {"msgId": message_id}).code == 1
    assert broker.ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, WHO).code == 1


def test_a_consumer_that_is_away_or_too_old(broker: LoneBroker) -> None:
    reply = broker.ask(RequestCode.GET_CONSUMER_RUNNING_INFO, WHO)
    assert (reply.code, reply.remark) == (1, "The Consumer <GroupA> <c2> not online")
    connect(broker, version=61)
    reply = broker.ask(RequestCode.GET_CONSUMER_RUNNING_INFO, WHO)
    assert (reply.remark or "").startswith("The Consumer <c2> Version <V3_1_7> too low to finish")
