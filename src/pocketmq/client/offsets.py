"""Where a group stands in each queue: kept by the broker for a group that shares, else by the consumer itself."""

import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from pocketmq.client.session import Session
from pocketmq.model.errors import UserError
from pocketmq.model.names import MASTER_ID, is_retry_topic
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.headers import (
    GetMaxOffsetRequest,
    GetMaxOffsetResponse,
    QueryConsumerOffsetRequest,
    QueryConsumerOffsetResponse,
    SearchOffsetRequest,
    SearchOffsetResponse,
    UpdateConsumerOffsetRequest,
)

OFFSET_SECONDS = 5.0
"""RemoteBrokerOffsetStore: time-out of reading and committing."""

FOUND_OR_NOT = frozenset((ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND))

StartAt = Literal["first", "last"] | datetime
"""Where a group without an offset begins: the oldest message, the next one to come, or the first stored since."""


class Offsets(Protocol):
    """Reads and keeps the offset of each queue."""

    async def read(self, queue: MessageQueue) -> int | None:
        """What was committed last; None if nothing ever was."""

    async def commit(self, queue: MessageQueue, offset: int) -> None:
        """Keeps `offset` as the next message to consume."""


class BrokerOffsets:
    """Kept by the broker that has the queue."""

    def __init__(self, session: Session, group: str) -> None:
        self._session = session
        self._group = group

    async def read(self, queue: MessageQueue) -> int | None:
        """Asks the master; a slave only answers when there is none."""
        request = QueryConsumerOffsetRequest(
            consumer_group=self._group, topic=queue.topic, queue_id=queue.queue_id, bname=queue.broker_name
        )
        address, _ = self._session.routes.read_address(queue.broker_name, MASTER_ID)
        answer = await self._session.connections.call(
            address,
            RequestCode.QUERY_CONSUMER_OFFSET,
            request.fields(),
            timeout=OFFSET_SECONDS,
            accept=FOUND_OR_NOT,
        )
        if answer.code == ResponseCode.QUERY_NOT_FOUND:
            return None
        return QueryConsumerOffsetResponse.decode(answer.fields).offset

    async def commit(self, queue: MessageQueue, offset: int) -> None:
        """Returns when the broker has said that it knows."""
        request = UpdateConsumerOffsetRequest(
            consumer_group=self._group,
            topic=queue.topic,
            queue_id=queue.queue_id,
            commit_offset=offset,
            bname=queue.broker_name,
        )
        address, _ = self._session.routes.read_address(queue.broker_name, MASTER_ID)
        await self._session.connections.call(
            address, RequestCode.UPDATE_CONSUMER_OFFSET, request.fields(), timeout=OFFSET_SECONDS
        )


class LocalOffsets:
    """For broadcasting: in memory, and in `folder`/`group`.json if there is a folder; written whole, then renamed."""

    def __init__(self, group: str, folder: Path | None) -> None:
        self._path = folder / f"{group}.json" if folder else None
        self._offsets: dict[MessageQueue, int] = {}
        if self._path is not None and self._path.exists():
            self._offsets = _load(self._path)

    async def read(self, queue: MessageQueue) -> int | None:
        """What this consumer knows."""
        return self._offsets.get(queue)

    async def commit(self, queue: MessageQueue, offset: int) -> None:
        """Writes the file."""
        self._offsets[queue] = offset
        if self._path is not None:
            rows = [[queue.topic, queue.broker_name, queue.queue_id, at] for queue, at in sorted(self._offsets.items())]
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False, encoding="utf-8") as file:
                json.dump(rows, file)
            os.replace(file.name, self._path)


async def starting_offset(session: Session, offsets: Offsets, queue: MessageQueue, start_at: StartAt) -> int:
    """Where to begin: at the offset kept, else where `start_at` says (RebalancePushImpl#computePullFromWhere)."""
    kept = await offsets.read(queue)
    if kept is not None:
        return kept
    if start_at == "first" or is_retry_topic(queue.topic):
        return 0
    address, _ = session.routes.read_address(queue.broker_name, MASTER_ID)
    if isinstance(start_at, datetime):
        search = SearchOffsetRequest(
            topic=queue.topic,
            queue_id=queue.queue_id,
            timestamp=round(start_at.timestamp() * 1000),
            bname=queue.broker_name,
        )
        answer = await session.connections.call(
            address, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, search.fields(), timeout=OFFSET_SECONDS
        )
        return SearchOffsetResponse.decode(answer.fields).offset
    end = GetMaxOffsetRequest(topic=queue.topic, queue_id=queue.queue_id, bname=queue.broker_name)
    answer = await session.connections.call(address, RequestCode.GET_MAX_OFFSET, end.fields(), timeout=OFFSET_SECONDS)
    return GetMaxOffsetResponse.decode(answer.fields).offset


def _load(path: Path) -> dict[MessageQueue, int]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {MessageQueue(topic, broker, queue_id): int(at) for topic, broker, queue_id, at in rows}
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} does not hold offsets as this consumer writes them: {error}; move it away") from error
