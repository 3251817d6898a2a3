"""The three kinds of failure that have names; anything else is a bug of ours."""

from collections.abc import Mapping


class PocketMQError(Exception):
    """Root of every error PocketMQ raises on purpose."""


class Refusal(PocketMQError):
    """A peer asked for what we will not do; becomes a reply with this response code and remark."""

    def __init__(self, code: int, remark: str) -> None:
        super().__init__(f"{code}: {remark}")
        self.code = code
        self.remark = remark
        self.fields: Mapping[str, str] = {}


class ProtocolError(PocketMQError):
    """A peer sent what no RocketMQ peer sends; its connection is closed."""


class UserError(PocketMQError):
    """A person's mistake (a key, a port, a folder): said in one line, exit status 2, no stack trace."""


class StoreError(PocketMQError):
    """The store on disk cannot be used as it is; the message names the file and the remedy."""
