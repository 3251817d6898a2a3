"""Bodies about topics and the brokers that serve them: routes, registrations, clusters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pocketmq.model.data_version import DataVersion
from pocketmq.model.names import STATIC_SCOPE_GLOBAL
from pocketmq.model.topic import TopicConfig
from pocketmq.protocol.bodies.codec import Body

__all__ = [
    "BrokerData",
    "BrokerMemberGroup",
    "ClusterInfo",
    "CreateTopicListRequestBody",
    "DataVersion",
    "GetBrokerMemberGroupResponseBody",
    "KVTable",
    "LogicQueueMappingItem",
    "QueueData",
    "RegisterBrokerBody",
    "RegisterBrokerResult",
    "TopicConfigAndMappingSerializeWrapper",
    "TopicConfigAndQueueMapping",
    "TopicConfigSerializeWrapper",
    "TopicList",
    "TopicQueueMappingDetail",
    "TopicQueueMappingInfo",
    "TopicQueueMappingSerializeWrapper",
    "TopicRemappingDetailWrapper",
    "TopicRouteData",
]


@dataclass(frozen=True, slots=True)
class QueueData(Body):
    """How many queues a topic has on one broker."""

    broker_name: str
    read_queue_nums: int = 0
    write_queue_nums: int = 0
    perm: int = 0
    topic_sys_flag: int = 0


@dataclass(frozen=True, slots=True)
class BrokerData(Body):
    """The master and the copies that serve under one broker name; id 0 is the master."""

    cluster: str
    broker_name: str
    broker_addrs: Mapping[int, str] = field(default_factory=dict)
    zone_name: str | None = None
    enable_acting_master: bool = False


@dataclass(frozen=True, slots=True)
class TopicQueueMappingInfo(Body):
    """Which queues of a static topic a broker has now; `curr_id_map` maps logical to physical ids."""

    topic: str | None = None
    scope: str = STATIC_SCOPE_GLOBAL
    total_queues: int = 0
    bname: str | None = None
    epoch: int = 0
    dirty: bool = False
    curr_id_map: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogicQueueMappingItem(Body):
    """One stretch of a logical queue's life on one physical queue."""

    gen: int = 0
    queue_id: int = 0
    bname: str | None = None
    logic_offset: int = 0
    start_offset: int = 0
    end_offset: int = -1
    time_of_start: int = -1
    time_of_end: int = -1


@dataclass(frozen=True, slots=True)
class TopicQueueMappingDetail(TopicQueueMappingInfo):
    """A static topic on one broker, with the history of the queues it hosts."""

    hosted_queues: Mapping[int, Sequence[LogicQueueMappingItem]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TopicRouteData(Body):
    """Where a topic's queues are: the answer to every client's first question."""

    order_topic_conf: str | None = None
    queue_datas: Sequence[QueueData] = ()
    broker_datas: Sequence[BrokerData] = ()
    filter_server_table: Mapping[str, Sequence[str]] = field(default_factory=dict)
    topic_queue_mapping_by_broker: Mapping[str, TopicQueueMappingInfo] | None = None


@dataclass(frozen=True, slots=True)
class ClusterInfo(Body):
    """Every broker by name, and the names in each cluster."""

    broker_addr_table: Mapping[str, BrokerData] = field(default_factory=dict)
    cluster_addr_table: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BrokerMemberGroup(Body):
    """The living members that serve under one broker name."""

    cluster: str
    broker_name: str
    broker_addrs: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GetBrokerMemberGroupResponseBody(Body):
    """Answer to GET_BROKER_MEMBER_GROUP."""

    broker_member_group: BrokerMemberGroup | None = None


@dataclass(frozen=True, slots=True)
class TopicConfigSerializeWrapper(Body):
    """A broker's topics as brokers before 5.0 wrote them, and as `topics.json` holds them."""

    topic_config_table: Mapping[str, TopicConfig] = field(default_factory=dict)
    data_version: DataVersion = field(default_factory=DataVersion)


@dataclass(frozen=True, slots=True)
class TopicConfigAndMappingSerializeWrapper(TopicConfigSerializeWrapper):
    """A broker's topics with what it knows about static ones."""

    topic_queue_mapping_info_map: Mapping[str, TopicQueueMappingInfo] = field(default_factory=dict)
    topic_queue_mapping_detail_map: Mapping[str, TopicQueueMappingDetail] = field(default_factory=dict)
    mapping_data_version: DataVersion = field(default_factory=DataVersion)


@dataclass(frozen=True, slots=True)
class TopicQueueMappingSerializeWrapper(Body):
    """What `topicQueueMapping.json` holds."""

    topic_queue_mapping_info_map: Mapping[str, TopicQueueMappingDetail] = field(default_factory=dict)
    data_version: DataVersion = field(default_factory=DataVersion)


@dataclass(frozen=True, slots=True)
class RegisterBrokerBody(Body):
    """What a broker tells a name server about itself; `registration` knows its compressed form."""

    topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper = field(
        default_factory=TopicConfigAndMappingSerializeWrapper
    )
    filter_server_list: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TopicList(Body):
    """Topic names, and sometimes the broker they come from."""

    topic_list: Sequence[str] = ()
    broker_addr: str | None = None


@dataclass(frozen=True, slots=True)
class KVTable(Body):
    """Pairs of text: run-time figures, order topics."""

    table: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegisterBrokerResult(Body):
    """What a broker learns from registering, as one value."""

    ha_server_addr: str | None = None
    master_addr: str | None = None
    kv_table: KVTable | None = None


@dataclass(frozen=True, slots=True)
class CreateTopicListRequestBody(Body):
    """Topics to make or change at once."""

    topic_config_list: Sequence[TopicConfig] = ()


@dataclass(frozen=True, slots=True)
class TopicConfigAndQueueMapping(TopicConfig, Body):
    """A topic on one broker together with its static mapping."""

    mapping_detail: TopicQueueMappingDetail | None = None


@dataclass(frozen=True, slots=True)
class TopicRemappingDetailWrapper(Body):
    """A plan to create or move a static topic, as the tools keep it in a file."""

    topic: str | None = None
    type: str | None = None
    epoch: int = 0
    broker_config_map: Mapping[str, TopicConfigAndQueueMapping] = field(default_factory=dict)
    broker_to_map_in: Sequence[str] = ()
    broker_to_map_out: Sequence[str] = ()
