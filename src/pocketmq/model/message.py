"""A message as a producer makes it, and as a broker has stored it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from pocketmq.model import properties as names

_NO_PROPERTIES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Message:
    """What a producer sends (Message)."""

    topic: str
    body: bytes
    properties: Mapping[str, str] = field(default_factory=dict)
    flag: int = 0
    transaction_id: str | None = None

    @property
    def tags(self) -> str | None:
        """The tag that consumers filter by."""
        return self.properties.get(names.TAGS)

    @property
    def keys(self) -> str | None:
        """The keys it is indexed by, separated by blanks."""
        return self.properties.get(names.KEYS)

    @property
    def unique_key(self) -> str | None:
        """The id its client gave it."""
        return self.properties.get(names.UNIQUE_KEY)

    @property
    def waits_for_store(self) -> bool:
        """Whether the sender wants its answer only when policy holds the message durable (WAIT)."""
        return self.properties.get(names.WAIT, "true").lower() == "true"


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker has stored (MessageExt): hosts are `host:port` texts, `message_id` is the offset id.

    A struct, as a consumer makes one for each message; `msgspec.structs.replace` makes a changed copy.
    """

    topic: str
    body: bytes
    properties: Mapping[str, str] = _NO_PROPERTIES
    flag: int = 0
    queue_id: int = 0
    queue_offset: int = 0
    log_offset: int = 0
    store_size: int = 0
    sys_flag: int = 0
    body_crc: int = 0
    born_timestamp: int = 0
    born_host: str = ""
    store_timestamp: int = 0
    store_host: str = ""
    reconsume_times: int = 0
    prepared_transaction_offset: int = 0
    message_id: str | None = None
    transaction_id: str | None = None
    broker_name: str | None = None

    @property
    def tags(self) -> str | None:
        """The tag that consumers filter by."""
        return self.properties.get(names.TAGS)

    @property
    def keys(self) -> str | None:
        """The keys it is indexed by, separated by blanks."""
        return self.properties.get(names.KEYS)

    @property
    def unique_key(self) -> str | None:
        """The id its client gave it."""
        return self.properties.get(names.UNIQUE_KEY)
