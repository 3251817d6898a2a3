"""Completes settings before a start: addresses and paths of this machine, and values that belong together."""

import os
import re
import socket

from pocketmq.model.broker_settings import BrokerRole, BrokerSettings
from pocketmq.model.delays import parse_delay_levels
from pocketmq.model.errors import UserError
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.store_settings import log_folders

LOOPBACK = "127.0.0.1"
CONSUME_QUEUE_ENTRY_BYTES = 20

_WILDCARDS = ("", "0.0.0.0", "::")
_NAMESRV_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:;#]+):([0-9]{1,5})")


def complete_broker(settings: BrokerSettings) -> list[str]:
    """Fills in what was left to the machine and checks what belongs together; returns warnings."""
    warnings = _check_identity(settings)
    _check_namesrv_addr(settings.namesrv_addr)
    _check_delay_levels(settings.message_delay_level)
    _check_delete_when(settings.delete_when)
    _complete_paths(settings)
    if not settings.broker_ip1:
        settings.broker_ip1 = advertised_host(settings.bind_address)
        if settings.broker_ip1 != settings.bind_address:
            warnings.append(
                f"clients are told {settings.broker_ip1}, this machine's address on its way out; "
                "in a container or behind NAT set brokerIP1 (--advertise) to the address they reach"
            )
    settings.broker_ip2 = settings.broker_ip2 or settings.broker_ip1
    if settings.ha_listen_port == 0 and settings.listen_port:
        settings.ha_listen_port = settings.listen_port + 1
    if settings.enable_calc_filter_bit_map and not settings.enable_consume_queue_ext:
        warnings.append("enableCalcFilterBitMap does nothing without enableConsumeQueueExt, where bit maps are kept")
    settings.mapped_file_size_consume_queue = _rounded_up(
        settings.mapped_file_size_consume_queue, CONSUME_QUEUE_ENTRY_BYTES
    )
    return warnings


def complete_namesrv(settings: NamesrvSettings) -> None:
    """Fills in what was left to the machine."""
    settings.kv_config_path = absolute(settings.kv_config_path)
    settings.config_store_path = absolute(settings.config_store_path)


def absolute(path: str) -> str:
    """The path from the root on; `~` is the home folder."""
    return os.path.abspath(os.path.expanduser(path))


def advertised_host(bind_address: str) -> str:
    """What to tell clients when nobody said: the address listened on, or for a wildcard that of the way out."""
    return bind_address if bind_address not in _WILDCARDS else machine_address()


def machine_address() -> str:
    """The machine's own IPv4 address on its way to other networks; loopback if it has none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return LOOPBACK
        host: str = probe.getsockname()[0]
        return host


def namesrv_addresses(namesrv_addr: str) -> list[tuple[str, int]]:
    """`host:port;host:port` taken apart; UserError names the part that is wrong."""
    addresses = []
    for part in filter(None, (part.strip() for part in namesrv_addr.split(";"))):
        match = _NAMESRV_ADDRESS.fullmatch(part)
        if match is None or not 0 < int(match[2]) < 65536:
            raise UserError(
                f"name server address {part!r} is not host:port; write for example 127.0.0.1:9876;10.0.0.2:9876"
            )
        addresses.append((match[1].strip("[]"), int(match[2])))
    return addresses


def _complete_paths(settings: BrokerSettings) -> None:
    settings.store_path_root_dir = root = absolute(settings.store_path_root_dir)
    settings.broker_config_path = absolute(settings.broker_config_path or f"{root}/config/broker.properties")
    settings.store_path_commit_log = ",".join(map(absolute, log_folders(settings.store_path_commit_log)))
    read_only = settings.read_only_commit_log_store_paths
    settings.read_only_commit_log_store_paths = ",".join(map(absolute, log_folders(read_only)))


def _check_identity(settings: BrokerSettings) -> list[str]:
    if settings.broker_role is BrokerRole.SLAVE:
        raise UserError("brokerRole=SLAVE cannot be honoured: there are no replicas; use ASYNC_MASTER")
    if settings.broker_id == 0:
        return []
    given, settings.broker_id = settings.broker_id, 0
    return [f"brokerId={given} is taken for 0, because brokerRole={settings.broker_role} is a master"]


def _check_namesrv_addr(namesrv_addr: str) -> None:
    namesrv_addresses(namesrv_addr)


def _check_delay_levels(levels: str) -> None:
    words = levels.split(" ")
    understood = len(parse_delay_levels(levels))
    if understood < len(words):
        raise UserError(
            f"messageDelayLevel has {words[understood]!r} where a delay like 10s, 5m, 2h or 1d belongs, one space apart"
        )


def _check_delete_when(hours: str) -> None:
    for hour in hours.split(";"):
        if not (hour.isascii() and hour.isdigit() and int(hour) < 24):
            raise UserError(f"deleteWhen has {hour!r} where an hour from 00 to 23 belongs, several separated by ';'")


def _rounded_up(size: int, unit: int) -> int:
    return -(-size // unit) * unit
