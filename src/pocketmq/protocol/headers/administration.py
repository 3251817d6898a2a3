"""Headers of what an administrator asks a broker."""

from pocketmq.protocol.headers.declaration import Header, Long, TopicRequest


class GetConsumeStatsRequest(TopicRequest, frozen=True, kw_only=True):
    """208 GET_CONSUME_STATS."""

    consumer_group: str
    topic: str | None = None
    topic_list: str | None = None


class GetConsumeStatsInBroker(Header, frozen=True, kw_only=True):
    """317 GET_BROKER_CONSUME_STATS."""

    is_order: bool = False


class QueryConsumeTimeSpanRequest(TopicRequest, frozen=True, kw_only=True):
    """303 QUERY_CONSUME_TIME_SPAN."""

    topic: str
    group: str


class ViewBrokerStatsDataRequest(Header, frozen=True, kw_only=True):
    """315 VIEW_BROKER_STATS_DATA."""

    stats_name: str
    stats_key: str


class GetBrokerConfigResponse(Header, frozen=True, kw_only=True):
    """Answer to GET_BROKER_CONFIG."""

    version: str


class CheckRocksdbCqWriteProgressRequest(Header, frozen=True, kw_only=True):
    """354 CHECK_ROCKSDB_CQ_WRITE_PROGRESS."""

    topic: str
    check_store_time: Long = 0


class ExportRocksDBConfigToJsonRequest(Header, frozen=True, kw_only=True):
    """355 EXPORT_ROCKSDB_CONFIG_TO_JSON."""

    config_type: str


class AddBrokerRequest(Header, frozen=True, kw_only=True):
    """902 ADD_BROKER."""

    config_path: str | None = None


class RemoveBrokerRequest(Header, frozen=True, kw_only=True):
    """903 REMOVE_BROKER."""

    broker_name: str
    broker_cluster_name: str
    broker_id: Long
