"""The consumer groups of a broker (SubscriptionGroupManager, subscriptionGroup.json)."""

from collections.abc import Mapping

from pocketmq.model import names
from pocketmq.model.data_version import DataVersion
from pocketmq.model.errors import Refusal
from pocketmq.model.group import ATTRIBUTE_PULL_RATE_LIMIT, SubscriptionGroupConfig
from pocketmq.model.limits import GROUPS_PER_BROKER_MAX, SUBSCRIPTIONS_PER_GROUP_MAX
from pocketmq.protocol.bodies.groups import SubscriptionGroupWrapper
from pocketmq.protocol.codes import ResponseCode

BOOT_GROUPS = (
    names.TOOLS_CONSUMER_GROUP,
    names.FILTERSRV_CONSUMER_GROUP,
    names.SELF_TEST_CONSUMER_GROUP,
    names.ONS_HTTP_PROXY_GROUP,
    names.ONSAPI_PULL_GROUP,
    names.ONSAPI_PERMISSION_GROUP,
    names.ONSAPI_OWNER_GROUP,
    names.TRANSACTION_GROUP,
)
"""SubscriptionGroupManager#init."""


class GroupTable:
    """Configurations by name, what groups may not read, and the version of both; the caller persists each change."""

    def __init__(self, now_ms: int) -> None:
        self.configs = {name: SubscriptionGroupConfig(name) for name in BOOT_GROUPS}
        self.forbidden: dict[str, dict[str, int]] = {}
        self.version = DataVersion(timestamp=now_ms)
        self.have_limits = False

    def __contains__(self, group: str) -> bool:
        return group in self.configs

    def __len__(self) -> int:
        return len(self.configs)

    def find(self, group: str) -> SubscriptionGroupConfig | None:
        """The group's configuration."""
        return self.configs.get(group)

    def put(self, config: SubscriptionGroupConfig, now_ms: int) -> None:
        """Create or replace. Refusal if the name is illegal or there is no room for another group."""
        if fault := names.group_fault(config.group_name):
            raise Refusal(ResponseCode.INVALID_PARAMETER, fault)
        if config.group_name not in self.configs and self.is_full:
            raise Refusal(
                ResponseCode.SYSTEM_ERROR,
                f"group[{config.group_name}] is one too many: this broker holds {GROUPS_PER_BROKER_MAX} groups, "
                "delete those that are no longer used",
            )
        self.configs[config.group_name] = config
        self.have_limits |= ATTRIBUTE_PULL_RATE_LIMIT in config.attributes
        self.version = self.version.next(now_ms)

    @property
    def is_full(self) -> bool:
        """No group can be added."""
        return len(self.configs) >= GROUPS_PER_BROKER_MAX

    def remove(self, group: str, now_ms: int) -> bool:
        """Delete with what it may not read; false if there was no such group."""
        self.forbidden.pop(group, None)
        if self.configs.pop(group, None) is None:
            return False
        self.version = self.version.next(now_ms)
        return True

    def set_forbidden(self, group: str, topic: str, bits: int, now_ms: int) -> None:
        """What the group may not do with the topic, as bits of a permission; 0 lifts it.

        Refusal SYSTEM_ERROR for more topics than a group can subscribe to.
        """
        topics = self.forbidden.setdefault(group, {})
        if bits and topic not in topics and len(topics) >= SUBSCRIPTIONS_PER_GROUP_MAX:
            raise Refusal(
                ResponseCode.SYSTEM_ERROR,
                f"group[{group}] may not read {SUBSCRIPTIONS_PER_GROUP_MAX} topics already: lift some",
            )
        if bits:
            topics[topic] = bits
        else:
            topics.pop(topic, None)
        if not topics:
            del self.forbidden[group]
        self.version = self.version.next(now_ms)

    def forbidden_bits(self, group: str, topic: str) -> int:
        """What the group may not do with the topic."""
        return self.forbidden.get(group, {}).get(topic, 0)

    def page(self, start: int, count: int) -> Mapping[str, SubscriptionGroupConfig]:
        """`count` configurations from place `start` in the order of names."""
        chosen = sorted(self.configs)[max(start, 0) : max(start, 0) + max(count, 0)]
        return {name: self.configs[name] for name in chosen}

    def wrapper(self, chosen: Mapping[str, SubscriptionGroupConfig] | None = None) -> SubscriptionGroupWrapper:
        """All groups, or the chosen ones, as they travel."""
        configs = self.configs if chosen is None else chosen
        forbidden = {group: topics for group, topics in self.forbidden.items() if group in configs}
        return SubscriptionGroupWrapper(
            subscription_group_table=configs,
            forbidden_table=self.forbidden if chosen is None else forbidden,
            data_version=self.version,
        )

    def encode(self) -> bytes:
        """The content of subscriptionGroup.json."""
        return self.wrapper().encode(pretty=True)

    def load(self, content: bytes) -> None:
        """Take over the content of subscriptionGroup.json; RocketMQ's own groups stay where it lacks them."""
        wrapper = SubscriptionGroupWrapper.decode(content)
        legal = wrapper.subscription_group_table.items()
        self.configs.update({name: config for name, config in legal if not names.group_fault(name)})
        self.have_limits = any(ATTRIBUTE_PULL_RATE_LIMIT in config.attributes for config in self.configs.values())
        self.forbidden = {group: dict(topics) for group, topics in wrapper.forbidden_table.items()}
        self.version = wrapper.data_version
