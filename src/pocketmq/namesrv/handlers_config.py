"""The name server's settings over the network (318 319).

What may change is an allow-list: the settings that are declared as changeable while running, within their types and
bounds. RocketMQ has a deny-list instead, and answers success to a key or value it passes over; so do we, and log it.
"""

import logging

from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import Outcome, Reply
from pocketmq.model.peer import Peer
from pocketmq.model.settings import page_of, value_text
from pocketmq.namesrv.state import NAMESRV_CONFIG, Handler, NamesrvState
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.java_properties import parse_properties

ALWAYS_BLACK = frozenset({"configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"})
"""DefaultRequestProcessor#initConfigBlackList: refused whatever the setting `configBlackList` says."""

TEXT_CHARS_MAX = 255
"""The longest text a setting can be given over the network."""

_log = logging.getLogger(__name__)


def update_config(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """318: changes settings, all of a properties text or, if one is black-listed, none."""
    try:
        entries = parse_properties(request.body.decode("utf-8", "replace"))
    except ValueError as fault:
        _log.warning("%s sent no properties text: %s", peer.address, fault)
        raise Refusal(ResponseCode.SYSTEM_ERROR, "string2Properties error") from fault
    if not entries.keys().isdisjoint(ALWAYS_BLACK | set(state.settings.config_black_list.split(";"))):
        raise Refusal(ResponseCode.NO_PERMISSION, "Can not update config in black list.")
    for key, text in entries.items():
        _update(state, key, text.strip(), peer)
    return Reply()


def _update(state: NamesrvState, key: str, text: str, peer: Peer) -> None:
    declaration = page_of(type(state.settings)).declarations.get(key)
    value = None
    if declaration is not None and not declaration.at_start and len(text) <= TEXT_CHARS_MAX and text.isprintable():
        value = declaration.parse(text)
    if declaration is None or value is None:
        _log.warning("%s wanted %r to be %r; it cannot be changed so", peer.address, key[:64], text[:64])
        return
    if value == getattr(state.settings, declaration.attribute):
        return
    setattr(state.settings, declaration.attribute, value)
    state.changed_settings[key] = value_text(value)
    state.unsaved.add(NAMESRV_CONFIG)
    _log.warning("%s set %s to %r", peer.address, key, value)


def get_config(request: Command, peer: Peer, state: NamesrvState, now_ms: int) -> Outcome:
    """319: all settings as a properties text."""
    return Reply(body=state.settings_text())


HANDLERS: dict[int, Handler] = {
    RequestCode.UPDATE_NAMESRV_CONFIG: update_config,
    RequestCode.GET_NAMESRV_CONFIG: get_config,
}
