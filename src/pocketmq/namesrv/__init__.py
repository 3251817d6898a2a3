"""ROUTES: which broker holds which topic. May import: model, protocol.

`handle` answers a request; the node also calls `expire` at every interval and `peer_closed` for every connection that
ends, writes what is in `NamesrvState.unsaved` before it sends the answer, and delivers `NamesrvState.outbox`.
"""

from pocketmq.namesrv.kv_config import KvConfig
from pocketmq.namesrv.registration import expire, peer_closed
from pocketmq.namesrv.route_table import RouteTable
from pocketmq.namesrv.router import HANDLERS, handle
from pocketmq.namesrv.state import KV_CONFIG, NAMESRV_CONFIG, NamesrvState, Notice

__all__ = [
    "HANDLERS",
    "KV_CONFIG",
    "NAMESRV_CONFIG",
    "KvConfig",
    "NamesrvState",
    "Notice",
    "RouteTable",
    "expire",
    "handle",
    "peer_closed",
]
