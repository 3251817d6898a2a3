"""Looks into a store's folder, with the broker stopped or running; changes nothing."""

import argparse
import base64
import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pocketmq.tools.arguments import at_least_one
from pocketmq.tools.looking import add_commit_log_flag

if TYPE_CHECKING:
    from pocketmq.store.dumping import Dumped
    from pocketmq.store.inventory import Inventory

BLOCK_BYTES = 512
"""What `st_blocks` counts."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares `pocketmq store inspect` and `pocketmq store dump`."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    inspect = commands.add_parser("inspect", help="what it holds, in numbers", allow_abbrev=False)
    inspect.add_argument("folder", metavar="DIR", help="the broker's folder (--data, storePathRootDir)")
    inspect.add_argument("--json", action="store_true", help="one line of JSON")
    add_commit_log_flag(inspect)
    inspect.set_defaults(look=run_inspect)
    dump = commands.add_parser("dump", help="messages of a topic, one line of JSON each", allow_abbrev=False)
    dump.add_argument("topic", metavar="TOPIC")
    dump.add_argument("--data", metavar="DIR", default="./pocketmq-data", help="the broker's folder (%(default)s)")
    dump.add_argument("--queue", type=int, metavar="N", help="only this queue (all)")
    dump.add_argument(
        "--from", type=int, dest="start", default=0, metavar="OFFSET", help="first queue offset (the least)"
    )
    dump.add_argument("--count", type=at_least_one, metavar="N", help="at most so many of each queue (all)")
    add_commit_log_flag(dump)
    dump.set_defaults(look=run_dump)


def run(arguments: argparse.Namespace) -> int:
    """Runs the chosen one; the exit status."""
    status: int = arguments.look(arguments)
    return status


def run_inspect(arguments: argparse.Namespace) -> int:
    """Prints what the store holds."""
    from pocketmq.store.inventory import take_inventory
    from pocketmq.tools.looking import log_folders_of, looking_at

    with looking_at(arguments.folder, arguments.commit_log) as disk:
        inventory = take_inventory(disk)
    allocated = sum(map(allocated_bytes, log_folders_of(arguments.folder, arguments.commit_log)))
    for doubt in inventory.doubts:
        print(f"{arguments.folder}: {doubt}", file=sys.stderr)
    print(inventory_json(inventory, allocated) if arguments.json else inventory_text(inventory, allocated))
    return 0


def run_dump(arguments: argparse.Namespace) -> int:
    """Prints the messages; 1 if one of them is damaged."""
    from pocketmq.model.errors import UserError
    from pocketmq.store.dumping import dump, queue_ids
    from pocketmq.store.layout import find_layout
    from pocketmq.tools.looking import looking_at

    damaged = False
    with looking_at(arguments.data, arguments.commit_log) as disk:
        layout = find_layout(disk)
        known = queue_ids(disk, arguments.topic)
        if arguments.queue is not None and arguments.queue not in known:
            raise UserError(f"topic {arguments.topic} has no queue {arguments.queue}; there are: {known}")
        for queue_id in known if arguments.queue is None else [arguments.queue]:
            for dumped in dump(disk, layout, arguments.topic, queue_id, arguments.start, arguments.count):
                damaged = damaged or bool(dumped.damage)
                print(dumped_json(arguments.topic, dumped))
    return int(damaged)


def allocated_bytes(folder: str) -> int:
    """What the folder's files take on the disk: less than their sizes where they have holes."""
    with os.scandir(folder) as files:
        return sum(file.stat().st_blocks * BLOCK_BYTES for file in files if file.is_file())


def dumped_json(topic: str, dumped: "Dumped") -> str:
    """One line: the place, the message if there is one, and what is wrong if anything is."""
    fields: dict[str, object] = {
        "topic": topic,
        "queueId": dumped.queue_id,
        "queueOffset": dumped.queue_offset,
        "logOffset": dumped.log_offset,
    }
    message = dumped.message
    if message is not None:
        fields |= {
            "storeTime": message.store_timestamp,
            "bornTime": message.born_timestamp,
            "keys": message.properties.get("KEYS", "").split(),
            "tags": message.properties.get("TAGS"),
            "properties": dict(message.properties),
            **body_fields(message.body, message.sys_flag),
            "crc": "ok" if dumped.has_crc else "wrong",
        }
    return json.dumps(fields | ({"damage": dumped.damage} if dumped.damage else {}))


def body_fields(body: bytes, sys_flag: int) -> dict[str, str]:
    """`body` as text, or `bodyBase64` for one that is not UTF-8; one that cannot be unpacked is shown as stored."""
    from pocketmq.model.errors import PocketMQError
    from pocketmq.model.flags import COMPRESSED, compression_type
    from pocketmq.protocol.compression import decompress

    packed = {}
    if sys_flag & COMPRESSED:
        try:
            body = decompress(body, compression_type(sys_flag))
        except (PocketMQError, ValueError) as failure:
            packed = {"packed": str(failure)}
    try:
        return {"body": body.decode(), **packed}
    except UnicodeDecodeError:
        return {"bodyBase64": base64.b64encode(body).decode(), **packed}


def inventory_json(inventory: "Inventory", allocated: int) -> str:
    """Everything, for programs; times in ms, sizes in bytes."""
    import dataclasses

    fields = dataclasses.asdict(inventory)
    fields["log"]["allocated_bytes"] = allocated
    fields["index"] = [{"name": name, **header} for name, header in fields["index"]]
    return json.dumps(fields)


def inventory_text(inventory: "Inventory", allocated: int) -> str:
    """A table for people. Nothing in it can steer a terminal."""
    from pocketmq.tools.printing import harmless

    log, checkpoint = inventory.log, inventory.checkpoint
    durable = "none: written by Java" if inventory.durable_offset is None else str(inventory.durable_offset)
    stopped = "in order" if inventory.was_clean else "not yet, or not in order (abort is there)"
    lines = [
        f"log         {log.start} to {log.end}, {log.end - log.start} bytes",
        f"            in {log.files} file(s) of {log.file_bytes} bytes, {allocated} bytes on the disk",
        f"            stored {moment(log.oldest_ms)} to {moment(log.newest_ms)}",
        f"durable     {durable}",
        f"checkpoint  queues to {checkpoint.queue_log_offset}, log to {moment(checkpoint.log_timestamp or None)}",
        f"stopped     {stopped}",
    ]
    for name, header in inventory.index:
        stored = f"{moment(header.begin_timestamp or None)} to {moment(header.end_timestamp or None)}"
        lines.append(f"index       {name}: {header.count - 1} entries, {stored}")
    rows = [("topic", "queue", "min", "max", "messages", "bytes", "oldest", "newest")]
    for queue in inventory.queues:
        count = queue.max_offset - queue.min_offset
        numbers = (queue.queue_id, queue.min_offset, queue.max_offset, count, queue.entries_bytes)
        times = (queue.fault, "") if queue.fault else (moment(queue.oldest_ms), moment(queue.newest_ms))
        rows.append((queue.topic, *map(str, numbers), *times))  # type: ignore[arg-type]
    widths = [max(len(harmless(row[column])) for row in rows) for column in range(8)]
    for row in rows:
        cells = (
            harmless(cell).ljust(width) if column in (0, 6, 7) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def moment(timestamp_ms: int | None) -> str:
    """A store time as a person reads it, in the time of this machine."""
    if timestamp_ms is None:
        return "-"
    try:
        at = datetime.fromtimestamp(timestamp_ms / 1000, UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return f"{timestamp_ms} ms"
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{timestamp_ms % 1000:03d}"
