"""Rates of topics and groups: who is told to slow down, who waits, and who is not asked at all."""

import json

import pytest

from pocketmq.broker.rate_limits import RateLimits
from pocketmq.broker.router import HANDLERS
from pocketmq.broker.token_bucket import TokenBucket
from pocketmq.broker.topics import create_plain
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import Refusal
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.message import Message
from pocketmq.model.outcome import LIMIT, Outcome, Park, Reply, ReplyWithRecords
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.frame.send_reply import Stored
from pocketmq.protocol.message import encode_messages
from pocketmq.testing.lone_broker import ALICE, LoneBroker

TOPIC, GROUP = "TopicA", "GroupA"
UNIQUE = "UNIQ_KEY\x017F0000010F1018B4AAC20000000A0000\x02WAIT\x01true\x02"
V2, PULL = RequestCode.SEND_MESSAGE_V2, RequestCode.PULL_MESSAGE


# ----------------------------------------------------------------------------------------------- a bucket


def test_a_bucket_holds_a_second_and_fills_steadily() -> None:
    bucket = TokenBucket(10, 0)
    for _ in range(10):
        assert bucket.wait_ms(0) == 0
        bucket.spend(1)
    assert bucket.wait_ms(0) == 100
    assert bucket.wait_ms(60) == 40
    assert bucket.wait_ms(100) == 0
    bucket.spend(21)
    assert bucket.wait_ms(100) == 2_100, "what was overdrawn is waited for"
    assert bucket.wait_ms(1_000_000) == 0
    bucket.spend(10)
    assert bucket.wait_ms(1_000_000) == 100, "no more than a second's worth gathers"


def test_a_clock_that_is_set_back_gives_and_takes_nothing() -> None:
    bucket = TokenBucket(1, 10_000)
    bucket.spend(1)
    assert bucket.wait_ms(5_000) == 1_000
    assert bucket.wait_ms(5_500) == 500


@pytest.mark.parametrize("rate", [1, 3, 7, 1_000, 2**31 - 1])
def test_after_the_wait_there_is_a_token(rate: int) -> None:
    bucket = TokenBucket(rate, 0)
    bucket.spend(rate * 3)
    now_ms = wait_ms = bucket.wait_ms(0)
    for _ in range(3):  # Rounding may ask for a millisecond more.
        if (wait_ms := bucket.wait_ms(now_ms)) == 0:
            break
        assert wait_ms == 1
        now_ms += wait_ms
    assert wait_ms == 0
    assert now_ms <= 2_000 + 1_000 // rate + 3


# ------------------------------------------------------------------------------------------------- sends


def configure(broker: LoneBroker, **settings: int) -> None:
    text = "".join(f"{key}={value}\n" for key, value in settings.items())
    assert broker.ask(RequestCode.UPDATE_BROKER_CONFIG, body=text.encode()).code == 0


def make_topic(broker: LoneBroker, attributes: str, topic: str = TOPIC) -> Reply:
    fields = {"topic": topic, "defaultTopic": "TBW102", "readQueueNums": 1, "writeQueueNums": 1, "perm": 6}
    fields |= {"topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": "false", "attributes": attributes}
    return broker.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, fields)


HELD = -1


def send(
    broker: LoneBroker, topic: str = TOPIC, group: str = "PG", code: int = V2, body: bytes = b"x", resumed: int = 0
) -> int:
    """The answer's code, or HELD."""
    fields = {"a": group, "b": topic, "c": "TBW102", "d": 4, "e": 0, "f": 0, "g": 7, "h": 0, "i": UNIQUE, "j": 0}
    fields |= {"k": "false", "m": "true" if code == 320 else "false"}
    request = Command.of(code, {key: str(value) for key, value in fields.items()}, body, arrived_ms=broker.now_ms)
    request.resumed = resumed
    try:
        outcome = HANDLERS[code](request, ALICE, broker.state, broker.now_ms)
    except Refusal as refusal:
        return refusal.code
    finally:
        broker.end_turn()
    if isinstance(outcome, Park):
        assert outcome.key == (topic, LIMIT)
        return HELD
    return 0 if isinstance(outcome, Stored) else outcome.reply.code  # type: ignore[union-attr]


def test_a_topic_takes_no_more_than_it_may_a_second(broker: LoneBroker) -> None:
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    configure(broker, sendRateLimitPerTopic=3)
    assert [send(broker) for _ in range(8)] == [0, 0, 0, HELD, HELD, HELD, 2, 2], "a second's worth waits for its turn"
    assert broker.state.store.max_offset(TOPIC, 0) == 3, "what is held or refused is not stored"
    assert send(broker, resumed=1) == 0, "what has waited was counted before"
    assert send(broker, "TopicB") == 0, "each topic has a bucket of its own"
    broker.now_ms += 334
    assert [send(broker) for _ in range(2)] == [HELD, 2]
    broker.now_ms += 1_400
    assert [send(broker) for _ in range(2)] == [0, HELD]
    configure(broker, sendRateLimitPerTopic=0)
    assert [send(broker) for _ in range(20)] == [0] * 20
    assert not broker.state.rates.limits_sends


def test_who_is_held_knows_for_how_long(broker: LoneBroker) -> None:
    rates = RateLimits(BrokerSettings(send_rate_limit_per_topic=10, send_rate_limit_per_group=4))
    waits = [rates.take_send(TopicConfig(TOPIC), "PG", 0) for _ in range(8)]
    assert waits == [0, 0, 0, 0, 250, 500, 750, 1_000]
    with pytest.raises(Refusal, match=r"broker busy, .* sends of group\[PG\] are limited to 4 messages a second"):
        rates.take_send(TopicConfig(TOPIC), "PG", 0)
    assert rates.take_send(TopicConfig(TOPIC), "PG2", 0) == 0, "a refused send has taken nothing from the topic"
    slow_topic = RateLimits(BrokerSettings(send_rate_limit_per_topic=1, send_rate_limit_per_group=100))
    assert [slow_topic.take_send(TopicConfig(TOPIC), "PG", 0) for _ in range(2)] == [0, 1_000]


def test_a_producer_group_has_a_rate_over_all_topics(broker: LoneBroker) -> None:
    configure(broker, sendRateLimitPerGroup=2)
    assert [send(broker, topic) for topic in ("TopicA", "TopicB", "TopicC")] == [0, 0, HELD]
    assert send(broker, "TopicC", group="PG2") == 0


def test_a_topics_attribute_goes_before_the_setting(broker: LoneBroker) -> None:
    configure(broker, sendRateLimitPerTopic=1)
    assert make_topic(broker, "+send.rate.limit=2").code == 0
    assert make_topic(broker, "+send.rate.limit=0", "TopicFree").code == 0
    assert [send(broker) for _ in range(3)] == [0, 0, HELD]
    assert [send(broker, "TopicFree") for _ in range(9)] == [0] * 9
    assert make_topic(broker, "+send.rate.limit=5").code == 0
    assert [send(broker) for _ in range(6)] == [0, 0, 0, 0, 0, HELD], "a new rate begins with a full bucket"
    assert make_topic(broker, "+send.rate.limit=-1").code == 1
    assert make_topic(broker, "+send.rate.limit=many").code == 1


def test_attributes_limit_after_a_restart_too(broker: LoneBroker) -> None:
    make_topic(broker, "+send.rate.limit=1")
    again = broker.restarted(broker.disk)
    assert [send(again) for _ in range(2)] == [0, HELD]


def test_the_messages_of_a_batch_count(broker: LoneBroker) -> None:
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    configure(broker, sendRateLimitPerTopic=2)
    batch = encode_messages([Message(TOPIC, b"x")] * 6)
    assert send(broker, code=320, body=batch) == 0, "the last token is enough for a batch"
    assert send(broker) == 2
    broker.now_ms += 2_400
    assert send(broker) == HELD
    broker.now_ms += 700
    assert send(broker) == 0


@pytest.mark.parametrize("topic", ["%RETRY%GroupA", "%DLQ%GroupA", "RMQ_SYS_TRACE_TOPIC", "rmq_sys_mine"])
def test_retries_dead_letters_and_system_topics_have_no_rate(topic: str) -> None:
    settings = BrokerSettings(send_rate_limit_per_topic=1, send_rate_limit_per_group=1, pull_rate_limit_per_topic=1)
    rates = RateLimits(settings)
    group = SubscriptionGroupConfig(GROUP)
    for _ in range(5):
        rates.take_send(TopicConfig(topic), "PG", 0)
        rates.spend_pulls(TopicConfig(topic), group, 5, 0)
    assert rates.pull_wait_ms(TopicConfig(topic), group, 0) == 0
    assert len(rates) == 0


def test_buckets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.rate_limits.RATE_BUCKETS_MAX", 2)
    rates = RateLimits(BrokerSettings(send_rate_limit_per_topic=1))
    for number in range(9):
        rates.take_send(TopicConfig(f"T{number}"), "PG", 0)
    assert len(rates) <= 2


def test_a_file_with_nonsense_for_a_rate_has_none() -> None:
    rates = RateLimits(BrokerSettings())
    config = TopicConfig(TOPIC, attributes={"send.rate.limit": "a lot"})
    for _ in range(9):
        rates.take_send(config, "PG", 0)


# ------------------------------------------------------------------------------------------------- pulls


def pull(
    broker: LoneBroker, *, suspend_ms: int = 15_000, resumed: int = 0, group: str = GROUP, **more: object
) -> Outcome:
    fields: dict[str, object] = {
        "consumerGroup": group,
        "topic": TOPIC,
        "queueId": 0,
        "queueOffset": 0,
        "maxMsgNums": 4,
    }
    fields |= {"sysFlag": 4 | (2 if suspend_ms else 0), "commitOffset": 0, "suspendTimeoutMillis": suspend_ms}
    fields |= {"subscription": "*", "subVersion": 0, "expressionType": "TAG"} | more
    request = Command.of(PULL, {key: str(value) for key, value in fields.items()}, arrived_ms=broker.now_ms)
    request.resumed = resumed
    return HANDLERS[PULL](request, ALICE, broker.state, broker.now_ms)  # type: ignore[return-value]


@pytest.fixture
def full(broker: LoneBroker) -> LoneBroker:
    """Eight messages to be read."""
    create_plain(broker.state, TOPIC, 1, broker.now_ms)
    for _ in range(8):
        broker.store(TOPIC, 0, b"x")
    return broker


def test_a_group_over_its_rate_waits_and_then_goes_on(full: LoneBroker) -> None:
    configure(full, pullRateLimitPerGroup=2)
    assert isinstance(pull(full), ReplyWithRecords)
    assert pull(full) == Park(full.now_ms + 1_500, (TOPIC, LIMIT)), "four of two a second"
    assert isinstance(pull(full, group="GroupB"), ReplyWithRecords)
    full.now_ms += 1_500
    assert isinstance(pull(full), ReplyWithRecords)


def test_a_topic_has_a_rate_over_all_groups(full: LoneBroker) -> None:
    make_topic(full, "+pull.rate.limit=2")
    assert isinstance(pull(full), ReplyWithRecords)
    assert isinstance(pull(full, group="GroupB"), Park)


def test_a_groups_attribute_goes_before_the_setting(full: LoneBroker) -> None:
    configure(full, pullRateLimitPerGroup=1)
    body = json.dumps({"groupName": GROUP, "attributes": {"+pull.rate.limit": "0"}}).encode()
    assert full.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=body).code == 0
    assert isinstance(pull(full), ReplyWithRecords)
    assert isinstance(pull(full), ReplyWithRecords)
    body = json.dumps({"groupName": "GroupB", "attributes": {"+pull.rate.limit": "2"}}).encode()
    configure(full, pullRateLimitPerGroup=0)
    assert full.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=body).code == 0
    again = full.restarted(full.disk)
    assert isinstance(pull(again, group="GroupB"), ReplyWithRecords)
    assert isinstance(pull(again, group="GroupB"), Park)


def test_who_waits_too_long_hears_that_there_is_nothing(full: LoneBroker) -> None:
    configure(full, pullRateLimitPerGroup=1)
    pull(full)
    held = pull(full, suspend_ms=1_000)
    assert held == Park(full.now_ms + 1_000, (TOPIC, LIMIT))
    reply = pull(full, suspend_ms=0, resumed=1)
    assert isinstance(reply, Park), "a pull that says nothing is held for a second"
    nothing = pull(full, suspendTimeoutMillis=0, queueOffset=3, resumed=1)
    assert isinstance(nothing, Reply)
    assert nothing.code == ResponseCode.PULL_NOT_FOUND
    assert {key: nothing.fields[key] for key in ("nextBeginOffset", "minOffset", "maxOffset")} == {
        "nextBeginOffset": "3",
        "minOffset": "0",
        "maxOffset": "8",
    }


def test_a_pull_that_is_held_commits_nevertheless(full: LoneBroker) -> None:
    configure(full, pullRateLimitPerGroup=1)
    pull(full)
    assert isinstance(pull(full, sysFlag=7, commitOffset=4), Park)
    assert full.state.offsets.committed[f"{TOPIC}@{GROUP}"] == {0: 4}


def test_without_limits_nobody_is_asked(full: LoneBroker) -> None:
    assert (full.state.holds_pulls, full.state.rates.limits_sends) == (False, False)
    for _ in range(3):
        send(full)
        pull(full)
    assert len(full.state.rates) == 0


def test_rocketmqs_own_groups_have_no_rate(full: LoneBroker) -> None:
    configure(full, pullRateLimitPerGroup=1, pullRateLimitPerTopic=1)
    for _ in range(3):
        assert isinstance(pull(full, group="CID_RMQ_SYS_TOOLS"), ReplyWithRecords)
