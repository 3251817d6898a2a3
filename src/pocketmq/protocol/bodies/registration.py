"""What a broker registers, in its three wire forms: JSON, compressed records, and the JSON of brokers before 3.0.11.

The compressed form is a zlib stream of records, each a length of 4 bytes and that many bytes:

    data version (JSON) · number of topics · topic (text), ... · filter servers (JSON)
    · number of static topics · mapping (JSON), ...          both only from brokers of 5.0 and later

where the two numbers stand alone. A topic's text is `name read write perm SINGLE_TAG {"attribute":"value"}`.
"""

import zlib
from collections.abc import Callable
from typing import TypeVar

from pocketmq.model.data_version import DataVersion
from pocketmq.model.errors import Refusal
from pocketmq.model.limits import INFLATED_BODY_BYTES_MAX
from pocketmq.model.topic import TopicConfig, TopicFilterType
from pocketmq.model.versions import V3_0_11, V5_0_0
from pocketmq.protocol.bodies.codec import decode_body, encode_body
from pocketmq.protocol.bodies.routes import (
    RegisterBrokerBody,
    TopicConfigAndMappingSerializeWrapper,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
)
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.compression import inflate
from pocketmq.protocol.fastjson import dumps, loads

T = TypeVar("T")

_NUMBER_BYTES = 4


def decode_registration(body: bytes, *, compressed: bool, version: int) -> RegisterBrokerBody:
    """The registration of a broker of this version; Refusal if the bytes are broken."""
    if version < V3_0_11:
        old = TopicConfigSerializeWrapper.decode(body) if body else TopicConfigSerializeWrapper()
        return RegisterBrokerBody(TopicConfigAndMappingSerializeWrapper(old.topic_config_table, old.data_version))
    if not compressed:
        return RegisterBrokerBody.decode(body) if body else RegisterBrokerBody()
    try:
        records = _Records(inflate(body, INFLATED_BODY_BYTES_MAX))
    except ValueError as fault:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"the registration is broken: {fault}") from None
    data_version = decode_body(DataVersion, records.take())
    topics = records.take_each(lambda record: parse_topic_config_text(_text(record)))
    servers = loads(records.take())
    mappings: list[TopicQueueMappingInfo] = []
    if version >= V5_0_0 and not records.is_at_end:
        mappings = records.take_each(TopicQueueMappingInfo.decode)
    wrapper = TopicConfigAndMappingSerializeWrapper(
        {topic.topic_name: topic for topic in topics},
        data_version,
        {mapping.topic: mapping for mapping in mappings if mapping.topic is not None},
    )
    return RegisterBrokerBody(wrapper, tuple(map(str, servers)) if isinstance(servers, list) else ())


def encode_registration(body: RegisterBrokerBody, *, compressed: bool) -> bytes:
    """The bytes of a registration in one of the two forms that brokers write now."""
    if not compressed:
        return body.encode()
    wrapper = body.topic_config_serialize_wrapper
    topics = [topic_config_text(topic).encode() for topic in wrapper.topic_config_table.values()]
    mappings = [mapping.encode() for mapping in wrapper.topic_queue_mapping_info_map.values()]
    pieces = [
        _record(encode_body(wrapper.data_version)),
        _number(len(topics)),
        *map(_record, topics),
        _record(dumps(list(body.filter_server_list))),
        _number(len(mappings)),
        *map(_record, mappings),
    ]
    return zlib.compress(b"".join(pieces), zlib.Z_BEST_COMPRESSION)


def topic_config_text(config: TopicConfig) -> str:
    """The topic in one line (TopicConfig#encode), which has no place for the system flag and the order."""
    return (
        f"{config.topic_name} {config.read_queue_nums} {config.write_queue_nums} {config.perm} "
        f"{config.topic_filter_type} {dumps(config.attributes).decode()}"
    )


def parse_topic_config_text(text: str) -> TopicConfig:
    """Inverse of `topic_config_text`; attributes that hold a blank are lost, as in Java. Refusal if ill-formed."""
    parts = text.split(" ")
    try:
        name, read_queue_nums, write_queue_nums, perm, filter_type = parts[:5]
        return TopicConfig(
            topic_name=name,
            read_queue_nums=int(read_queue_nums),
            write_queue_nums=int(write_queue_nums),
            perm=int(perm),
            topic_filter_type=TopicFilterType(filter_type),
            attributes=_attributes(parts[5]) if len(parts) > 5 else {},
        )
    except ValueError:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"the registered topic {text[:64]!r} is ill-formed") from None


def _attributes(text: str) -> dict[str, str]:
    try:
        attributes = loads(text.encode())
    except Refusal:
        return {}
    return {str(name): str(value) for name, value in attributes.items()} if isinstance(attributes, dict) else {}


class _Records:
    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._data)

    def take(self) -> bytes:
        return self._bytes(self._number())

    def take_each(self, read: Callable[[bytes], T]) -> list[T]:
        """As many records as the number that comes first says; each has at least its length, which bounds them."""
        count = self._number()
        if count * _NUMBER_BYTES > len(self._data) - self._at:
            raise Refusal(ResponseCode.SYSTEM_ERROR, f"the registration announces {count} records and ends before them")
        return [read(self.take()) for _ in range(count)]

    def _number(self) -> int:
        return int.from_bytes(self._bytes(_NUMBER_BYTES), "big")

    def _bytes(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise Refusal(ResponseCode.SYSTEM_ERROR, f"the registration ends before a record of {size} bytes")
        self._at += size
        return piece


def _record(content: bytes) -> bytes:
    return _number(len(content)) + content


def _number(number: int) -> bytes:
    return number.to_bytes(_NUMBER_BYTES, "big")


def _text(record: bytes) -> str:
    try:
        return record.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(ResponseCode.SYSTEM_ERROR, "a registered topic is not UTF-8") from None
