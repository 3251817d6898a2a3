"""Sends a message, or the same one several times, and prints where each was stored."""

import argparse
from typing import TYPE_CHECKING

from pocketmq.tools.arguments import add_namesrv, at_least_one, name_and_value

if TYPE_CHECKING:
    from pocketmq.client.message import Message


GROUP = "pocketmq-send"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags of `pocketmq send`."""
    parser.add_argument("topic", metavar="TOPIC")
    parser.add_argument("body", metavar="BODY", help="text, sent as UTF-8")
    parser.add_argument("--tag", help="what consumers filter by")
    parser.add_argument(
        "--key", action="append", default=[], dest="keys", help="what the message is found by; repeatable"
    )
    parser.add_argument(
        "--property", action="append", default=[], type=name_and_value, dest="properties", metavar="NAME=VALUE"
    )
    parser.add_argument("--count", type=at_least_one, default=1, metavar="N", help="how often (1)")
    add_namesrv(parser)


def run(arguments: argparse.Namespace) -> int:
    """Sends; the exit status."""
    import asyncio

    return asyncio.run(send(arguments))


async def send(arguments: argparse.Namespace) -> int:
    """Sends one after the other, so that the lines come in the order of sending; the exit status."""
    from pocketmq.client.producer import Producer

    message = message_of(arguments)
    async with Producer(arguments.namesrv, group=GROUP) as producer:
        for _ in range(arguments.count):
            result = await producer.send(message)
            place = f"{result.queue.broker_name}/{result.queue.queue_id}@{result.queue_offset}"
            print(f"{result.status.name} {place} id={result.message_id}", flush=True)
    return 0


def message_of(arguments: argparse.Namespace) -> "Message":
    """The message that the flags describe. Raises UserError."""
    from pocketmq.client.errors import IllegalMessage
    from pocketmq.client.message import Message
    from pocketmq.model.errors import UserError

    try:
        return Message(
            arguments.topic,
            arguments.body.encode(),
            tags=arguments.tag,
            keys=arguments.keys or None,
            properties=dict(arguments.properties),
        )
    except IllegalMessage as error:
        raise UserError(str(error)) from error
