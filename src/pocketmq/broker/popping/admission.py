"""What every POP request is checked for: may this group read this topic here?"""

from pocketmq.broker.groups import find_or_create
from pocketmq.broker.state import BrokerState
from pocketmq.model.errors import Refusal
from pocketmq.model.faq import SEE_FAQ
from pocketmq.model.peer import Peer
from pocketmq.model.permissions import is_readable
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.codes import ResponseCode


def require_readable(
    state: BrokerState, topic: str, group: str, queue_id: int, peer: Peer, now_ms: int, *, word: str = "peeking"
) -> TopicConfig:
    """The topic, whose queue `queue_id` the group may read; Refusal with Java's code and remark if it may not.

    `word` is what Java calls the forbidden deed of the broker.
    """
    settings = state.settings
    if not is_readable(settings.broker_permission):
        raise Refusal(ResponseCode.NO_PERMISSION, f"the broker[{settings.broker_ip1}] {word} message is forbidden")
    config = require_topic(state, topic)
    if not is_readable(config.perm):
        raise Refusal(ResponseCode.NO_PERMISSION, f"the topic[{topic}] peeking message is forbidden")
    if queue_id >= config.read_queue_nums:
        raise Refusal(ResponseCode.INVALID_PARAMETER, _illegal_queue(config, queue_id, peer))
    if config.has_batch_queues:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"the topic[{topic}] has queues of batches, which cannot be popped")
    found = find_or_create(state, group, now_ms)
    if found is None:
        raise Refusal(
            ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"subscription group [{group}] does not exist, {SEE_FAQ}"
        )
    if not found.consume_enable:
        raise Refusal(ResponseCode.NO_PERMISSION, f"subscription group no permission, {group}")
    return config


def require_queue(state: BrokerState, topic: str, queue_id: int, peer: Peer) -> TopicConfig:
    """The topic, which has this queue; Refusal as for an acknowledgement if it has not."""
    config = require_topic(state, topic)
    if not 0 <= queue_id < config.read_queue_nums:
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, _illegal_queue(config, queue_id, peer))
    return config


def require_topic(state: BrokerState, topic: str) -> TopicConfig:
    """The topic; Refusal if there is none."""
    config = state.topics.find(topic)
    if config is None:
        raise Refusal(ResponseCode.TOPIC_NOT_EXIST, f"topic[{topic}] not exist, apply first please! {SEE_FAQ}")
    return config


def _illegal_queue(config: TopicConfig, queue_id: int, peer: Peer) -> str:
    return (
        f"queueId[{queue_id}] is illegal, topic:[{config.topic_name}] "
        f"topicConfig.readQueueNums:[{config.read_queue_nums}] consumer:[/{peer.address}]"
    )
