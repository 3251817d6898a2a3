"""A process that consumes as one member of a group until it is told to stop, and writes down what it is given.

Started by consumer_groups.py. Ended with SIGTERM it leaves in good order; group_log.py says what the lines mean.
"""

import argparse
import asyncio
import logging
import random
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from group_log import MemberLog
from group_popping import pop_until

from pocketmq.client import Consumer, MessageQueue, ReceivedMessage
from pocketmq.model.errors import PocketMQError

SLOW_SHARE = 0.002
SLOW_SECONDS_MAX = 0.05
FAILING_SHARE = 0.0002
FIRST_DELAY_LEVEL = 1
SUBSCRIBE_AGAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Listener:
    """Is content with almost everything, mostly at once."""

    log: MemberLog
    source: random.Random
    is_orderly: bool

    async def __call__(self, message: ReceivedMessage) -> None:
        topic, queue, offset = message.queue.topic, message.queue.queue_id, message.queue_offset
        self.log.note("B", topic, queue, offset, message.body.decode())
        chance = self.source.random()
        if chance < SLOW_SHARE:
            await asyncio.sleep(self.source.uniform(0, SLOW_SECONDS_MAX))
        is_done = self.source.random() >= FAILING_SHARE
        if not is_done:
            await message.retry(FIRST_DELAY_LEVEL if not self.is_orderly else 0)
        # Nobody else runs between the settling of a message that went back and this line, so no commit overtakes it.
        assert message.assigned is not None
        is_settled = is_done or not message.assigned.pulled.holds(offset, message.generation)
        self.log.note("E", topic, queue, offset, f"{is_done:d} {is_settled:d}")


class TenureLog(logging.Handler):
    """The client says in its log which queues it takes up and gives up, and which it could not commit.

    Were it to say so in other words, the groups would end without owners of their queues.
    """

    def __init__(self, log: MemberLog) -> None:
        super().__init__()
        self._log = log
        self._uncommitted: set[MessageQueue] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Write down what is about a queue."""
        match record.msg, record.args:
            case "group %s takes up %s at %d", (_, MessageQueue() as queue, int(offset)):
                self._log.note("T", queue.topic, queue.queue_id, offset)
            case "offset %d of %s not committed: %s", (_, MessageQueue() as queue, _):
                self._uncommitted.add(queue)
            case "group %s gives up %s at %d", (_, MessageQueue() as queue, int(offset)):
                is_kept = queue not in self._uncommitted
                self._uncommitted.discard(queue)
                self._log.note("G", queue.topic, queue.queue_id, offset if is_kept else "-")


async def push(chosen: argparse.Namespace, log: MemberLog, stopped: asyncio.Event) -> None:
    """Consume as a push consumer."""
    source = random.Random(chosen.seed)
    is_orderly = chosen.kind == "orderly"
    name = f"{chosen.group}@{chosen.member}"
    async with Consumer(
        chosen.name_server, group=chosen.group, orderly=is_orderly, start_at="first", client_id=name, rng=source
    ) as consumer:
        while not stopped.is_set():
            try:
                await consumer.subscribe(chosen.topic)
                break
            except PocketMQError as error:  # The broker is dead just now, and the name server with it.
                logging.warning("not subscribed yet: %s", error)
                await asyncio.sleep(SUBSCRIBE_AGAIN_SECONDS)
        running = asyncio.create_task(consumer.run(Listener(log, source, is_orderly)))
        await stopped.wait()
        await consumer.close()
        await running


async def consume(chosen: argparse.Namespace) -> None:
    """Until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    log = MemberLog(chosen.log)
    if chosen.kind == "pop":
        await pop_until(stopped, chosen, log)
        return
    logger = logging.getLogger("pocketmq.client")
    logger.setLevel(logging.INFO)
    logger.addHandler(TenureLog(log))
    await push(chosen, log, stopped)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["concurrent", "orderly", "pop"])
    for name in ("--name-server", "--broker", "--group", "--member", "--topic"):
        parser.add_argument(name, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    asyncio.run(consume(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
