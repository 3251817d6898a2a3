"""Headers between a broker and its copies."""

from pocketmq.protocol.headers.declaration import Header, Int, Long


class ExchangeHAInfoRequest(Header, frozen=True, kw_only=True):
    """906 EXCHANGE_BROKER_HA_INFO."""

    master_ha_address: str | None = None
    master_flush_offset: Long | None = None
    master_address: str | None = None


class ExchangeHAInfoResponse(Header, frozen=True, kw_only=True):
    """Answer to EXCHANGE_BROKER_HA_INFO."""

    master_ha_address: str | None = None
    master_flush_offset: Long | None = None
    master_address: str | None = None


class ResetMasterFlushOffset(Header, frozen=True, kw_only=True):
    """908 RESET_MASTER_FLUSH_OFFSET."""

    master_flush_offset: Long


class NotifyMinBrokerIdChangeRequest(Header, frozen=True, kw_only=True):
    """905 NOTIFY_MIN_BROKER_ID_CHANGE."""

    min_broker_id: Long | None = None
    broker_name: str | None = None
    min_broker_addr: str | None = None
    offline_broker_addr: str | None = None
    ha_broker_addr: str | None = None


class NotifyBrokerRoleChangedRequest(Header, frozen=True, kw_only=True):
    """1008 NOTIFY_BROKER_ROLE_CHANGED."""

    master_address: str | None = None
    master_epoch: Int | None = None
    sync_state_set_epoch: Int | None = None
    master_broker_id: Long | None = None
