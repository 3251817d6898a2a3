"""Pulls of members of broadcasting groups: whose they are, and where a member begins that does not know it itself."""

from typing import NamedTuple

from pocketmq.broker.broadcast_offsets import PROXY_FOR_BROADCAST
from pocketmq.broker.offset_table import BROADCAST_SUFFIX
from pocketmq.broker.offsets import starts_in_memory
from pocketmq.broker.state import BrokerState
from pocketmq.model.peer import Peer
from pocketmq.model.subscription import ConsumeType, MessageModel
from pocketmq.protocol.headers import PullMessageRequest

_BROADCASTING = MessageModel.BROADCASTING


class Puller(NamedTuple):
    """A member of a broadcasting group, and whether a proxy pulls for it."""

    client_id: str
    is_proxied: bool


def find_puller(header: PullMessageRequest, peer: Peer, state: BrokerState) -> Puller | None:
    """Who pulls, if the pull belongs to a broadcasting group and its offsets are to be kept."""
    is_proxied = header.request_source == PROXY_FOR_BROADCAST
    members = None if is_proxied else state.sessions.consumers.get(header.consumer_group)
    if not is_proxied and (members is None or members.message_model is not _BROADCASTING):
        return None  # Nearly every pull, and the shortest way.
    if not state.settings.enable_broadcast_offset_store:
        return None
    if members is None:
        return Puller(header.proxy_froward_client_id, True) if header.proxy_froward_client_id else None
    client = members.clients.get(peer.id)
    is_push = members.consume_type is ConsumeType.CONSUME_PASSIVELY
    return Puller(client.client_id, False) if is_push and client is not None else None


def find_start(puller: Puller, header: PullMessageRequest, state: BrokerState, now_ms: int) -> int | None:
    """Where the member is to go on instead of where it asks from; None if that is right."""
    topic, group, queue_id = header.topic, header.consumer_group, header.queue_id
    must_be_told, place = state.broadcasts.wants_start(
        topic, group, queue_id, header.queue_offset, puller.client_id, is_proxied=puller.is_proxied, now_ms=now_ms
    )
    if not must_be_told:
        return None
    if place is None:
        place = state.offsets.find(group + BROADCAST_SUFFIX, topic, queue_id)
    if place < 0:
        place = 0 if starts_in_memory(state, topic, queue_id) else state.store.max_offset(topic, queue_id)
    return place


def note(puller: Puller, header: PullMessageRequest, offset: int, state: BrokerState, now_ms: int) -> None:
    """The member pulls from this offset."""
    state.broadcasts.note(
        header.topic,
        header.consumer_group,
        header.queue_id,
        offset,
        puller.client_id,
        is_proxied=puller.is_proxied,
        now_ms=now_ms,
    )


def settle(state: BrokerState, now_ms: int) -> None:
    """Commit where groups are, and forget who is gone. Java does it every five seconds."""
    state.broadcasts.settle(
        state.sessions,
        state.offsets,
        expire_ms=state.settings.broadcast_offset_expire_second * 1000,
        expire_max_ms=state.settings.broadcast_offset_expire_max_second * 1000,
        now_ms=now_ms,
    )
