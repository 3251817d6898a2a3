"""Writes docs/configuration.md from the declarations of the settings; `--check` only fails if it is out of date."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.delivery_settings import DeliverySettings
from pocketmq.model.limit_settings import LimitSettings
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.settings import INT_MAX, LONG_MAX, Declaration, Settings, page_of, value_text
from pocketmq.model.store_settings import StoreSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"

INTRODUCTION = """\
# Configuration

PocketMQ reads RocketMQ's configuration files and knows every key of a 5.5.0 broker and name server: those below do
what they do in RocketMQ, the others are listed at the end with the reason why they have no effect here. This page is
written by `scripts/gen_config_docs.py` from the declarations in `src/pocketmq/model/`.

## Where a value comes from

Later ones win:

1. the default below;
2. the file: `mqbroker -c broker.conf`, `mqnamesrv -c namesrv.properties`; `pocketmq up` reads
   `config/broker.properties` and `config/namesrv.properties` in its data folder, if they are there;
3. the environment: `POCKETMQ_BROKER_LISTEN_PORT` for a broker's `listenPort`, `POCKETMQ_NAMESRV_LISTEN_PORT` for a name
   server's, and RocketMQ's own `NAMESRV_ADDR`;
4. the command line: `listenPort=10911` or `--listen-port=10911` after the flags of `mqbroker` and `mqnamesrv`,
   `--set listenPort=10911` with `pocketmq up`, and the flags that have a name of their own (`-n`, `--port`).

`mqbroker -p` prints what they add up to. Values marked *yes* under "At run time" can be changed while the broker runs
(`mqadmin updateBrokerConfig`); the change is written to the configuration file. The others are read at start.

## What is an error

Files have the syntax of Java properties; blanks around a value do not count. Unlike RocketMQ, PocketMQ does not start
with a mistake in them:

- an unknown key: `broker.conf:7: unknown key 'brokerIp1'; did you mean brokerIP1?`;
- a value of another type or out of bounds: `broker.conf:8: listenPort must be an integer from 0 to 65535, not '1O911'`;
- a key that asks for what PocketMQ does not have and must not pretend to, such as `aclEnable=true`.

A `#` after a value belongs to the value, as in Java; a warning points it out. `mapedFileSizeCommitLog` and
`mapedFileSizeConsumeQueue`, historic names, are taken with a warning.
"""

SECTIONS: tuple[tuple[str, type[Settings], tuple[type[Settings], ...]], ...] = (
    ("Broker: identity, addresses, registration", BrokerSettings, (LimitSettings,)),
    ("Broker: limits", LimitSettings, (DeliverySettings,)),
    ("Broker: topics, sending, pulling, popping, transactions", DeliverySettings, (StoreSettings,)),
    ("Broker: store, timers, copies", StoreSettings, ()),
    ("Name server", NamesrvSettings, ()),
)


def main() -> int:
    """Writes or checks the page; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the page is not what the declarations say")
    if not parser.parse_args().check:
        PAGE.write_text(page_text(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page_text():
        return 0
    print(f"{PAGE.name} is out of date; run scripts/gen_config_docs.py", file=sys.stderr)
    return 1


def page_text() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for title, page, earlier in SECTIONS:
        inherited = {slot.name for parent in earlier for slot in fields(parent)}
        known = page_of(page)
        declared = [
            one for key, one in known.declarations.items() if one.attribute not in inherited and key not in known.unused
        ]
        parts.append(f"## {title}\n\n" + "".join(settings_table(declared)))
    parts.append("## Keys of a broker that have no effect\n\n" + "".join(unused_list(BrokerSettings)))
    parts.append("## Keys of a name server that have no effect\n\n" + "".join(unused_list(NamesrvSettings)))
    return "\n".join(parts)


def settings_table(declarations: list[Declaration]) -> Iterator[str]:
    """A table row for each setting."""
    yield "| Key | Default | Values | At run time | Meaning |\n|---|---|---|---|---|\n"
    for one in declarations:
        default = f"`{value_text(one.default)}`" if one.default != "" else ""
        live = "" if one.at_start else "yes"
        yield f"| `{one.key}` | {default} | {values(one)} | {live} | {one.doc} |\n"


def values(one: Declaration) -> str:
    """What may be given, in few words."""
    if isinstance(one.default, bool | str):
        return one.type_name.removeprefix("one of ")
    return f"{one.low} or more" if one.high in (INT_MAX, LONG_MAX) else f"{one.low} to {one.high}"


def unused_list(page: type[Settings]) -> Iterator[str]:
    """The keys under each reason; those where another value than the default is an error say so."""
    for table in page.UNUSED:
        keys = ", ".join(f"`{key}`" for key, _ in table.defaults())
        strict = " Another value than the default is an error." if table.only_default else ""
        yield f"- **{table.reason[0].upper()}{table.reason[1:]}.**{strict} {keys}\n"


if __name__ == "__main__":
    sys.exit(main())
