"""The key-value table: namespace -> key -> text, kept in kvConfig.json (KVConfigManager, KVConfigSerializeWrapper)."""

from collections.abc import Mapping
from typing import Self

from pocketmq.model.errors import Refusal
from pocketmq.model.limits import KV_CONFIG_CHARS_MAX
from pocketmq.protocol import fastjson
from pocketmq.protocol.codes import ResponseCode


class KvConfig:
    """The table. A namespace whose last key is deleted stays, empty, as RocketMQ answers for it."""

    __slots__ = ("_chars", "_chars_max", "_tables")

    def __init__(self, *, chars_max: int = KV_CONFIG_CHARS_MAX) -> None:
        self._tables: dict[str, dict[str, str]] = {}
        self._chars = 0
        self._chars_max = chars_max

    @classmethod
    def load(cls, text: bytes) -> Self:
        """The table in a file's content; Refusal if it is none."""
        namespaces = fastjson.loads_object(text).get("configTable")
        if not isinstance(namespaces, dict):
            raise Refusal(ResponseCode.SYSTEM_ERROR, "there is no configTable in it")
        kv_config = cls()
        for namespace, table in namespaces.items():
            if not isinstance(table, dict):
                raise Refusal(ResponseCode.SYSTEM_ERROR, f"its namespace {namespace!r} is no table")
            kv_config._tables[str(namespace)] = {
                str(key): value if isinstance(value, str) else fastjson.dumps_text(value)
                for key, value in table.items()
                if value is not None
            }
        kv_config._chars = sum(map(_namespace_chars, kv_config._tables.items()))
        return kv_config

    def text(self) -> bytes:
        """Content of the file, as Java writes it."""
        return fastjson.dumps({"configTable": self._tables})

    def find(self, namespace: str, key: str) -> str | None:
        """The value, None if there is none."""
        return self._tables.get(namespace, {}).get(key)

    def find_namespace(self, namespace: str) -> Mapping[str, str] | None:
        """All keys of a namespace, None if nothing was ever put there."""
        return self._tables.get(namespace)

    def put(self, namespace: str, key: str, value: str) -> None:
        """Sets a value; Refusal if the table would grow beyond its bound."""
        table = self._tables.get(namespace, {})
        chars = self._chars + len(value) - len(table.get(key, ""))
        chars += 0 if key in table else len(key)
        chars += 0 if namespace in self._tables else len(namespace)
        if chars > self._chars_max:
            remark = f"the key-value table is full: {chars} of {self._chars_max} characters; delete keys"
            raise Refusal(ResponseCode.SYSTEM_ERROR, remark)
        self._tables.setdefault(namespace, table)[key] = value
        self._chars = chars

    def delete(self, namespace: str, key: str) -> bool:
        """Forgets a key; False if there was none."""
        value = self._tables.get(namespace, {}).pop(key, None)
        if value is None:
            return False
        self._chars -= len(key) + len(value)
        return True


def _namespace_chars(namespace: tuple[str, Mapping[str, str]]) -> int:
    name, table = namespace
    return len(name) + sum(len(key) + len(value) for key, value in table.items())
