"""Settings changed while the broker runs: which may be, which have been, and their version (Configuration).

Only keys with a declared type and bounds may change, and none that names a path, an address or this list itself:
whoever reaches the port can send such a request.
"""

from collections.abc import Mapping

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.data_version import DataVersion
from pocketmq.model.errors import Refusal, UserError
from pocketmq.model.settings import page_of
from pocketmq.protocol.codes import ResponseCode

BLACK_LIST = frozenset({"brokerConfigPath", "rocketmqHome", "configBlackList"})
"""AdminBrokerProcessor#initConfigBlackList."""

ADDRESSES = frozenset({"namesrvAddr", "haMasterAddress"})
"""Where the broker connects to is for whoever starts it to say."""


class ConfigurationTable:
    """The broker's settings as a remote administrator sees them."""

    def __init__(self, settings: BrokerSettings, now_ms: int) -> None:
        self.settings = settings
        self.version = DataVersion(timestamp=now_ms)
        self.changed: dict[str, str] = {}
        self._page = page_of(type(settings))

    def change(self, wanted: Mapping[str, str], now_ms: int) -> tuple[list[str], list[str]]:
        """Apply all changes or none: the keys that took effect, and those that mean nothing here.

        Refusal for a key that may not change while the broker runs, or a value that its key cannot have.
        """
        black = BLACK_LIST.union(self.settings.config_black_list.split(";"))
        if not black.isdisjoint(wanted):
            raise Refusal(ResponseCode.NO_PERMISSION, "Can not update config in black list.")
        applied, ignored = [], []
        trial = self.settings.copy()
        for key, text in wanted.items():
            declaration = self._page.declarations.get(key)
            if declaration is None:
                ignored.append(key)
                continue
            if declaration.at_start or key in ADDRESSES:
                raise Refusal(ResponseCode.NO_PERMISSION, f"{key} can only be set when the broker starts")
            try:
                trial.assign(key, text)
            except UserError as error:
                raise Refusal(ResponseCode.INVALID_PARAMETER, str(error)) from error
            applied.append(key)
        for key in applied:
            self.settings.assign(key, wanted[key])
            self.changed[key] = wanted[key].strip()
        self.version = self.version.next(now_ms)
        return applied, ignored

    def text(self) -> str:
        """Every key and value as a properties file, sorted."""
        return "".join(f"{key}={value}\n" for key, value in self.settings.to_properties().items())
