"""Words for stories told to a hand-driven driver."""

import asyncio
import functools
from collections.abc import Awaitable, Callable

from hand_driver import HandDriver, HandLink
from hand_frames import pull_fields, send_frame

from pocketmq.node.session import Session
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.frame import encode_request

Story = Callable[..., Awaitable[None]]


def in_loop(story: Story) -> Callable[..., None]:
    """Runs an async test on a loop of its own; pytest sees its fixtures."""

    @functools.wraps(story)
    def run(**fixtures: object) -> None:
        asyncio.run(story(**fixtures))  # type: ignore[arg-type]

    return run


def topic_made(hand: HandDriver) -> tuple[HandLink, Session]:
    """A client of a broker that has TopicTest saved and an empty log."""
    link, session = hand.connect()
    session.received(send_frame())
    hand.turn()
    hand.table_flusher.drain()
    hand.turn()
    hand.flusher.drain()
    assert [answer.code for answer in link.take()] == [0]
    return link, session


def pull_frame(opaque: int, offset: int, **more: str) -> bytes:
    return encode_request(RequestCode.PULL_MESSAGE, pull_fields(offset=offset, **more), opaque=opaque)


def opaques(link: HandLink) -> list[tuple[int, int]]:
    return [(answer.opaque, answer.code) for answer in link.take()]
