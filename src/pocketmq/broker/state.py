"""Everything a broker's handlers know and change: one value, made once, owned by the event loop.

`outbox`, `unsaved`, `registration_due`, `resets_made`, `log_expiry_due` and `queue_sweep_due` are what the node must
carry out after a request; the numbers about the machine are what it tells from time to time.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pocketmq.broker.balancing.known_routes import KnownRoutes
from pocketmq.broker.balancing.request_mode_table import RequestModeTable
from pocketmq.broker.broadcast_offsets import BroadcastOffsets
from pocketmq.broker.cold_reads import ColdReads
from pocketmq.broker.configuration_table import ConfigurationTable
from pocketmq.broker.delay_table import DelayTable
from pocketmq.broker.filters.bit_maps import BitMaps
from pocketmq.broker.filters.bloom import BloomFilter
from pocketmq.broker.filters.filter_table import FilterTable
from pocketmq.broker.group_table import GroupTable
from pocketmq.broker.lock_table import LockTable
from pocketmq.broker.offset_table import OffsetTable
from pocketmq.broker.popping.order_table import OrderTable
from pocketmq.broker.popping.table import PopTable
from pocketmq.broker.rate_limits import RateLimits
from pocketmq.broker.session_table import SessionTable
from pocketmq.broker.stamp import Stamp
from pocketmq.broker.statistics import Statistics
from pocketmq.broker.topic_table import TopicTable
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.outcome import Outcome, Push
from pocketmq.model.peer import Peer, pack_host
from pocketmq.protocol.frame import Command
from pocketmq.protocol.frame.send_reply import Stored
from pocketmq.store.message_store import MessageStore

TOPICS = "topics"
GROUPS = "subscriptionGroup"
CONSUMER_OFFSETS = "consumerOffset"
CONSUMER_ORDERS = "consumerOrderInfo"
DELAY_OFFSETS = "delayOffset"
REQUEST_MODES = "messageRequestMode"
FILTERS = "consumerFilter"
CONFIGURATION = "brokerConfiguration"
"""In `unsaved`: `configuration.changed` belongs into the file that the broker was started with."""

ALL_PARKED = ""
"""In `parked`: all that have a label."""

MEMORY_BYTES_ASSUMED = 4 << 30
"""How much memory the machine has, until the node says so."""


class Persisted(NamedTuple):
    """How one table becomes the content of its file, and back."""

    encode: Callable[[], bytes]
    load: Callable[[bytes], None]


class BrokerState:
    """A broker: settings, store, tables, and what waits for the node to carry it out."""

    def __init__(
        self, settings: BrokerSettings, store: MessageStore, *, boot_ms: int, address: str = "", day_starts_ms: int = 0
    ) -> None:
        """`address` is `host:port` told to clients, the settings' own unless the port was chosen at start."""
        self.settings = settings
        self.store = store
        self.boot_ms = boot_ms
        self.address = address or settings.broker_address
        host, _, port = self.address.rpartition(":")
        self.store_host = pack_host(host.strip("[]"), int(port))

        self.topics = TopicTable(settings, boot_ms)
        self.groups = GroupTable(boot_ms)
        self.sessions = SessionTable()
        self.locks = LockTable()
        self.request_modes = RequestModeTable()
        self.routes = KnownRoutes()
        self.rates = RateLimits(settings)
        self.cold_reads = ColdReads(settings, boot_ms)
        self.holds_pulls = False
        self.broadcasts = BroadcastOffsets()
        self.offsets = OffsetTable(boot_ms, settings.consumer_offset_update_version_step)
        self.delays = DelayTable(settings.message_delay_level, boot_ms, settings.delay_offset_update_version_step)
        bloom = BloomFilter(settings.max_error_rate_of_bloom_filter, settings.expect_consumer_num_use_filter)
        self.filters = FilterTable(boot_ms, bloom)
        store.kinds.bit_maps.of = BitMaps(settings, self.filters, store.log).bit_map
        self.pops = PopTable()
        self.pops_read_at = -1
        """At which count of the store's `discards` the table was read from the log; see popping/revive_log.py."""
        self.pop_count = 0
        self.orders = OrderTable()
        self.parked: dict[str, int] = {}
        """How many requests wait by the label that their handlers gave them; the node counts."""
        self.configuration = ConfigurationTable(settings, boot_ms)
        self.statistics = Statistics(settings.broker_cluster_name, boot_ms, day_starts_ms)
        self.day_starts_ms = day_starts_ms
        self.send_backs = 0
        self.sends = 0
        self.bugs = 0
        self.stamp = Stamp.of(settings)

        self.outbox: list[Push] = []
        self.unsaved: set[str] = set()
        self.registration_due = False
        self.resets_made: set[tuple[str, int]] = set()
        self.log_expiry_due = 0
        self.queue_sweep_due = False

        self.memory_bytes = MEMORY_BYTES_ASSUMED
        self.disk_total_bytes = 0
        self.disk_free_bytes = 0
        self.log_disk_bytes: dict[str, tuple[int, int]] = {}

        self._tables = {
            TOPICS: Persisted(self.topics.encode, self.topics.load),
            GROUPS: Persisted(self.groups.encode, self.groups.load),
            CONSUMER_OFFSETS: Persisted(self.offsets.encode, self.offsets.load),
            CONSUMER_ORDERS: Persisted(self.orders.encode, self.orders.load),
            DELAY_OFFSETS: Persisted(self._delay_offsets, self.delays.load),
            REQUEST_MODES: Persisted(self.request_modes.encode, self.request_modes.load),
            FILTERS: Persisted(self.filters.encode, self.filters.load),
        }

    @property
    def log_bytes_in_memory(self) -> int:
        """How much of the log's end the machine's memory may hold (accessMessageInMemoryMaxRatio)."""
        return self.memory_bytes * self.settings.access_message_in_memory_max_ratio // 100

    @property
    def table_names(self) -> tuple[str, ...]:
        """The tables that have a file under `config/`; load them in this order."""
        return tuple(self._tables)

    def table_text(self, name: str) -> bytes:
        """The content of the table's file."""
        return self._tables[name].encode()

    def load_table(self, name: str, content: bytes) -> None:
        """Take over the content of the table's file. Refusal if it is broken."""
        self._tables[name].load(content)

    def _delay_offsets(self) -> bytes:
        self.delays.settle(self.store.log.flushed)
        return self.delays.encode_durable()

    def limits_changed(self) -> None:
        """Find out anew whether sends or pulls have any limit, so that without one nobody asks further."""
        self.rates.refresh(topics_have_limits=self.topics.have_limits, groups_have_limits=self.groups.have_limits)
        self.holds_pulls = self.rates.limits_pulls or self.cold_reads.is_on

    def topics_changed(self) -> None:
        """Topics must reach the disk before the answer leaves, and the name servers soon after."""
        self.limits_changed()
        self.unsaved.add(TOPICS)
        self.registration_due = True

    def groups_changed(self) -> None:
        """Groups must reach the disk before the answer leaves."""
        self.limits_changed()
        self.unsaved.add(GROUPS)

    def offsets_changed(self) -> None:
        """For a reset or a deletion; commits are written from time to time."""
        self.unsaved.add(CONSUMER_OFFSETS)


Handler = Callable[[Command, Peer, BrokerState, int], Outcome | Stored]
"""What answers a request: `(request, peer, state, now_ms)`."""

RunHandler = Callable[[Sequence[Command], Peer, BrokerState, int], Sequence[Outcome]]
"""Answers requests of one code that came in a row: an outcome for each, and no Refusal."""
