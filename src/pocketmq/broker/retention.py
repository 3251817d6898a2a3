"""How long what is kept: the settings and the topics' attributes as the numbers that the store goes by."""

from pocketmq.broker.state import BrokerState
from pocketmq.model.topic import ATTRIBUTE_RESERVE_TIME
from pocketmq.store.retention import HOUR_MS, RetentionPolicy

DAY_HOURS = 24


def retention_policy(state: BrokerState) -> RetentionPolicy:
    """The policy as of now: all its settings may change while the broker runs."""
    settings = state.settings
    return RetentionPolicy(
        kept_ms=settings.file_reserved_time * HOUR_MS,
        hours=deletion_hours(settings.delete_when),
        batch_max=settings.delete_file_batch_max,
        cleans_above=settings.disk_max_used_space_ratio / 100,
        forces_above=settings.disk_space_clean_forcibly_ratio / 100,
        refuses_above=settings.disk_space_warning_level_ratio / 100,
        # Java's default would delete what nobody said may go.
        may_force=settings.clean_file_forcibly_enable and "cleanFileForciblyEnable" in settings.given,
        topics_ms={
            topic: int(hours) * HOUR_MS
            for topic, config in state.topics.configs.items()
            if (hours := config.attributes.get(ATTRIBUTE_RESERVE_TIME, "")).isdecimal() and int(hours)
        },
    )


def deletion_hours(text: str) -> frozenset[int]:
    """The hours in `04;16`; what is no hour of a day is none here (UtilAll#isItTimeToDo)."""
    words = [word.strip() for word in text.split(";")]
    return frozenset(int(word) for word in words if word.isdecimal() and int(word) < DAY_HOURS)


def hour_of_day(state: BrokerState, now_ms: int) -> int:
    """The hour on the wall clock of this machine."""
    return (now_ms - state.day_starts_ms) // HOUR_MS % DAY_HOURS
