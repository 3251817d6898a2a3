"""Prints the messages of a topic as they arrive. Without --group it looks on and takes nothing from any group."""

import argparse
import zlib
from typing import TYPE_CHECKING

from pocketmq.tools.arguments import add_namesrv, at_least_one

if TYPE_CHECKING:
    from pocketmq.client.consumer import Consumer

ONLOOKER_CHARS_MAX = 100
"""What of a topic's name goes into the name of the group that looks on; a group's has at most 120."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags of `pocketmq tail`."""
    parser.add_argument("topic", metavar="TOPIC")
    parser.add_argument("--group", help="consume as a member of this group, and commit what was printed")
    parser.add_argument(
        "--from", dest="start_at", choices=("first", "last"), default="last", help="where to begin (%(default)s)"
    )
    parser.add_argument("--tag", default="*", metavar="EXPRESSION", help="only these tags: 'A || B'")
    parser.add_argument("--count", type=at_least_one, metavar="N", help="stop after N messages")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each message")
    add_namesrv(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints until interrupted, or until `--count` messages are printed."""
    import asyncio

    return asyncio.run(tail(arguments))


async def tail(arguments: argparse.Namespace) -> int:
    """Prints what arrives; the exit status."""
    from pocketmq.tools.printing import json_of, line_of

    shown = json_of if arguments.json else line_of
    printed = 0
    async with consumer_of(arguments) as consumer:
        await consumer.subscribe(arguments.topic, arguments.tag)
        async for message in consumer:
            print(shown(message), flush=True)
            await message.ack()
            printed += 1
            if printed == arguments.count:
                break
    return 0


def consumer_of(arguments: argparse.Namespace) -> "Consumer":
    """A member of the group, or an onlooker whose offsets nobody keeps."""
    from pocketmq.client.consumer import Consumer

    return Consumer(
        arguments.namesrv,
        group=arguments.group or onlooker_group(arguments.topic, arguments.tag),
        broadcasting=arguments.group is None,
        start_at=arguments.start_at,
    )


def onlooker_group(topic: str, tag: str) -> str:
    """A group for those who only look: the same for all who look at the same, because a broker remembers each group."""
    looked_at = f"{topic} {tag}"
    suffix = "" if tag == "*" and len(topic) <= ONLOOKER_CHARS_MAX else f"-{zlib.crc32(looked_at.encode()):08x}"
    return f"tail-{topic[:ONLOOKER_CHARS_MAX]}{suffix}"
