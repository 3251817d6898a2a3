"""`mqnamesrv`: a name server from a RocketMQ configuration file, with the flags and the first lines of Java's."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pocketmq.node.command import add_log_flags, exit_status

if TYPE_CHECKING:
    from pocketmq.model.namesrv_settings import NamesrvSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `mqnamesrv`; the exit status."""
    arguments, words = build_parser().parse_known_args(argv)
    return exit_status("mqnamesrv", partial(run, arguments, words))


def build_parser() -> argparse.ArgumentParser:
    """The flags of Java's NamesrvStartup, and where to log."""
    parser = argparse.ArgumentParser(
        prog="mqnamesrv",
        description="Runs a RocketMQ name server.",
        epilog="After the flags: any setting, as listenPort=9876 or --listen-port=9876.",
        allow_abbrev=False,
    )
    parser.add_argument("-c", "--configFile", metavar="FILE", dest="config_file", help="namesrv.properties")
    parser.add_argument(
        "-n", "--namesrvAddr", metavar="ADDR", help="accepted as Java's does, and of no use to it either"
    )
    parser.add_argument("-p", "--printConfigItem", action="store_true", dest="print_all", help="print all settings")
    add_log_flags(parser)
    return parser


def run(arguments: argparse.Namespace, words: Sequence[str]) -> int:
    """Serves until SIGTERM or SIGINT; the exit status."""
    settings, warnings = settings_of(arguments, words, dict(os.environ))
    if arguments.print_all:
        for key, value in settings.to_properties().items():
            print(f"{key}={value}")
        return 0
    from pocketmq.node.event_loop import run as run_loop
    from pocketmq.node.logs import start_logging
    from pocketmq.node.preflight import require_folder, require_port_free
    from pocketmq.node.start_up_lines import config_file_loaded
    from pocketmq.node.up import report

    start_logging("namesrv", level=arguments.log_level, log_dir=arguments.log_dir)
    report(settings, warnings)
    if arguments.config_file:
        print(config_file_loaded(arguments.config_file), flush=True)
    require_folder(os.path.dirname(settings.kv_config_path), "kvConfigPath")
    require_port_free(settings.bind_address, settings.listen_port, "listenPort")
    from pocketmq.node.namesrv_role import serve_namesrv

    return run_loop(serve_namesrv(settings))


def settings_of(
    arguments: argparse.Namespace, words: Sequence[str], environment: dict[str, str]
) -> "tuple[NamesrvSettings, list[str]]":
    """The settings that defaults, file, environment and flags add up to, with warnings."""
    from pocketmq.model.namesrv_settings import NamesrvSettings
    from pocketmq.node.completion import complete_namesrv
    from pocketmq.node.config_files import Entry, apply, environment_entries, file_entries, word_entries

    entries = []
    if arguments.config_file:
        entries += [*file_entries(arguments.config_file), Entry("configStorePath", arguments.config_file, "-c")]
    entries += environment_entries(NamesrvSettings, environment)
    entries += word_entries(NamesrvSettings, words)
    settings = NamesrvSettings()
    warnings = apply(settings, entries)
    complete_namesrv(settings)
    return settings, warnings


if __name__ == "__main__":
    sys.exit(main())
