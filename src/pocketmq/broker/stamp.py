"""What a broker adds to every message it stores, and to every answer of a send (AbstractSendMessageProcessor)."""

from collections.abc import Mapping
from dataclasses import dataclass

from pocketmq.model import properties as keys
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.protocol.properties import PROPERTY_SEPARATOR, encode_properties


@dataclass(frozen=True, slots=True)
class Stamp:
    """Region and trace switch, which clients read, and the cluster, which a reply finds its way back by."""

    reply_fields: Mapping[str, str]
    properties: Mapping[str, str]
    encoded: bytes
    encoded_after: bytes
    """The same, behind properties whose last separator is missing."""

    @classmethod
    def of(cls, settings: BrokerSettings) -> "Stamp":
        """The stamp of a broker with these settings."""
        reply_fields = {
            keys.MSG_REGION: settings.region_id,
            keys.TRACE_SWITCH: "true" if settings.trace_on else "false",
        }
        properties = {**reply_fields, keys.CLUSTER: settings.broker_cluster_name}
        encoded = encode_properties(properties)
        return cls(reply_fields, properties, encoded, PROPERTY_SEPARATOR.encode() + encoded)
