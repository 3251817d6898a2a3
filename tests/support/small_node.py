"""A broker's node with a small store, for tests that run one inside the test's own process."""

from pathlib import Path

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.node.broker_role import BrokerNode
from pocketmq.node.completion import complete_broker
from pocketmq.transport.clock import Clock


def small_node(folder: Path, clock: Clock | None = None) -> BrokerNode:
    """Not started; it will listen at a port of the system's choice, and knows no name server."""
    settings = BrokerSettings()
    settings.store_path_root_dir = str(folder)
    settings.bind_address, settings.listen_port = "127.0.0.1", 0
    settings.mapped_file_size_commit_log, settings.max_hash_slot_num, settings.max_index_num = 1 << 20, 100, 400
    complete_broker(settings)
    return BrokerNode(settings, clock or Clock(), namesrv_addr="")
