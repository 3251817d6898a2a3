"""How a server is told to end: SIGTERM or SIGINT, once politely, twice at once."""

import asyncio
import logging
import signal

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Listens from the moment it is made, so that a signal during the start is not lost."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._stop, number)

    async def wait(self) -> None:
        """Returns when the process has been told to stop; a second signal then ends it the hard way."""
        await self._told.wait()

    def _stop(self, number: signal.Signals) -> None:
        log.info("stopping because of %s; the same again does not wait", number.name)
        for each in _SIGNALS:
            self._loop.remove_signal_handler(each)
        self._told.set()
