"""`mqbroker`: a broker from a RocketMQ configuration file, with the flags and the first line of Java's."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pocketmq.node.command import add_log_flags, exit_status

if TYPE_CHECKING:
    from pocketmq.model.broker_settings import BrokerSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `mqbroker`; the exit status."""
    arguments, words = build_parser().parse_known_args(argv)
    return exit_status("mqbroker", partial(run, arguments, words))


def build_parser() -> argparse.ArgumentParser:
    """The flags of Java's BrokerStartup, and where to log."""
    parser = argparse.ArgumentParser(
        prog="mqbroker",
        description="Runs a RocketMQ broker.",
        epilog="After the flags: any setting, as listenPort=10911 or --listen-port=10911.",
        allow_abbrev=False,
    )
    parser.add_argument("-c", "--configFile", metavar="FILE", dest="config_file", help="broker.conf")
    parser.add_argument(
        "-n", "--namesrvAddr", metavar="ADDR", dest="namesrv_addr", help="name servers, host:port;host:port"
    )
    parser.add_argument("-p", "--printConfigItem", action="store_true", dest="print_all", help="print all settings")
    parser.add_argument(
        "-m", "--printImportantConfig", action="store_true", dest="print_important", help="print the important settings"
    )
    add_log_flags(parser)
    return parser


def run(arguments: argparse.Namespace, words: Sequence[str]) -> int:
    """Serves until SIGTERM or SIGINT; the exit status."""
    settings, warnings = settings_of(arguments, words, dict(os.environ))
    if arguments.print_all or arguments.print_important:
        print_settings(settings, important=not arguments.print_all)
        return 0
    from pocketmq.node.event_loop import run as run_loop
    from pocketmq.node.log_places import require_folders
    from pocketmq.node.logs import start_logging
    from pocketmq.node.preflight import require_port_free
    from pocketmq.node.up import report
    from pocketmq.tools.store_lock import store_lock

    start_logging("broker", level=arguments.log_level, log_dir=arguments.log_dir)
    report(settings, warnings)
    require_folders(settings, "storePathRootDir")
    with store_lock(settings.store_path_root_dir, "storePathRootDir"):
        require_port_free(settings.bind_address, settings.listen_port, "listenPort")
        from pocketmq.node.broker_role import serve_broker

        return run_loop(serve_broker(settings))


def settings_of(
    arguments: argparse.Namespace, words: Sequence[str], environment: dict[str, str]
) -> "tuple[BrokerSettings, list[str]]":
    """The settings that defaults, file, environment and flags add up to, with warnings."""
    from pocketmq.model.broker_settings import BrokerSettings
    from pocketmq.node.completion import complete_broker
    from pocketmq.node.config_files import Entry, apply, environment_entries, file_entries, word_entries

    entries = []
    if arguments.config_file:
        entries += [Entry("brokerConfigPath", arguments.config_file, "-c"), *file_entries(arguments.config_file)]
    if namesrv_addr := environment.get("NAMESRV_ADDR"):
        entries.append(Entry("namesrvAddr", namesrv_addr, "environment variable NAMESRV_ADDR"))
    entries += environment_entries(BrokerSettings, environment)
    entries += word_entries(BrokerSettings, words)
    if arguments.namesrv_addr:
        entries.append(Entry("namesrvAddr", arguments.namesrv_addr, "-n"))
    settings = BrokerSettings()
    warnings = apply(settings, entries)
    return settings, warnings + complete_broker(settings)


def print_settings(settings: "BrokerSettings", *, important: bool) -> None:
    """Prints `key=value` lines: all keys, or those that Java marks as important and that mean something here."""
    from pocketmq.model.settings import page_of

    declarations = page_of(type(settings)).declarations
    for key, value in settings.to_properties().items():
        if not important or (key in declarations and declarations[key].important):
            print(f"{key}={value}")


if __name__ == "__main__":
    sys.exit(main())
