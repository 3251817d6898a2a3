"""Says of a damaged record once that it cannot be read: a consumer that comes again is not told again."""

import logging

from pocketmq.protocol.frame import Command
from pocketmq.store.consume_queue import Entry

log = logging.getLogger(__name__)

_SAID_MAX = 10_000


class DamageLines:
    """The log's lines about damaged records, and which have been written."""

    def __init__(self) -> None:
        self._said: set[int] = set()

    def say(self, command: Command, entry: Entry) -> None:
        """The record that this entry leads to, asked for by this request, is left out of the answer."""
        if entry.log_offset not in self._said and len(self._said) < _SAID_MAX:
            self._said.add(entry.log_offset)
            log.critical(
                "damaged: the message of topic %s, queue %s at log offset %d cannot be read and is left out; "
                "those behind it can",
                command.fields.get("topic"),
                command.fields.get("queueId"),
                entry.log_offset,
            )
