"""A setting that nothing reads must not pretend: it is listed with the reason why it has no effect, and no other is."""

import re
from pathlib import Path

import pytest

from pocketmq.model.broker_idle_keys import BROKER_IDLE_KEYS
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import UserError
from pocketmq.model.namesrv_settings import NAMESRV_IDLE_KEYS, NamesrvSettings
from pocketmq.model.settings import Settings, UnusedKeys, page_of

PACKAGE = Path(__file__).resolve().parents[3] / "src" / "pocketmq"

PREPARATION = {"completion.py", "up.py", "mqbroker.py", "mqnamesrv.py"}
"""They fill settings in and act on none."""

READ_BEFORE = {"ha_listen_port", "broker_ip2", "store_path_commit_log"}
"""`BrokerSettings.ha_address` is made of the first two, and the start refuses another log folder than the usual."""

IDLE: list[tuple[type[Settings], tuple[UnusedKeys, ...], tuple[str, ...]]] = [
    (BrokerSettings, BROKER_IDLE_KEYS, ("broker", "store", "replication", "node")),
    (NamesrvSettings, NAMESRV_IDLE_KEYS, ("namesrv", "node")),
]


@pytest.mark.parametrize(("page", "idle", "rooms"), IDLE)
def test_what_nothing_reads_is_listed_and_nothing_else(
    page: type[Settings], idle: tuple[UnusedKeys, ...], rooms: tuple[str, ...]
) -> None:
    files = [path for room in rooms for path in (PACKAGE / room).rglob("*.py") if path.name not in PREPARATION]
    read = set(re.findall(r"\.([a-z][a-z0-9_]*)\b", "\n".join(path.read_text() for path in files)))
    read |= READ_BEFORE
    declarations = page_of(page).declarations
    listed = {key for table in idle for key, _ in table.defaults()}
    assert listed <= set(declarations)
    unread = {key for key, declared in declarations.items() if declared.attribute not in read}
    assert unread - listed == set(), "nothing reads these: list them with the reason, or read them"
    assert listed - unread == set(), "these are read now: take them off the list"


def test_an_idle_setting_is_checked_kept_printed_and_told() -> None:
    key, table = next(
        (key, table) for table in BROKER_IDLE_KEYS for key, _ in table.defaults() if not table.only_default
    )
    declared = page_of(BrokerSettings).declarations[key]
    other = next(
        text for text in ("POP", "false", "true", "7", "07") if declared.parse(text) not in (None, declared.default)
    )
    settings = BrokerSettings()
    assert settings.assign(key, other) == []
    assert getattr(settings, declared.attribute) == declared.parse(other)
    assert settings.to_properties()[key] == other
    assert settings.passed_over_by_reason() == {table.reason: [key]}


def test_a_promise_to_wait_for_replicas_is_refused() -> None:
    with pytest.raises(UserError, match="inSyncReplicas=2 cannot be honoured: there are no replicas to wait for"):
        BrokerSettings().assign("inSyncReplicas", "2")
    assert BrokerSettings().assign("inSyncReplicas", "1") == []
