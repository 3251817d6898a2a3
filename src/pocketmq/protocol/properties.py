"""The text that carries a message's properties: `name \\x01 value \\x02`, over and over (MessageDecoder)."""

from collections.abc import Mapping

NAME_VALUE_SEPARATOR = "\x01"
PROPERTY_SEPARATOR = "\x02"


def decode_properties(text: bytes | str) -> dict[str, str]:
    """The properties in the text; a pair without name or value is dropped, bytes that are no UTF-8 are replaced.

    As in MessageDecoder#string2messageProperties, the last of equal names wins and an empty value is lost.
    """
    if not isinstance(text, str):
        text = str(text, "utf-8", "replace")
    properties: dict[str, str] = {}
    for pair in text.split(PROPERTY_SEPARATOR):
        name, _, value = pair.partition(NAME_VALUE_SEPARATOR)
        if name and value:
            properties[name] = value
    return properties


def encode_properties(properties: Mapping[str, str]) -> bytes:
    """The bytes of the properties, in their order; an empty value is written, though no reader will see it."""
    return encode_properties_text(properties).encode("utf-8", "replace")


def encode_properties_text(properties: Mapping[str, str]) -> str:
    """Like `encode_properties`, as the text that a send header carries."""
    return "".join(f"{name}{NAME_VALUE_SEPARATOR}{value}{PROPERTY_SEPARATOR}" for name, value in properties.items())
