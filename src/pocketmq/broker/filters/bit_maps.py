"""Bit maps: which of its topic's registered filters a message passes, told when it is stored.

    message stored ─▶ judged by each filter of its topic ─▶ the bits of the groups it is for, in its queue's extension
    pull of a group ─▶ the group's bits are not all there ─▶ passed over; else the message itself is judged

A map says nothing about a filter that came after its message, nor does one of another size. Dead filters are judged,
too: when their group comes back, what was stored meanwhile counts. Sources: CommitLogDispatcherCalcBitMap,
ExpressionMessageFilter#isMatchedByConsumeQueue.
"""

from pocketmq.broker.filters.filter_table import FilterTable, Registered
from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.protocol.record.peeking import peek
from pocketmq.store.commit_log import CommitLog, Dispatch
from pocketmq.store.consume_queue import ENTRY_BYTES, ConsumeQueue, unpack_entries
from pocketmq.store.extended_queue import ExtendedQueue
from pocketmq.store.queue_extension import ADDRESS_MAX, ExtensionUnit


class BitMaps:
    """Tells a store the bit maps of new messages."""

    def __init__(self, settings: BrokerSettings, filters: FilterTable, log: CommitLog) -> None:
        self._settings = settings
        self._filters = filters
        self._log = log

    def bit_map(self, dispatch: Dispatch) -> bytes:
        """The bit map of a message whose record is written; none if it is not wanted, or nobody filters the topic."""
        queue, _, log_offset, size = dispatch[:4]
        if queue is None or not self._settings.enable_calc_filter_bit_map:
            return b""
        registered = self._filters.of_topic(queue.topic)
        if not registered:
            return b""
        try:
            record = self._log.read(log_offset, size)
        except OSError:
            return b""
        if len(record) < size:
            return b""
        properties = peek(record, 0)[2]
        bits = 0
        for known in registered:
            if known.filter.matches(properties):
                bits |= known.bits
        return bits.to_bytes(self._filters.bit_map_bytes, "little")


def not_ruled_out(queue: ConsumeQueue, entries: bytes, known: Registered) -> bytes:
    """The packed entries without those whose bit map says that the registered filter does not pass them."""
    if not isinstance(queue, ExtendedQueue):
        return entries
    codes = [entry.tags_code for entry in unpack_entries(entries)]
    addresses = [code for code in codes if code <= ADDRESS_MAX]
    out = {
        address
        for address, unit in zip(addresses, queue.extension.get_near(addresses), strict=True)
        if unit is not None and _rules_out(unit, known)
    }
    if not out:
        return entries
    kept = [place for place, code in enumerate(codes) if code not in out]
    return b"".join([entries[place * ENTRY_BYTES : (place + 1) * ENTRY_BYTES] for place in kept])


def _rules_out(unit: ExtensionUnit, known: Registered) -> bool:
    _, store_timestamp, bit_map = unit
    if store_timestamp <= known.said.born_time or len(bit_map) != known.bit_map_bytes:
        return False
    return int.from_bytes(bit_map, "little") & known.bits != known.bits
