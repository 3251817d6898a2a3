"""Which consumer of a group owns which queue: leases of 60 seconds (RebalanceLockManager)."""

from collections.abc import Iterable
from dataclasses import dataclass

from pocketmq.model.limits import QUEUE_LOCKS_MAX
from pocketmq.model.queue import MessageQueue

LEASE_MS = 60_000
"""RebalanceLockManager.REBALANCE_LOCK_MAX_LIVE_TIME; consumers renew every 20 seconds."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A client's right to a queue; it has run out once `expires_ms` has passed."""

    client_id: str
    expires_ms: int


class LockTable:
    """The leases by group and queue. A lease that has run out is nobody's, and goes when it is next looked at."""

    def __init__(self) -> None:
        self._leases: dict[str, dict[MessageQueue, Lease]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def acquire(self, group: str, queues: Iterable[MessageQueue], client_id: str, now_ms: int) -> list[MessageQueue]:
        """Those of the queues that the client now owns, old and new; their leases begin anew."""
        held = self._leases.setdefault(group, {})
        owned = []
        for queue in queues:
            lease = held.get(queue)
            if lease is None and self._count >= QUEUE_LOCKS_MAX:
                continue
            if lease is None or lease.client_id == client_id or lease.expires_ms < now_ms:
                self._count += lease is None
                held[queue] = Lease(client_id, now_ms + LEASE_MS)
                owned.append(queue)
        if not held:
            del self._leases[group]
        return owned

    def release(self, group: str, queues: Iterable[MessageQueue], client_id: str) -> None:
        """Give up those of the queues that the client owns."""
        held = self._leases.get(group, {})
        for queue in queues:
            lease = held.get(queue)
            if lease is not None and lease.client_id == client_id:
                del held[queue]
                self._count -= 1
        if not held:
            self._leases.pop(group, None)

    def owner(self, group: str, queue: MessageQueue, now_ms: int) -> str | None:
        """Who owns the queue now."""
        lease = self._leases.get(group, {}).get(queue)
        return lease.client_id if lease is not None and lease.expires_ms >= now_ms else None

    def is_group_locked(self, group: str, now_ms: int) -> bool:
        """Somebody of the group owns a queue now: it consumes in order (RebalanceLockManager#isLockAllExpired)."""
        return any(lease.expires_ms >= now_ms for lease in self._leases.get(group, {}).values())

    def drop_expired(self, now_ms: int) -> None:
        """Forget the leases that have run out."""
        for group, held in list(self._leases.items()):
            for queue in [queue for queue, lease in held.items() if lease.expires_ms < now_ms]:
                del held[queue]
                self._count -= 1
            if not held:
                del self._leases[group]

    def drop_group(self, group: str) -> None:
        """Forget a deleted group's leases."""
        self._count -= len(self._leases.pop(group, {}))
