"""A broker: store, state, driver, connections and the clockwork around them; and the process that is nothing else.

start:  open the store (recovery) ─▶ tables ─▶ listen ─▶ register ─▶ ready
beat:   every 100 ms  parked requests, delayed and popped messages that are due
        every flush interval  log sync (ASYNC_FLUSH)      every second  queues and keys to their files, statistics
        every 5 s  consumer offsets, checkpoint           every 10 s  clients that fell silent, files that expired
stop:   accept no more ─▶ unregister ─▶ finish the turn, sync the log ─▶ tables ─▶ close the store (no `abort` remains)
"""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from functools import partial

from pocketmq.broker import boot, delays
from pocketmq.broker.popping import reviving
from pocketmq.broker.sessions import expire
from pocketmq.broker.state import CONFIGURATION, CONSUMER_OFFSETS, DELAY_OFFSETS, FILTERS, TOPICS, BrokerState
from pocketmq.broker.topic_table import batch_topics_in
from pocketmq.model.broker_settings import BrokerSettings, FlushDiskType
from pocketmq.model.errors import UserError
from pocketmq.node.cleaning import Cleaning
from pocketmq.node.completion import namesrv_addresses
from pocketmq.node.config_files import write_changes
from pocketmq.node.deriving import Deriving
from pocketmq.node.driver import BrokerDriver
from pocketmq.node.durability import Durability
from pocketmq.node.flusher import Flusher
from pocketmq.node.log_places import open_disk, places_of
from pocketmq.node.machine import day_starts_ms, disk_bytes, memory_bytes
from pocketmq.node.registrar import Registrar
from pocketmq.node.route_lookup import RouteLookup
from pocketmq.node.scrubbing import Scrubbing
from pocketmq.node.signals import StopSignals
from pocketmq.node.start_up_lines import broker_started
from pocketmq.node.tables_writer import TablesWriter
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.frame.send_reply import SendReplies
from pocketmq.store.message_store import StoreSizes
from pocketmq.store.recovery import Recovery, open_store
from pocketmq.store.tables import load_table, save_table
from pocketmq.transport.clock import Clock
from pocketmq.transport.server import Server

log = logging.getLogger(__name__)

BEAT_SECONDS = 0.1
_SECOND_BEATS = 10
_OFFSETS_BEATS = 50
"""BrokerConfig.flushConsumerOffsetInterval, 5 s; the checkpoint goes along."""

_CLIENTS_BEATS = 100
"""ClientHousekeepingService: every 10 s."""

_CLIENTS_SECONDS = 10
_FAST_PORT_BELOW = 2
_WAITING = (RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE, RequestCode.POP_MESSAGE, RequestCode.NOTIFICATION)
_NOT_ON_FAST_PORT = frozenset(code & cut for code in _WAITING for cut in (0xFFFF, 0xFFFFFF))
"""BrokerController: the port two below serves sends and all else, but nothing that may wait for a message."""


class BrokerNode:
    """One broker on one loop. `start` returns when it serves; `beat` keeps it going; `stop` ends it in order."""

    def __init__(self, settings: BrokerSettings, clock: Clock, namesrv_addr: str | None = None) -> None:
        self.settings = settings
        self.clock = clock
        self.namesrv_addr = settings.namesrv_addr if namesrv_addr is None else namesrv_addr
        self.disk = open_disk(settings)
        self.server = Server(lambda link: self.driver.accept(link))
        self.fast_server = Server(lambda link: self.driver.accept(link, _NOT_ON_FAST_PORT))
        self.port = 0
        self._beats = 0

    async def start(self) -> None:
        """Serves when it returns. Raises UserError or StoreError in words for the person at the keyboard."""
        settings = self.settings
        boot_ms = self.clock.now_ms()
        topics = load_table(self.disk, TOPICS, _with_batch_topics, must_exist=False)
        if topics.complaint:
            log.error("%s", topics.complaint)
        batch_topics, topics_text = topics.table or (frozenset[str](), None)
        owner = b"%d" % os.getpid()
        self.store, recovery = open_store(self.disk, sizes_of(settings), boot_ms, owner, batch_topics)
        _report(recovery)
        self.port = await self.server.listen(settings.bind_address, settings.listen_port)
        address = f"{settings.broker_ip1}:{self.port}"
        self.state = BrokerState(
            settings, self.store, boot_ms=boot_ms, address=address, day_starts_ms=day_starts_ms(boot_ms)
        )
        if topics_text is not None:
            self.state.load_table(TOPICS, topics_text)
        for name in self.state.table_names:
            if name not in (CONFIGURATION, TOPICS):
                self._load_table(name)
        for key, queue_id, offset, end in boot.start(self.state):
            log.warning(
                "offset %d of %s in queue %d lay beyond the end, brought back to %d", offset, key, queue_id, end
            )
        self._look_at_machine()
        self.log_flusher = Flusher("log-sync")
        self.table_flusher = Flusher("tables-sync")
        self.reader = Flusher("cold-reads")
        self.durability = Durability(
            self.store,
            self.log_flusher,
            is_sync=settings.flush_disk_type is FlushDiskType.SYNC_FLUSH,
            timeout_ms=settings.sync_flush_timeout,
        )
        self.deriving = Deriving(self.store, self.durability, self.table_flusher)
        self.scrubbing = Scrubbing(self.store, self.table_flusher, boot_ms)
        self.cleaning = Cleaning(self.state, self.durability, self.table_flusher)
        self.cleaning.before_serving(boot_ms)
        self.tables = TablesWriter(self.table_flusher, self.state.unsaved, self._save_work)
        replies = SendReplies(self.state.store_host, settings.region_id, settings.trace_on)
        self.driver = BrokerDriver(self.state, self.durability, self.tables, self.reader, replies, self.clock.now_ms)
        if settings.listen_port > _FAST_PORT_BELOW:
            await self._listen_fast(settings.listen_port - _FAST_PORT_BELOW)
        addresses = [f"{host}:{port}" for host, port in namesrv_addresses(self.namesrv_addr)]
        self.registrar = Registrar(self.state, addresses, self.clock)
        self.driver.on_topics_changed = self.registrar.wake.set
        self.lookup = RouteLookup(
            self.state.routes,
            addresses,
            self.clock,
            lambda: settings.load_balance_poll_name_server_interval,
            self.driver.route_heard,
        )
        self.driver.on_route_wanted = self.lookup.wake.set
        await self.registrar.register()

    def _load_table(self, name: str) -> None:
        """A file of consumer offsets is there before the first message, so that one that is gone can be told."""
        is_promised = name == CONSUMER_OFFSETS
        must_exist = is_promised and self.store.log_max_offset > self.store.log_min_offset
        loaded = load_table(self.disk, name, partial(self.state.load_table, name), must_exist=must_exist)
        if loaded.complaint:
            log.error("%s", loaded.complaint)
        if is_promised and loaded.path is None:
            save_table(self.disk, name, self.state.table_text(name))

    async def _listen_fast(self, port: int) -> None:
        try:
            await self.fast_server.listen(self.settings.bind_address, port)
        except UserError as error:
            log.warning("no fast port for clients that ask for the VIP channel: %s", error)

    def loops(self) -> list[Coroutine[object, object, None]]:
        """What keeps a started broker going; each runs for ever."""
        return [self.beat(), self.registrar.keep(), self.lookup.keep()]

    async def beat(self) -> None:
        """The clockwork, for ever."""
        flush_beats = max(1, round(self.settings.flush_interval_commit_log / 1000 / BEAT_SECONDS))
        while True:
            await self.clock.sleep(BEAT_SECONDS)
            self._beats += 1
            now_ms = self.clock.now_ms()
            self.driver.due()
            if self.settings.broker_fast_failure_enable:
                self.durability.watch(now_ms, self.settings.os_page_cache_busy_time_out_mills)
            if delays.due(self.state, now_ms) + reviving.due(self.state, now_ms):
                self.driver.open_turn()
                if self.state.unsaved:
                    self.tables.save_also(set())
            if not self.durability.is_sync and self._beats % flush_beats == 0:
                self.durability.sync_log()
            if self._beats % _SECOND_BEATS == 0:
                self._each_second(now_ms)
            self.cleaning.beat(now_ms)
            if self._beats % _OFFSETS_BEATS == 0 or self.store.progress_due:
                self._save_progress()
            if self._beats % _CLIENTS_BEATS == 0:
                for peer_id in expire(self.state, now_ms):
                    self.driver.close_peer(peer_id)
                self.driver.send_outbox()
                for server in (self.server, self.fast_server):
                    server.close_idle(-(-self.settings.server_channel_max_idle_time_seconds // _CLIENTS_SECONDS))

    async def stop(self) -> None:
        """Refuses sends, finishes what was accepted, tells the name servers, leaves a store that needs no repair."""
        has_failed = self.durability.has_failed
        self.deriving.stop()
        self.durability.trust_disk()
        self.store.refuses = self.store.refuses or "shut down"
        self.server.stop_accepting()
        self.fast_server.stop_accepting()
        await self.registrar.unregister()
        await self.lookup.close()
        self.driver.end_turn()
        await self.log_flusher.finish(lambda: None)
        has_failed = has_failed or not self._sync_log_at_last()
        reviving.settle(self.state, self.clock.now_ms())
        self.state.unsaved |= set(self.state.table_names) - {CONFIGURATION}
        saved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.tables.when_saved(lambda error: saved.set_result(None))
        await saved
        await self.server.close()
        await self.fast_server.close()
        self.log_flusher.stop()
        self.table_flusher.stop()
        self.reader.stop()
        if not has_failed:
            self.store.close()

    def _sync_log_at_last(self) -> bool:
        """Delay offsets count what is durable: were they saved before, the next start would deliver again."""
        try:
            self.store.sync_log()
        except OSError as error:
            log.critical("the last sync of the log failed (%s): the next start verifies it", error)
            return False
        return True

    def _each_second(self, now_ms: int) -> None:
        self.durability.tick(now_ms)
        for topic, count, size in self.store.derived.take_counts():
            self.state.statistics.count_put(topic, size, count, is_system=self.state.topics.is_system(topic))
        self.deriving.second()
        self.scrubbing.second(now_ms)
        self.state.statistics.sample(now_ms)

    def _save_progress(self) -> None:
        """Consumer and delay offsets, filters, and the checkpoint."""
        self._look_at_machine()
        changed: set[str] = {CONSUMER_OFFSETS} if self.state.offsets.is_changed else set()
        if self.state.delays.is_changed:
            changed.add(DELAY_OFFSETS)
        if self.state.filters.is_changed:
            changed.add(FILTERS)
        if changed or self.tables.has_failed:
            self.tables.save_also(changed)
        self.deriving.save_progress()

    def _save_work(self, name: str) -> Callable[[], None]:
        if name == CONFIGURATION:
            path = self.settings.broker_config_path or f"{self.settings.store_path_root_dir}/config/broker.properties"
            return partial(write_changes, path, dict(self.state.configuration.changed))
        return partial(save_table, self.disk, name, self.state.table_text(name))

    def _look_at_machine(self) -> None:
        self.state.memory_bytes = memory_bytes()
        self.state.disk_total_bytes, self.state.disk_free_bytes = disk_bytes(self.settings.store_path_root_dir)
        self.state.log_disk_bytes = {place: disk_bytes(place) for place in places_of(self.settings).all}


def _with_batch_topics(topics_text: bytes) -> tuple[frozenset[str], bytes]:
    """What the store must know before it is opened, and the table for when it is."""
    return frozenset(batch_topics_in(topics_text)), topics_text


def _report(recovery: Recovery) -> None:
    """What recovery found, for the person who reads the log."""
    if recovery.was_clean:
        return
    log.warning(
        "the last stop was unclean: %d records verified from log offset %d, the log ends at %d%s",
        recovery.records,
        recovery.walked_from,
        recovery.log_end,
        f", and behind it was cut off {recovery.torn}" if recovery.torn else "",
    )
    for damage in recovery.damage:
        log.critical("damage in the log: %s", damage)


def sizes_of(settings: BrokerSettings) -> StoreSizes:
    """The store's sizes as the settings have them."""
    return StoreSizes(
        log_file_bytes=settings.mapped_file_size_commit_log,
        queue_file_bytes=settings.mapped_file_size_consume_queue,
        batch_queue_file_bytes=settings.mapper_file_size_batch_consume_queue,
        extension_file_bytes=settings.mapped_file_size_consume_queue_ext,
        index_slots=settings.max_hash_slot_num,
        index_entries=settings.max_index_num,
        message_bytes_max=settings.max_message_size,
        delay_levels=settings.message_delay_level,
        index_enabled=settings.message_index_enable,
        seals=settings.enabled_append_prop_crc,
        verifies_seals=settings.force_verify_prop_crc,
        extends_queues=settings.enable_consume_queue_ext,
    )


async def serve_broker(settings: BrokerSettings) -> int:
    """`mqbroker`: serves until SIGTERM or SIGINT; the exit status."""
    signals = StopSignals()
    node = BrokerNode(settings, Clock())
    await node.start()
    print(broker_started(settings.broker_name, node.state.address, node.namesrv_addr), flush=True)
    try:
        await run_until_told(signals, *node.loops())
    finally:
        await node.stop()
    return 0


async def run_until_told(signals: StopSignals, *loops: Coroutine[object, object, None]) -> None:
    """Runs these until a signal asks to stop; one that fails ends all, aloud."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(loop) for loop in loops]
        await signals.wait()
        for task in running:
            task.cancel()
