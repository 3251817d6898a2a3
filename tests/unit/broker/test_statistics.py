"""Counters and their samples."""

import pytest

from pocketmq.broker.statistics import DAY, DAY_MS, HOUR, MINUTE, TOTALS_KEPT, Snapshot, Statistics
from pocketmq.testing.lone_broker import EPOCH_MS


def test_a_minute_an_hour_and_a_day() -> None:
    statistics = Statistics("DefaultCluster", EPOCH_MS)
    for second in range(2 * 3600):
        if second % 2 == 0:
            statistics.count_put("TopicA", 10, 3)
        statistics.sample(EPOCH_MS + second * 1000)
    counter = statistics.find("TOPIC_PUT_NUMS", "TopicA")
    assert counter is not None
    minute = counter.snapshot(MINUTE)
    assert (minute.sum, minute.tps, minute.average) == (90, 1.5, 3.0)
    assert counter.snapshot(HOUR).tps == pytest.approx(1.5)
    assert counter.snapshot(DAY).sum == 3 * 1801
    assert statistics.minute_tps("TOPIC_PUT_NUMS", "TopicA") == 1.5
    assert statistics.minute_tps("TOPIC_PUT_NUMS", "TopicB") == 0.0


def test_a_counter_without_samples_or_time_says_nothing() -> None:
    statistics = Statistics("DefaultCluster", EPOCH_MS)
    statistics.count_put("TopicA", 10)
    counter = statistics.find("TOPIC_PUT_NUMS", "TopicA")
    assert counter is not None
    assert counter.snapshot(MINUTE) == Snapshot()
    assert statistics.find("NO_SUCH_NAME", "TopicA") is None


def test_rates_over_ten_sixty_and_six_hundred_seconds() -> None:
    statistics = Statistics("DefaultCluster", EPOCH_MS)
    for second in range(TOTALS_KEPT):
        statistics.count_put("TopicA", 10, 5)
        statistics.count_get("GroupA", "TopicA", 10, 4)
        statistics.count_get("GroupA", "TopicA", 0, 0)
        statistics.sample(EPOCH_MS + second * 1000)
    texts = statistics.tps_texts()
    assert texts["putTps"] == "5.0 5.0 5.0"
    assert texts["getFoundTps"] == texts["getMissTps"] == "1.0 1.0 1.0"
    assert texts["getTotalTps"] == "2.0 2.0 2.0"
    assert texts["getTransferredTps"] == "4.0 4.0 4.0"
    assert len(statistics.totals) == TOTALS_KEPT


def test_samples_are_taken_once_a_second_at_most() -> None:
    statistics = Statistics("DefaultCluster", EPOCH_MS)
    for millisecond in range(0, 1000, 100):
        statistics.sample(EPOCH_MS + millisecond)
    assert len(statistics.totals) == 1


def test_yesterday_and_today_change_at_local_midnight() -> None:
    midnight = EPOCH_MS - EPOCH_MS % DAY_MS + 2 * DAY_MS
    east = 2 * 3_600_000
    statistics = Statistics("DefaultCluster", midnight - 1000 - east, day_starts_ms=-east)
    statistics.count_put("TopicA", 1, 7)
    statistics.count_put("SELF_TEST_TOPIC", 1, 7, is_system=True)
    statistics.count_get("GroupA", "TopicA", 1, 2)
    statistics.count_get("GroupA", "SELF_TEST_TOPIC", 1, 2, is_system=True)
    statistics.sample(midnight - 1 - east)
    assert statistics.put_until_today == 0
    statistics.sample(midnight - east)
    assert (statistics.put_until_today, statistics.got_until_today) == (7, 2)
    statistics.count_put("TopicA", 1)
    statistics.sample(midnight + DAY_MS - east)
    assert (statistics.put_until_yesterday, statistics.put_until_today, statistics.put_today) == (7, 8, 8)


def test_counters_of_what_is_gone_are_dropped() -> None:
    statistics = Statistics("DefaultCluster", EPOCH_MS)
    statistics.count_put("TopicA", 1)
    statistics.count_put("TopicAB", 1)
    statistics.count_get("GroupA", "TopicA", 1, 1)
    statistics.count_send_back("GroupB", "TopicAB", is_dead_letter=True)
    statistics.forget_topic("TopicA")
    assert list(statistics.counters["TOPIC_PUT_NUMS"]) == ["TopicAB"]
    assert statistics.counters["GROUP_GET_NUMS"] == {}
    statistics.forget_group("GroupB")
    assert statistics.counters["DLQ_PUT_NUMS"] == statistics.counters["SNDBCK_PUT_NUMS"] == {}


def test_counters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.statistics.STATISTICS_COUNTERS_MAX", 6)
    statistics = Statistics("DefaultCluster", EPOCH_MS)
    statistics.count_put("TopicA", 1)
    statistics.count_put("TopicB", 1)
    assert statistics.find("TOPIC_PUT_NUMS", "TopicB") is None
    assert statistics.counters_dropped == 2
    assert statistics.put_total == 2
    statistics.forget_topic("TopicA")
    statistics.count_put("TopicB", 1)
    assert statistics.find("TOPIC_PUT_NUMS", "TopicB") is not None


def test_an_idle_counter_goes_after_two_days() -> None:
    statistics = Statistics("DefaultCluster", EPOCH_MS)
    statistics.count_put("TopicA", 1)
    for hour in range(49):
        statistics.sample(EPOCH_MS + hour * 3_600_000)
    assert statistics.find("TOPIC_PUT_NUMS", "TopicA") is not None
    statistics.sample(EPOCH_MS + 50 * 3_600_000)
    assert statistics.find("TOPIC_PUT_NUMS", "TopicA") is None
    assert statistics.find("BROKER_PUT_NUMS", "DefaultCluster") is not None
