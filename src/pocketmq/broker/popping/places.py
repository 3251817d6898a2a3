"""The queues that a pop looks into: those of the topic, and those of the group's retry topics."""

from collections.abc import Iterator

from pocketmq.broker.state import BrokerState
from pocketmq.model.pop_names import pop_retry_topic

Place = tuple[str, int]
"""Topic and queue id."""


def retry_topics(state: BrokerState, topic: str, group: str) -> list[str]:
    """The retry topics that the group's messages of the topic may lie in, the one in use first."""
    in_use = state.settings.enable_retry_topic_v2
    found = [pop_retry_topic(topic, group, version_2=in_use)]
    if in_use and state.settings.retrieve_message_from_pop_retry_topic_v1:
        found.append(pop_retry_topic(topic, group, version_2=False))
    return found


def queues_of(state: BrokerState, topic: str, start: int = 0) -> Iterator[Place]:
    """The topic's queues, turned so that each comes first in its turn."""
    config = state.topics.find(topic)
    count = config.read_queue_nums if config is not None else len(state.store.queues(topic))
    for index in range(count):
        yield topic, (start + index) % count


def places_to_watch(state: BrokerState, topic: str, group: str, queue_id: int) -> Iterator[Place]:
    """Where a message may come to lie that a request for this queue of the topic, or for any, waits for."""
    if queue_id >= 0:
        yield topic, queue_id
    else:
        yield from queues_of(state, topic)
    for retry in retry_topics(state, topic, group):
        yield retry, 0
