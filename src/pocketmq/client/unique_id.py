"""Ids that a client gives its messages and itself, before any broker has seen them."""

import os
import random
import socket
from datetime import datetime

from pocketmq.model.peer import pack_host
from pocketmq.protocol.unique_key import encode_unique_key, month_around
from pocketmq.transport.clock import Clock

DOCUMENTATION_ADDRESS = "192.0.2.1"
"""Nobody's (RFC 5737): a datagram socket pointed at it learns which of our addresses would speak, and sends nothing."""

PORT_BYTES = 4


class UniqueIds:
    """Makes the UNIQ_KEY of one client's messages."""

    def __init__(self, host: str, clock: Clock, rng: random.Random) -> None:
        self._address = pack_host(host, 0)[:-PORT_BYTES]
        self._salt = rng.getrandbits(32)
        self._clock = clock
        self._counter = 0
        self._month_start_ms = 0
        self._month_end_ms = 0

    def create(self) -> str:
        """The next id."""
        now_ms = self._clock.now_ms()
        if not self._month_start_ms <= now_ms < self._month_end_ms:
            local = datetime.fromtimestamp(now_ms / 1000).astimezone().tzinfo
            assert local is not None
            self._month_start_ms, self._month_end_ms = month_around(now_ms, local)
        self._counter += 1
        return encode_unique_key(
            self._address,
            process_id=os.getpid(),
            salt=self._salt,
            age_ms=now_ms - self._month_start_ms,
            counter=self._counter,
        )


def client_id(host: str, rng: random.Random) -> str:
    """`host@pid#salt`: two clients of one process, or of two containers that think alike, stay apart (ClientConfig)."""
    return f"{host}@{os.getpid()}#{rng.getrandbits(64):016x}"


def own_host() -> str:
    """The address this machine speaks to others from; the loopback one if it has no way out. Asks no name service."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((DOCUMENTATION_ADDRESS, 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
