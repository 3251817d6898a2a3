"""Runs a name server and a broker in one process, until it is told to stop."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pocketmq.node.command import add_log_flags

if TYPE_CHECKING:
    from pocketmq.model.broker_settings import BrokerSettings
    from pocketmq.model.namesrv_settings import NamesrvSettings
    from pocketmq.model.settings import Settings
    from pocketmq.node.config_files import Entry
    from pocketmq.node.plan import Listening

DATA = "./pocketmq-data"
BROKER_CONFIG = "config/broker.properties"
NAMESRV_CONFIG = "config/namesrv.properties"
"""Where settings changed over the network are kept, in the data folder; read again at the next start."""


_FLUSHES = {
    "SYNC_FLUSH": "A send is answered when its message is on the disk; --flush async answers sooner and may lose the "
    "last half second in a power cut.",
    "ASYNC_FLUSH": "A send is answered when its message is written, the disk follows: a power cut may take the last "
    "half second. --flush sync is safer.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags of `pocketmq up`; those left out leave the settings to environment and defaults."""
    parser.add_argument("--data", metavar="DIR", help=f"folder of the messages ({DATA})")
    parser.add_argument("--port", type=int, metavar="N", help="port of the broker (10911); 0 takes any free one")
    parser.add_argument("--namesrv-port", type=int, metavar="N", help="port of the name server (9876); 0 takes any")
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="address to listen on (127.0.0.1, because nobody is asked for a password; 0.0.0.0 is every address)",
    )
    parser.add_argument("--advertise", metavar="ADDRESS", help="address told to clients (the one listened on)")
    parser.add_argument(
        "--flush", choices=("async", "sync"), help="answer a send when it is written, or on the disk (sync)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="any setting of the broker"
    )
    parser.add_argument("--ready-file", metavar="PATH", help="write the addresses there as JSON once both accept")
    parser.add_argument("--json", action="store_true", help="print the addresses as one line of JSON once both accept")
    add_log_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGTERM or SIGINT; the exit status."""
    from pocketmq.node.event_loop import run as run_loop
    from pocketmq.node.log_places import require_folders
    from pocketmq.node.logs import start_logging
    from pocketmq.node.plan import StandalonePlan
    from pocketmq.node.preflight import require_port_free
    from pocketmq.tools.store_lock import store_lock

    broker, namesrv, warnings = settings_of(arguments, dict(os.environ))
    start_logging("pocketmq", level=arguments.log_level, log_dir=arguments.log_dir)
    report(broker, warnings)
    require_folders(broker, "--data")
    with store_lock(broker.store_path_root_dir, "--data"):
        require_port_free(namesrv.bind_address, namesrv.listen_port, "--namesrv-port")
        require_port_free(broker.bind_address, broker.listen_port, "--port")
        from pocketmq.node.standalone import serve

        def announce(listening: "Listening") -> None:
            if arguments.ready_file:
                write_ready_file(arguments.ready_file, listening)
            for line in ready_lines(broker, listening, as_json=arguments.json):
                print(line, flush=True)

        return run_loop(serve(StandalonePlan(broker, namesrv, announce)))


def settings_of(
    arguments: argparse.Namespace, environment: dict[str, str]
) -> "tuple[BrokerSettings, NamesrvSettings, list[str]]":
    """The settings that defaults, the data folder's files, the environment and the flags add up to, with warnings."""
    from pocketmq.node.completion import absolute, complete_broker, complete_namesrv

    data = absolute(arguments.data or environment.get("POCKETMQ_BROKER_STORE_PATH_ROOT_DIR") or DATA)
    broker, warnings = _broker_settings(arguments, environment, data)
    namesrv, more_warnings = _namesrv_settings(arguments, environment, data)
    completion_warnings = complete_broker(broker)
    complete_namesrv(namesrv)
    broker.namesrv_addr = f"{broker.broker_ip1}:{namesrv.listen_port}"
    return broker, namesrv, warnings + more_warnings + completion_warnings


def _broker_settings(
    arguments: argparse.Namespace, environment: dict[str, str], data: str
) -> "tuple[BrokerSettings, list[str]]":
    from pocketmq.model.broker_settings import BrokerSettings, FlushDiskType
    from pocketmq.node.completion import LOOPBACK
    from pocketmq.node.config_files import apply, environment_entries, stored_entries, word_entries

    settings = BrokerSettings(
        bind_address=LOOPBACK,
        store_path_root_dir=data,
        broker_config_path=os.path.join(data, BROKER_CONFIG),
        flush_disk_type=FlushDiskType.SYNC_FLUSH,
        disk_max_used_space_ratio=95,
        disk_space_clean_forcibly_ratio=97,
        disk_space_warning_level_ratio=98,
    )
    flags = {
        "--data": ("storePathRootDir", arguments.data),
        "--host": ("bindAddress", arguments.host),
        "--port": ("listenPort", arguments.port),
        "--advertise": ("brokerIP1", arguments.advertise),
        "--flush": ("flushDiskType", arguments.flush and f"{arguments.flush.upper()}_FLUSH"),
    }
    entries = [
        *stored_entries(settings.broker_config_path),
        *environment_entries(BrokerSettings, environment),
        *word_entries(BrokerSettings, arguments.settings),
        *_chosen(flags),
    ]
    return settings, apply(settings, entries)


def _namesrv_settings(
    arguments: argparse.Namespace, environment: dict[str, str], data: str
) -> "tuple[NamesrvSettings, list[str]]":
    from pocketmq.model.namesrv_settings import NamesrvSettings
    from pocketmq.node.completion import LOOPBACK
    from pocketmq.node.config_files import apply, environment_entries, stored_entries

    settings = NamesrvSettings(
        bind_address=LOOPBACK,
        config_store_path=os.path.join(data, NAMESRV_CONFIG),
        kv_config_path=os.path.join(data, "namesrv", "kvConfig.json"),
    )
    flags = {"--host": ("bindAddress", arguments.host), "--namesrv-port": ("listenPort", arguments.namesrv_port)}
    entries = [
        *stored_entries(settings.config_store_path),
        *environment_entries(NamesrvSettings, environment),
        *_chosen(flags),
    ]
    return settings, apply(settings, entries)


def _chosen(flags: Mapping[str, tuple[str, object]]) -> "list[Entry]":
    from pocketmq.node.config_files import Entry

    return [Entry(key, str(value), flag) for flag, (key, value) in flags.items() if value is not None]


def report(settings: "Settings", warnings: list[str]) -> None:
    """Logs what deserves a second look in the settings: warnings, and keys that mean nothing here, once."""
    import logging

    log = logging.getLogger("pocketmq.settings")
    for warning in warnings:
        log.warning("%s", warning)
    for reason, keys in settings.passed_over_by_reason().items():
        log.info("without meaning here, because %s: %s", reason, ", ".join(keys))


def ready_lines(broker: "BrokerSettings", listening: "Listening", *, as_json: bool) -> list[str]:
    """What standard output says once both accept: one line of JSON, or Java's two lines, when an answered send is
    safe, and what to try next."""
    from pocketmq.node.start_up_lines import broker_started, namesrv_started

    if as_json:
        return [ready_json(listening)]
    usual = listening.namesrv_address == "127.0.0.1:9876"
    namesrv = "" if usual else f" --namesrv {listening.namesrv_address}"
    return [
        namesrv_started(listening.namesrv_address),
        broker_started(broker.broker_name, listening.broker_address, listening.namesrv_address),
        _FLUSHES[broker.flush_disk_type],
        f"Try: pocketmq tail TopicTest{namesrv}   and in another window: pocketmq send TopicTest hello{namesrv}",
    ]


def ready_json(listening: "Listening") -> str:
    """The addresses for programs: host:port of both servers, and the process to stop."""
    return json.dumps(
        {"namesrv": listening.namesrv_address, "broker": listening.broker_address, "pid": os.getpid()},
    )


def write_ready_file(path: str, listening: "Listening") -> None:
    """Puts the addresses into a file that appears whole or not at all."""
    try:
        with open(f"{path}.tmp", "w", encoding="ascii") as ready:
            ready.write(ready_json(listening) + "\n")
        os.replace(f"{path}.tmp", path)
    except OSError as error:
        print(f"pocketmq: cannot write {path}: {error.strerror}", file=sys.stderr)
