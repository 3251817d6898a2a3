"""What groups filter by is on disk seconds after they said so, not only after an orderly stop."""

import asyncio
import json
from pathlib import Path

from small_node import small_node

from pocketmq.model.subscription import EXPRESSION_SQL92, SubscriptionData


def test_a_filter_is_saved_with_the_offsets(tmp_path: Path) -> None:
    async def story() -> None:
        node = small_node(tmp_path)
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
