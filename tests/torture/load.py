"""Producers that keep requests in flight until the broker dies, and readers that see messages as they come."""

import asyncio
import random
from contextlib import suppress

from broker_process import BrokerProcess
from history import History
from wire import MAX_OFFSET, MIN_OFFSET, SEND_BATCH, SEND_MESSAGE, Disconnected, Record, Refused, Wire, batch

TOPIC = "torture"
QUEUES = 4
WAIT_MS = 200
SERVICE_NOT_AVAILABLE = 14
REFUSED_PAUSE_SECONDS = 0.05


async def produce(broker: BrokerProcess, history: History, producer: str, window: int, seed: int) -> None:
    """Keep `window` requests in flight on one connection until the broker is gone."""
    try:
        wire = await Wire.open(broker.host, broker.port)
    except OSError:  # The kill came first.
        return
    names = [f"{producer}.{at}" for at in range(window)]
    try:
        await asyncio.gather(
            *(one_after_another(wire, history, name, random.Random(f"{seed} {name}")) for name in names)
        )
    except Disconnected:
        return
    finally:
        await wire.close()


async def one_after_another(wire: Wire, history: History, producer: str, source: random.Random) -> None:
    """Send, wait for the acknowledgement, send the next: single messages, sometimes a batch, sometimes a large one."""
    count = 0
    while True:
        queue = source.randrange(QUEUES)
        size = 1 if source.random() < 0.9 else source.randrange(2, 9)
        messages = []
        for _ in range(size):
            count += 1
            body_bytes = source.randrange(8_000, 40_000) if source.random() < 0.02 else source.randrange(0, 300)
            messages.append((f"{producer}.{count}", source.randbytes(body_bytes)))
        began_after_failure = history.refusal_count > 0
        floor = history.sending(producer, queue, messages)
        answer = await wire.call(*request(producer, queue, messages))
        keys = [key for key, _body in messages]
        if answer.code != 0:
            history.refuse(keys, answer.code, answer.remark, never_stored=answer.code == SERVICE_NOT_AVAILABLE)
            if not history.refusals_allowed:
                raise Disconnected
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)
            continue
        history.acknowledged_after_failure += began_after_failure
        history.acknowledge(producer, queue, int(answer.fields["queueOffset"]), keys, floor)


def request(producer: str, queue: int, messages: list[tuple[str, bytes]]) -> tuple[int, dict[str, object], bytes]:
    """Code, fields and body of a send."""
    is_batch = len(messages) > 1
    key, body = messages[0]
    properties = "" if is_batch else f"KEYS\x01{key}\x02WAIT\x01true\x02"
    values = [producer, TOPIC, "TBW102", QUEUES, queue, 0, 1_700_000_000_000, 0, properties, 0, "false"]
    fields: dict[str, object] = dict(zip("abcdefghijk", values, strict=True))
    fields["m"] = "true" if is_batch else "false"
    return (SEND_BATCH, fields, batch(messages)) if is_batch else (SEND_MESSAGE, fields, body)


def note(history: History, record: Record) -> None:
    """Hand a record that was read to the history."""
    history.read(record.queue, record.offset, record.properties.get("KEYS", ""), record.body)


async def follow(broker: BrokerProcess, history: History, queue: int, offset: int) -> None:
    """Read a queue's new messages the moment they can be read: what was seen must still be there after the crash."""
    # A disk without power cannot be read either.
    with suppress(Disconnected, OSError, *((Refused,) if history.refusals_allowed else ())):
        wire = await Wire.open(broker.host, broker.port)
        while True:
            found, offset = await wire.pull(TOPIC, queue, offset, WAIT_MS)
            for record in found:
                note(history, record)


async def read_back(broker: BrokerProcess, history: History, starts: dict[int, int]) -> int:
    """Read every queue from `starts` to its end and move `starts` there; returns how many messages were read."""
    wire = await Wire.open(broker.host, broker.port)
    count = 0
    for queue in range(QUEUES):
        minimum = await wire.offset(MIN_OFFSET, TOPIC, queue)
        maximum = await wire.offset(MAX_OFFSET, TOPIC, queue)
        offset = start = max(starts.get(queue, 0), minimum)
        offsets: list[int] = []
        while offset < maximum:
            found, following = await wire.pull(TOPIC, queue, offset)
            for record in found:
                note(history, record)
                offsets.append(record.offset)
            if following <= offset:
                break
            offset = following
        history.finish_queue(queue, start, offsets, minimum, maximum)
        starts[queue] = maximum
        count += len(offsets)
    await wire.close()
    return count
