"""Consumers of the pull kind, on a broker that wants none (`rejectPullConsumerEnable`)."""

from pocketmq.broker.state import BrokerState
from pocketmq.model import names
from pocketmq.model.errors import Refusal
from pocketmq.model.faq import SEE_FAQ
from pocketmq.model.peer import Peer
from pocketmq.model.subscription import ConsumeType
from pocketmq.protocol.codes import ResponseCode

GROUPS_THAT_MAY_PULL = frozenset(
    (
        names.DEFAULT_CONSUMER_GROUP,
        names.TOOLS_CONSUMER_GROUP,
        names.SCHEDULE_CONSUMER_GROUP,
        names.FILTERSRV_CONSUMER_GROUP,
        names.MONITOR_CONSUMER_GROUP,
        names.SELF_TEST_CONSUMER_GROUP,
        names.ONS_HTTP_PROXY_GROUP,
        names.ONSAPI_PERMISSION_GROUP,
        names.ONSAPI_OWNER_GROUP,
        names.ONSAPI_PULL_GROUP,
    )
)
"""MixAll#isSysConsumerGroupPullMessage, and every group with the system's prefix."""


def refuse_pull_consumer(group: str, peer: Peer, state: BrokerState) -> None:
    """Refusal SUBSCRIPTION_NOT_EXIST if the group is connected as a pull consumer or not at all.

    Tools and the system's groups may pull, and so may a member that was there before the broker was set so. Whoever
    pulls for a group that pushes passes as well (PullMessageProcessor).
    """
    members = state.sessions.consumers.get(group)
    if members is not None and (members.consume_type is not ConsumeType.CONSUME_ACTIVELY or peer.id in members.clients):
        return
    if group in GROUPS_THAT_MAY_PULL or names.is_system_group(group):
        return
    raise Refusal(
        ResponseCode.SUBSCRIPTION_NOT_EXIST,
        f"the consumer's group info not exist, or the pull consumer is rejected by server.{SEE_FAQ}",
    )
