"""How long a message waits that a consumer has returned: the group's retry policy in the broker's delay levels.

A group that has said nothing waits as long as delay level 3 + n at its n-th return, which is Java's rule for every
group. Java's broker keeps the policies of groups for its proxy to act on; here they hold for every consumer of the
group. A level is as near as a policy's delay comes: the shortest one that is not shorter, or the longest there is.
"""

from collections.abc import Mapping

from pocketmq.model.group import GroupRetryPolicy, RetryPolicyType

FIRST_LEVEL = 3
"""AbstractSendMessageProcessor: the delay level of the first return, 10 seconds."""


def level_of_return(policy: GroupRetryPolicy, reconsume_times: int, levels: Mapping[int, int]) -> int:
    """The delay level of the next return of a message that has come back `reconsume_times` so far.

    `levels` are the broker's, by number in ms. Without a policy of the group's own, the level may lie beyond them.
    """
    if _is_own(policy) and levels:
        return _nearest(policy.policy.next_delay_ms(reconsume_times), levels)
    return FIRST_LEVEL + reconsume_times


def _is_own(policy: GroupRetryPolicy) -> bool:
    """A type alone says nothing (GroupRetryPolicy#getRetryPolicy), nor does an empty list."""
    if policy.type is RetryPolicyType.EXPONENTIAL:
        return policy.exponential_retry_policy is not None
    return policy.customized_retry_policy is not None and bool(policy.customized_retry_policy.next)


def _nearest(delay_ms: int, levels: Mapping[int, int]) -> int:
    by_delay = sorted(levels, key=lambda level: (levels[level], level))
    return next((level for level in by_delay if levels[level] >= delay_ms), by_delay[-1])
