"""consumerFilter.json: what each group filters each topic by (ConsumerFilterManager)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pocketmq.model.subscription import BloomBits
from pocketmq.protocol.bodies.codec import Body


@dataclass(frozen=True, slots=True)
class ConsumerFilterData(Body):
    """One group's expression for one topic; its consumers are gone since `dead_time`, unless born later."""

    WRITTEN_ONLY = {"dead": "is_dead"}

    consumer_group: str
    topic: str
    expression: str
    expression_type: str
    born_time: int = 0
    dead_time: int = 0
    client_version: int = 0
    bloom_filter_data: BloomBits | None = None

    @property
    def is_dead(self) -> bool:
        """Whether no consumer of the group was there when the broker last looked."""
        return self.dead_time >= self.born_time


@dataclass(frozen=True, slots=True)
class FilterDataMapByTopic(Body):
    """One topic's expressions by group."""

    topic: str
    group_filter_data: Mapping[str, ConsumerFilterData] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsumerFilterWrapper(Body):
    """The whole file, by topic."""

    filter_data_by_topic: Mapping[str, FilterDataMapByTopic] = field(default_factory=dict)
