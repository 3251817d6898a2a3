"""Flags that the tools share."""

import argparse
import os

NAMESRV_ADDR = "127.0.0.1:9876"


def add_namesrv(parser: argparse.ArgumentParser) -> None:
    """Declares --namesrv; RocketMQ's NAMESRV_ADDR counts unless it is given."""
    parser.add_argument(
        "--namesrv",
        metavar="ADDRESS",
        default=os.environ.get("NAMESRV_ADDR") or NAMESRV_ADDR,
        help="name servers, host:port;host:port (%(default)s)",
    )


def at_least_one(word: str) -> int:
    """A count; argparse says which flag is wrong."""
    count = int(word)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{word} is less than 1")
    return count


def name_and_value(word: str) -> tuple[str, str]:
    """`k=v` taken apart; argparse says which flag is wrong."""
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{word!r} is not name=value")
    return name, value
