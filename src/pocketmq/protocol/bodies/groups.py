"""Bodies about consumer groups and about who may do what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pocketmq.model.data_version import DataVersion
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.subscription import SubscriptionData
from pocketmq.protocol.bodies.codec import Body


@dataclass(frozen=True, slots=True)
class SubscriptionGroupWrapper(Body):
    """What `subscriptionGroup.json` holds; the forbidden table maps group, then topic, to bits."""

    subscription_group_table: Mapping[str, SubscriptionGroupConfig] = field(default_factory=dict)
    forbidden_table: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    data_version: DataVersion = field(default_factory=DataVersion)


@dataclass(frozen=True, slots=True)
class SubscriptionGroupList(Body):
    """Groups to make or change at once."""

    group_config_list: Sequence[SubscriptionGroupConfig] = ()


@dataclass(frozen=True, slots=True)
class GroupForbidden(Body):
    """Whether a group may read a topic."""

    topic: str | None = None
    group: str | None = None
    readable: bool | None = None


@dataclass(frozen=True, slots=True)
class GroupList(Body):
    """Group names."""

    group_list: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class QuerySubscriptionResponseBody(Body):
    """A group's subscription to a topic."""

    subscription_data: SubscriptionData | None = None
    group: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyEntryInfo(Body):
    """One rule: what may be done with a resource from which addresses (AclInfo.PolicyEntryInfo)."""

    resource: str | None = None
    actions: Sequence[str] | None = None
    source_ips: Sequence[str] | None = None
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyInfo(Body):
    """The rules of one kind (AclInfo.PolicyInfo)."""

    policy_type: str | None = None
    entries: Sequence[PolicyEntryInfo] | None = None


@dataclass(frozen=True, slots=True)
class AclInfo(Body):
    """What a subject may do."""

    subject: str | None = None
    policies: Sequence[PolicyInfo] | None = None


@dataclass(frozen=True, slots=True)
class UserInfo(Body):
    """A user as administrators see it."""

    username: str | None = None
    password: str | None = None
    user_type: str | None = None
    user_status: str | None = None
