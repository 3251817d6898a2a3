"""A name server and a broker inside a test's own loop, on free ports of 127.0.0.1.

```python
async with embedded(tmp_path) as cluster, Producer(cluster.namesrv_address, group="PG") as producer:
    await producer.send(Message("orders", b"hello"))
```
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.node.plan import Listening, StandalonePlan
from pocketmq.node.standalone import Standalone
from pocketmq.transport.clock import Clock

LOOPBACK = "127.0.0.1"
LOG_FILE_BYTES = 4 * 1024 * 1024
"""A test stores little; a log file of 1 GiB would only make it slow to begin."""


@asynccontextmanager
async def embedded(
    folder: Path, *, settings: Mapping[str, str] = {}, namesrv_port: int = 0, broker_port: int = 0
) -> AsyncIterator[Listening]:
    """Serves while the block runs, with its files in `folder`; `settings` are the broker's, by RocketMQ's keys."""
    broker, namesrv = BrokerSettings(), NamesrvSettings()
    broker.store_path_root_dir = str(folder)
    broker.broker_config_path = str(folder / "broker.conf")
    broker.listen_port, namesrv.listen_port = broker_port, namesrv_port
    broker.bind_address = namesrv.bind_address = broker.broker_ip1 = LOOPBACK
    broker.mapped_file_size_commit_log = LOG_FILE_BYTES
    for key, value in settings.items():
        broker.assign(key, value)
    both = Standalone(StandalonePlan(broker, namesrv, lambda listening: None), Clock())
    listening = await both.start()
    clockwork = (both.namesrv.watch(), *both.broker.loops())
    tasks = [asyncio.ensure_future(one) for one in clockwork]
    try:
        yield listening
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await both.stop()
