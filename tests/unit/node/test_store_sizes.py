"""What the settings say of the store's formats reaches the store."""

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.node.broker_role import sizes_of
from pocketmq.store.message_store import StoreSizes


def test_formats_that_are_off_unless_asked_for() -> None:
    settings = BrokerSettings()
    assert sizes_of(settings) == StoreSizes()
    settings.enabled_append_prop_crc = True
    assert sizes_of(settings) == StoreSizes(seals=True)
    settings.enabled_append_prop_crc = False
    settings.mapper_file_size_batch_consume_queue = 460
    assert sizes_of(settings) == StoreSizes(batch_queue_file_bytes=460)
    settings.mapper_file_size_batch_consume_queue = 13_800_000
    settings.enable_consume_queue_ext = True
    settings.mapped_file_size_consume_queue_ext = 4096
    assert sizes_of(settings) == StoreSizes(extends_queues=True, extension_file_bytes=4096)
    settings.enable_consume_queue_ext = False
    settings.mapped_file_size_consume_queue_ext = 48 << 20
    settings.force_verify_prop_crc = True
    assert sizes_of(settings) == StoreSizes(verifies_seals=True)
