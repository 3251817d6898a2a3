"""Messages as a caller writes and receives them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pocketmq.client.errors import IllegalMessage
from pocketmq.model import message as model
from pocketmq.model import properties as names

RESERVED_NAMES = frozenset(value for key, value in vars(names).items() if key.isupper()) - {
    names.KEY_SEPARATOR,
    names.INDEX_KEY_TYPE,
    names.INDEX_UNIQUE_TYPE,
    names.INDEX_TAG_TYPE,
    names.TIMER_ENGINE_ROCKSDB,
    names.TIMER_ENGINE_TIME_WHEEL,
}
"""MessageConst.STRING_HASH_SET: properties that are RocketMQ's own."""

SEPARATORS = "\x01\x02"
"""MessageDecoder: what stands between names and values on the wire."""


class Message(model.Message):
    """What a producer sends. Of `delay_level`, `delay` and `deliver_at` at most one.

    `tags` is one tag that consumers filter by; `keys` are words to look the message up by; `properties` are the
    caller's own. `waits_for_store=False` asks for the answer before the message is as durable as the broker's policy.
    """

    __slots__ = ()

    def __init__(
        self,
        topic: str,
        body: bytes,
        *,
        tags: str | None = None,
        keys: str | Iterable[str] | None = None,
        properties: Mapping[str, str] | None = None,
        delay_level: int | None = None,
        delay: timedelta | None = None,
        deliver_at: datetime | None = None,
        waits_for_store: bool = True,
        flag: int = 0,
    ) -> None:
        known: dict[str, str] = {}
        if keys is not None:
            known[names.KEYS] = keys if isinstance(keys, str) else names.KEY_SEPARATOR.join(keys)
        if tags is not None:
            known[names.TAGS] = tags
        known[names.WAIT] = "true" if waits_for_store else "false"
        known |= _when(delay_level, delay, deliver_at)
        for name, value in (properties or {}).items():
            if name in RESERVED_NAMES:
                raise IllegalMessage(f"property {name!r} is one of RocketMQ's own; choose another name")
            known[name] = value
        for name, value in known.items():
            if not name.strip() or not value.strip():
                raise IllegalMessage(f"property {name!r} is {value!r}: neither name nor value may be blank")
            if any(mark in name or mark in value for mark in SEPARATORS):
                raise IllegalMessage(f"property {name!r} holds \\x01 or \\x02, which separate properties on the wire")
        super().__init__(topic, bytes(body), known, flag)


def _when(level: int | None, delay: timedelta | None, deliver_at: datetime | None) -> dict[str, str]:
    if sum(choice is not None for choice in (level, delay, deliver_at)) > 1:
        raise IllegalMessage("of delay_level, delay and deliver_at a message can have one")
    if level is not None:
        return {names.DELAY: str(level)}
    if delay is not None:
        return {names.TIMER_DELAY_MS: str(round(delay.total_seconds() * 1000))}
    if deliver_at is not None:
        return {names.TIMER_DELIVER_MS: str(round(deliver_at.timestamp() * 1000))}
    return {}
