"""The settings, as the store's policy."""

import pytest

from pocketmq.broker.retention import deletion_hours, hour_of_day, retention_policy
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.topic import TopicConfig
from pocketmq.store.retention import HOUR_MS
from pocketmq.testing.lone_broker import LoneBroker


@pytest.mark.parametrize(
    ("text", "hours"), [("04", {4}), ("4;16", {4, 16}), (" 00 ; 23;24;x;-1;", {0, 23}), ("", set()), ("٣", {3})]
)
def test_hours_of_a_day(text: str, hours: set[int]) -> None:
    assert deletion_hours(text) == hours


def test_the_settings_in_numbers() -> None:
    settings = BrokerSettings(
        file_reserved_time=5, delete_file_batch_max=3, disk_max_used_space_ratio=50, disk_space_warning_level_ratio=80
    )
    policy = retention_policy(LoneBroker(settings=settings).state)
    assert (policy.kept_ms, policy.hours, policy.batch_max) == (5 * HOUR_MS, {4}, 3)
    assert (policy.cleans_above, policy.forces_above, policy.refuses_above) == (0.5, 0.85, 0.8)


def test_force_must_have_been_asked_for() -> None:
    broker = LoneBroker()
    assert broker.state.settings.clean_file_forcibly_enable
    assert not retention_policy(broker.state).may_force
    broker.state.settings.assign("cleanFileForciblyEnable", "true")
    assert retention_policy(broker.state).may_force
    assert "cleanFileForciblyEnable" in broker.state.settings.copy().given
    broker.state.settings.assign("cleanFileForciblyEnable", "false")
    assert not retention_policy(broker.state).may_force


def test_topics_with_a_time_of_their_own() -> None:
    state = LoneBroker().state
    for topic, hours in (("A", "7"), ("B", "-1"), ("C", "0"), ("D", "")):
        state.topics.put(TopicConfig(topic, attributes={"reserve.time": hours} if hours else {}), 0)
    assert retention_policy(state).topics_ms == {"A": 7 * HOUR_MS}


def test_the_hour_is_that_of_the_machine() -> None:
    state = LoneBroker().state
    noon = 12 * HOUR_MS
    assert hour_of_day(state, noon) == 12
    state.day_starts_ms = -2 * HOUR_MS
    assert hour_of_day(state, noon) == 14
    assert hour_of_day(state, noon + 11 * HOUR_MS) == 1
