"""What groups filter by is on disk seconds after they said so, not only after an orderly stop."""

import asyncio
import json
from pathlib import Path

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.subscription import EXPRESSION_SQL92, SubscriptionData
from pocketmq.node.broker_role import BrokerNode
from pocketmq.node.completion import complete_broker
from pocketmq.transport.clock import Clock


def test_a_filter_is_saved_with_the_offsets(tmp_path: Path) -> None:
    async def story() -> None:
        settings = BrokerSettings()
        settings.store_path_root_dir = str(tmp_path)
        settings.bind_address, settings.listen_port = "127.0.0.1", 0
        settings.mapped_file_size_commit_log, settings.max_hash_slot_num, settings.max_index_num = 1 << 20, 100, 400
        complete_broker(settings)
        node = BrokerNode(settings, Clock(), namesrv_addr="")
        await node.start()
        file = tmp_path / "config" / "consumerFilter.json"
        node._save_progress()
        await node.table_flusher.finish(lambda: None)
        assert not file.exists()
        wanted = SubscriptionData("T", "a = 1", sub_version=1, expression_type=EXPRESSION_SQL92)
        node.state.filters.register("CG", [wanted], 5)
        node._save_progress()
        await node.table_flusher.finish(lambda: None)
        found = json.loads(file.read_text())["filterDataByTopic"]["T"]["groupFilterData"]["CG"]
        assert (found["expression"], found["bornTime"], found["dead"]) == ("a = 1", 5, False)
        assert not node.state.filters.is_changed
        await node.stop()

    asyncio.run(story())
