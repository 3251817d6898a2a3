"""A rate kept by counting: a bucket that fills steadily, and from which each message takes one token."""

BURST_SECONDS = 1
"""A bucket holds what comes in during this time, so that a client that has been quiet may send a little at once."""


class TokenBucket:
    """May be overdrawn, as what a request takes is known only afterwards: then the next one waits the longer."""

    __slots__ = ("_filled_ms", "_rate", "_tokens")

    def __init__(self, rate: int, now_ms: int) -> None:
        """`rate` is tokens a second, 1 or more; the bucket begins full."""
        self._rate = rate
        self._tokens = float(rate * BURST_SECONDS)
        self._filled_ms = now_ms

    @property
    def rate(self) -> int:
        """Tokens a second."""
        return self._rate

    def wait_ms(self, now_ms: int) -> int:
        """How long until there is a token; 0 if there is one now. A clock that was set back gives and takes nothing."""
        gained = max(now_ms - self._filled_ms, 0) * self._rate / 1000
        self._tokens = min(self._tokens + gained, float(self._rate * BURST_SECONDS))
        self._filled_ms = now_ms
        return 0 if self._tokens >= 1 else max(1, round((1 - self._tokens) * 1000 / self._rate))

    def spend(self, count: int) -> None:
        """Take tokens, if need be more than there are."""
        self._tokens -= count
