"""How fast messages are judged: SQL92 expressions over properties, through a whole pull, and tags in a queue's entries.

    python bench/filters.py [--messages 200000] [--rounds 5]

One process on one core, no network. `judged` is the compiled expression alone, finding the properties included;
`pulled` walks a queue from end to end as pulls do, with the records from the page cache, 10 % of them delivered; `tags`
does so where the entries say who is wanted. `mapped` pulls as `pulled` does, where bit maps were written for the
messages, and `mapping` makes those of ten groups. The medians of the rounds are printed, in messages a second.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pocketmq.broker.filters.bit_maps import BitMaps
from pocketmq.broker.filters.filter_table import FilterTable, Registered
from pocketmq.broker.filters.matching import Filter
from pocketmq.broker.filters.selecting import Looked, look_through
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.java import java_string_hash
from pocketmq.model.peer import pack_host
from pocketmq.model.subscription import EXPRESSION_SQL92, SubscriptionData
from pocketmq.protocol.properties import encode_properties
from pocketmq.protocol.record import NewMessage
from pocketmq.store.disk import PosixDisk
from pocketmq.store.message_store import MessageStore, StoreSizes
from pocketmq.store.recovery import open_store

EXPRESSIONS = (
    "amount > 40 AND region = 'eu'",
    "region = 'eu' AND amount BETWEEN 1 AND 40",
    "amount > 40.5 AND region IN ('us', 'eu')",
    "missing = 1 AND region = 'eu'",
)
WANTED = "amount >= 90 AND region = 'eu'"
HOST = pack_host("127.0.0.1", 50_000)
BODY = bytes(1024)
PULL = (32, 256 * 1024)


def properties(number: int) -> bytes:
    """As a client sends them, with two of its user's own; the amount is 0 to 99."""
    return encode_properties(
        {
            "KEYS": f"order-{number}",
            "UNIQ_KEY": f"C0A80001000018B4AAC2{number:012X}",
            "WAIT": "true",
            "region": "eu",
            "amount": str(number % 100),
            "TAGS": f"Tag{number % 10}",
        }
    )


def filled(folder: Path, count: int, filters: FilterTable | None = None) -> MessageStore:
    """A store with so many messages in one queue, written and readable, and with bit maps if there are filters."""
    store, _ = open_store(PosixDisk(str(folder)), StoreSizes(extends_queues=filters is not None), 2)
    if filters is not None:
        store.kinds.bit_maps.of = maps_of(store, filters).bit_map
    for number in range(count):
        message = NewMessage("T", 0, BODY, properties(number), born_timestamp=1, born_host=HOST, store_host=HOST)
        store.append(message, 2)
        if number % 1000 == 999:
            store.write()
            store.publish(store.log.written, 2)
    store.write()
    store.publish(store.log.written, 2)
    store.write_derived()
    return store


def maps_of(store: MessageStore, filters: FilterTable) -> BitMaps:
    """What makes bit maps of the store's messages."""
    return BitMaps(BrokerSettings(enable_calc_filter_bit_map=True), filters, store.log)


def ten_filters() -> FilterTable:
    """Ten groups, the first of which filters as the pulls do."""
    table = FilterTable(0)
    for number, expression in enumerate((WANTED, *EXPRESSIONS, *EXPRESSIONS, "amount > 99")):
        table.register(f"G{number}", [SubscriptionData("T", expression, expression_type=EXPRESSION_SQL92)], 1)
    return table


def map_all(store: MessageStore, filters: FilterTable) -> None:
    """Makes the bit map of each message of the queue."""
    queue = store.queue("T", 0)
    bit_map = maps_of(store, filters).bit_map
    for offset, entry in enumerate(queue.entries(0, queue.max_offset)):
        bit_map((queue, offset, entry.log_offset, entry.size, 0, 0, b"T", b"", b""))


def rate(count: int, rounds: int, work: Callable[[], None]) -> float:
    """The median rate of rounds of `count` each."""
    rates = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - began))
    return statistics.median(rates)


def judge(expression: str, texts: list[bytes]) -> None:
    """Asks the expression about each."""
    matches = Filter(expression).matches
    for text in texts:
        matches(text)


def pull_all(store: MessageStore, expression: str, registered: Registered | None = None) -> None:
    """Pulls the whole queue under an expression, by bit maps if its filter is registered."""
    queue = store.queue("T", 0)
    matches = Filter(expression).matches
    offset = 0
    while offset < queue.max_offset:
        looked = look_through(store, queue, offset, *PULL, matches, registered)
        if not isinstance(looked, Looked):
            raise SystemExit("the records are not in memory: take fewer messages")
        offset = looked.next_offset


def pull_tag(store: MessageStore) -> None:
    """Pulls the whole queue for one of ten tags."""
    queue = store.queue("T", 0)
    wanted = frozenset({java_string_hash("Tag3")})
    offset = 0
    while offset < queue.max_offset:
        _, offset, _ = store.select(queue, offset, *PULL, wanted)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    count, rounds = chosen.messages, chosen.rounds
    texts = [properties(number) for number in range(count)]
    for expression in EXPRESSIONS:
        print(f"judged  {rate(count, rounds, lambda: judge(expression, texts)):12,.0f}  {expression}")  # noqa: B023
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder), count)
        print(f"pulled  {rate(count, rounds, lambda: pull_all(store, WANTED)):12,.0f}  {WANTED}, 1 KiB bodies")
        print(f"tags    {rate(count, rounds, lambda: pull_tag(store)):12,.0f}  one tag of ten")
        store.close()
    with tempfile.TemporaryDirectory() as folder:
        filters = ten_filters()
        store = filled(Path(folder), count, filters)
        registered = filters.find("T", "G0")
        print(
            f"mapped  {rate(count, rounds, lambda: pull_all(store, WANTED, registered)):12,.0f}  the same by bit maps"
        )
        print(f"mapping {rate(count, rounds, lambda: map_all(store, filters)):12,.0f}  bit maps of ten filters")
        store.close()


if __name__ == "__main__":
    main()
