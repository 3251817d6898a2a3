"""The topics of a broker: their configurations, RocketMQ's own among them (TopicConfigManager, topics.json)."""

from collections.abc import Mapping

from pocketmq.model import names
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.data_version import DataVersion
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import TOPICS_PER_BROKER_MAX
from pocketmq.model.permissions import PERM_INHERIT, PERM_READ_WRITE
from pocketmq.model.pop_names import is_pop_retry_topic_v2
from pocketmq.model.topic import ATTRIBUTE_PULL_RATE_LIMIT, ATTRIBUTE_SEND_RATE_LIMIT, TopicConfig
from pocketmq.protocol.bodies.codec import to_json
from pocketmq.protocol.bodies.routes import TopicConfigSerializeWrapper
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.fastjson import Written, dumps, dumps_text

SCHEDULE_QUEUES = 18
"""TopicConfigManager.SCHEDULE_TOPIC_QUEUE_NUM."""

BENCHMARK_QUEUES = 1024
"""TopicConfigManager: queues of BenchmarkTest."""


def stored_name_fault(topic: str) -> str | None:
    """Why a broker can have no such topic; None if it can. `+` is legal in a POP retry topic, which no user chooses."""
    return names.topic_fault(
        topic.replace(names.POP_RETRY_SEPARATOR_V2, "_", 1) if is_pop_retry_topic_v2(topic) else topic
    )


def boot_topics(settings: BrokerSettings) -> list[TopicConfig]:
    """RocketMQ's own topics, which every broker has from its first start (TopicConfigManager#init)."""
    cluster, broker = settings.broker_cluster_name, settings.broker_name
    cluster_perm = PERM_INHERIT | (PERM_READ_WRITE if settings.cluster_topic_enable else 0)
    broker_perm = PERM_INHERIT | (PERM_READ_WRITE if settings.broker_topic_enable else 0)
    topics = [
        _topic(names.SELF_TEST_TOPIC, 1),
        _topic(names.BENCHMARK_TOPIC, BENCHMARK_QUEUES),
        TopicConfig(cluster, perm=cluster_perm),
        _topic(broker, 1, broker_perm),
        _topic(names.OFFSET_MOVED_EVENT, 1),
        _topic(names.SCHEDULE_TOPIC, SCHEDULE_QUEUES),
        _topic(names.reply_topic(cluster), 1),
        _topic(names.revive_topic(cluster), settings.revive_queue_num),
        _topic(names.SYNC_BROKER_MEMBER_PREFIX + broker, 1, PERM_INHERIT),
        _topic(names.HALF_TOPIC, 1),
        _topic(names.OP_HALF_TOPIC, 1),
        _topic(names.ROCKSDB_HALF_TOPIC, 1),
        _topic(names.ROCKSDB_OP_HALF_TOPIC, 1),
    ]
    if settings.auto_create_topic_enable:
        perm = PERM_INHERIT | PERM_READ_WRITE
        topics.append(_topic(names.AUTO_CREATE_TOPIC, settings.default_topic_queue_nums, perm))
    if settings.trace_topic_enable:
        topics.append(_topic(settings.msg_trace_topic_name, 1))
    if settings.timer_wheel_enable:
        topics.append(_topic(names.TIMER_TOPIC, 1))
    return topics


def batch_topics_in(content: bytes) -> set[str]:
    """Names of the topics with batch queues in the content of topics.json: what a store must know to be opened.

    Raises as `TopicTable.load` does.
    """
    table = TopicConfigSerializeWrapper.decode(content).topic_config_table
    return {name for name, config in table.items() if config.has_batch_queues}


class TopicTable:
    """Configurations by name, and their version; each change has the next version and is the caller's to persist."""

    def __init__(self, settings: BrokerSettings, now_ms: int) -> None:
        own = boot_topics(settings)
        self.configs: dict[str, TopicConfig] = {config.topic_name: config for config in own}
        self.have_limits = False
        self.version = DataVersion(timestamp=now_ms)
        self.mapping_version = DataVersion(timestamp=now_ms)
        self._texts: dict[str, tuple[TopicConfig, Written]] = {}
        self.own_names = names.SYSTEM_TOPICS | self.configs.keys()

    def __contains__(self, topic: str) -> bool:
        return topic in self.configs

    def __len__(self) -> int:
        return len(self.configs)

    def find(self, topic: str) -> TopicConfig | None:
        """The topic's configuration."""
        return self.configs.get(topic)

    def require(self, topic: str) -> TopicConfig:
        """The topic's configuration; Refusal TOPIC_NOT_EXIST if there is none."""
        config = self.configs.get(topic)
        if config is None:
            raise Refusal(ResponseCode.TOPIC_NOT_EXIST, f"topic[{topic}] not exist")
        return config

    def is_system(self, topic: str) -> bool:
        """One of RocketMQ's own (TopicValidator#isSystemTopic)."""
        return topic in self.own_names or topic.startswith(names.SYSTEM_TOPIC_PREFIX)

    def is_order(self, topic: str) -> bool:
        """The topic is marked as ordered."""
        config = self.configs.get(topic)
        return config is not None and config.order

    def put(self, config: TopicConfig, now_ms: int) -> None:
        """Create or replace. Refusal if the name is illegal or there is no room for another topic."""
        if fault := stored_name_fault(config.topic_name):
            raise Refusal(ResponseCode.INVALID_PARAMETER, fault)
        if config.topic_name not in self.configs and self.is_full:
            raise Refusal(
                ResponseCode.SYSTEM_ERROR,
                f"topic[{config.topic_name}] is one too many: this broker holds {TOPICS_PER_BROKER_MAX} topics, "
                "delete those that are no longer used",
            )
        self.configs[config.topic_name] = config
        self.have_limits |= _has_limit(config)
        self.version = self.version.next(now_ms)

    @property
    def is_full(self) -> bool:
        """No topic can be added."""
        return len(self.configs) >= TOPICS_PER_BROKER_MAX

    def remove(self, topic: str, now_ms: int) -> bool:
        """Delete; false if there was no such topic."""
        if self.configs.pop(topic, None) is None:
            return False
        self.version = self.version.next(now_ms)
        return True

    def bump(self, now_ms: int) -> None:
        """The next version, because something else that registrations carry has changed."""
        self.version = self.version.next(now_ms)

    def page(self, start: int, count: int) -> Mapping[str, TopicConfig]:
        """`count` configurations from place `start` in the order of names."""
        chosen = sorted(self.configs)[max(start, 0) : max(start, 0) + max(count, 0)]
        return {name: self.configs[name] for name in chosen}

    def encode(self) -> bytes:
        """The content of topics.json. A topic is written as text once: ten thousand of them would take 0.3 s."""
        texts: dict[str, tuple[TopicConfig, Written]] = {}
        for name, config in self.configs.items():
            known = self._texts.get(name)
            if known is None or known[0] is not config:
                known = (config, Written(dumps_text(to_json(config), pretty=True, depth=2)))
            texts[name] = known
        self._texts = texts
        value = to_json(TopicConfigSerializeWrapper(data_version=self.version))
        assert isinstance(value, dict)
        value["topicConfigTable"] = {name: text for name, (_, text) in texts.items()}
        return dumps(value, pretty=True)

    def load(self, content: bytes) -> None:
        """Take over the content of topics.json; RocketMQ's own topics stay where it lacks them."""
        wrapper = TopicConfigSerializeWrapper.decode(content)
        legal = {name: config for name, config in wrapper.topic_config_table.items() if not stored_name_fault(name)}
        self.configs.update(legal)
        self.have_limits = any(map(_has_limit, legal.values()))
        self.version = wrapper.data_version


def _has_limit(config: TopicConfig) -> bool:
    return ATTRIBUTE_SEND_RATE_LIMIT in config.attributes or ATTRIBUTE_PULL_RATE_LIMIT in config.attributes


def _topic(name: str, queues: int, perm: int = PERM_READ_WRITE) -> TopicConfig:
    return TopicConfig(name, read_queue_nums=queues, write_queue_nums=queues, perm=perm)
