"""`pocketmq`: one command to try it, and the tools a person needs around it.

Only the chosen command's modules are imported, so that `pocketmq send --help` answers at once.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from pocketmq.node.command import exit_status

VERSION = "0.1.0"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `pocketmq`; the exit status."""
    arguments = build_parser().parse_args(argv)
    return exit_status("pocketmq", partial(arguments.run, arguments))


def build_parser() -> argparse.ArgumentParser:
    """The commands with their flags."""
    from pocketmq.node import up
    from pocketmq.tools import doctor, fsck, send, store, tail

    parser = argparse.ArgumentParser(
        prog="pocketmq",
        description="Apache RocketMQ in Python.",
        epilog="mqbroker and mqnamesrv run one server from a RocketMQ configuration file.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pocketmq {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module, summary in (
        ("up", up, "run a name server and a broker in one process"),
        ("send", send, "send messages"),
        ("tail", tail, "print messages as they arrive"),
        ("doctor", doctor, "find what keeps clients from a broker"),
        ("fsck", fsck, "verify a store's folder, and repair what is derived"),
        ("store", store, "look into a store's folder: inspect, dump"),
    ):
        command = commands.add_parser(name, help=summary, description=module.__doc__, allow_abbrev=False)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
