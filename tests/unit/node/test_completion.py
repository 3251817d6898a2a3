"""What a start fills in, and values that do not belong together."""

import os
from pathlib import Path

import pytest

from pocketmq.model.broker_settings import BrokerRole, BrokerSettings
from pocketmq.model.errors import UserError
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.node.completion import (
    absolute,
    advertised_host,
    complete_broker,
    complete_namesrv,
    machine_address,
    namesrv_addresses,
)


def test_addresses_follow_what_is_listened_on() -> None:
    settings = BrokerSettings(bind_address="127.0.0.1", listen_port=20911)
    assert complete_broker(settings) == []
    assert (settings.broker_ip1, settings.broker_ip2, settings.ha_listen_port) == ("127.0.0.1", "127.0.0.1", 20912)


def test_what_was_given_is_kept() -> None:
    settings = BrokerSettings(
        broker_ip1="10.0.0.2", broker_ip2="10.0.0.3", ha_listen_port=5, broker_config_path="/b.conf"
    )
    complete_broker(settings)
    assert (settings.broker_ip1, settings.broker_ip2, settings.ha_listen_port) == ("10.0.0.2", "10.0.0.3", 5)
    assert settings.broker_config_path == "/b.conf"


def test_any_free_port_leaves_the_copy_port_free_too() -> None:
    settings = BrokerSettings(bind_address="127.0.0.1", listen_port=0)
    complete_broker(settings)
    assert settings.ha_listen_port == 0


def test_a_guessed_address_is_told() -> None:
    settings = BrokerSettings(bind_address="0.0.0.0")
    (warning,) = complete_broker(settings)
    assert warning.startswith(f"clients are told {settings.broker_ip1}, this machine's address on its way out; ")
    assert warning.endswith("set brokerIP1 (--advertise) to the address they reach")


def test_bit_maps_that_nobody_keeps_are_told() -> None:
    settings = BrokerSettings(bind_address="127.0.0.1", enable_calc_filter_bit_map=True)
    (warning,) = complete_broker(settings)
    assert "enableConsumeQueueExt" in warning
    settings.enable_consume_queue_ext = True
    assert complete_broker(settings) == []


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::", ""])
def test_a_wildcard_is_never_advertised(wildcard: str) -> None:
    assert advertised_host(wildcard) == machine_address()
    assert machine_address() not in ("0.0.0.0", "")


def test_paths_are_absolute_and_know_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/p")
    settings = BrokerSettings()
    complete_broker(settings)
    assert settings.store_path_root_dir == "/home/p/store"
    assert settings.broker_config_path == "/home/p/store/config/broker.properties"
    namesrv = NamesrvSettings()
    complete_namesrv(namesrv)
    assert namesrv.kv_config_path == "/home/p/namesrv/kvConfig.json"
    assert namesrv.config_store_path == "/home/p/namesrv/namesrv.properties"
    assert absolute("a/../b") == os.path.join(os.getcwd(), "b")


def test_queue_files_hold_whole_entries() -> None:
    settings = BrokerSettings(mapped_file_size_consume_queue=41)
    complete_broker(settings)
    assert settings.mapped_file_size_consume_queue == 60
    complete_broker(settings)
    assert settings.mapped_file_size_consume_queue == 60


def test_a_master_has_number_0() -> None:
    settings = BrokerSettings(broker_id=3, broker_ip1="10.0.0.2")
    assert complete_broker(settings) == ["brokerId=3 is taken for 0, because brokerRole=ASYNC_MASTER is a master"]
    assert settings.broker_id == 0


def test_a_replica_that_would_copy_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="brokerRole=SLAVE cannot be honoured: there are no replicas"):
        complete_broker(BrokerSettings(broker_role=BrokerRole.SLAVE, broker_id=1))


def test_the_folders_of_the_log_are_absolute(tmp_path: Path) -> None:
    settings = BrokerSettings(store_path_root_dir=str(tmp_path), store_path_commit_log=f" {tmp_path}/./b, /a ,")
    settings.read_only_commit_log_store_paths = f"{tmp_path}/x/../old"
    complete_broker(settings)
    assert settings.store_path_commit_log == f"{tmp_path}/b,/a"
    assert settings.read_only_commit_log_store_paths == f"{tmp_path}/old"


def test_name_server_addresses_are_taken_apart() -> None:
    assert namesrv_addresses("10.0.0.1:9876; mq.example:9877;[::1]:9878;") == [
        ("10.0.0.1", 9876),
        ("mq.example", 9877),
        ("::1", 9878),
    ]
    assert namesrv_addresses("") == []


@pytest.mark.parametrize("wrong", ["10.0.0.1", "10.0.0.1:", ":9876", "a:0", "a:65536", "a:9876 #x", "http://a:1"])
def test_a_wrong_name_server_address_is_named(wrong: str) -> None:
    with pytest.raises(UserError, match="is not host:port; write for example"):
        complete_broker(BrokerSettings(namesrv_addr=f"10.0.0.9:9876;{wrong}"))


@pytest.mark.parametrize(("levels", "word"), [("1s 5x", "'5x'"), ("1s  5s", "''"), ("", "''"), ("1s,5s", "'1s,5s'")])
def test_a_delay_level_that_java_would_stop_at_is_a_mistake(levels: str, word: str) -> None:
    with pytest.raises(UserError, match=f"messageDelayLevel has {word} where a delay like 10s"):
        complete_broker(BrokerSettings(message_delay_level=levels))


@pytest.mark.parametrize("hours", ["24", "", "4 am", "04;", "04,05"])
def test_hours_of_deletion_are_hours(hours: str) -> None:
    with pytest.raises(UserError, match=r"deleteWhen has .* where an hour from 00 to 23 belongs"):
        complete_broker(BrokerSettings(delete_when=hours))


def test_several_hours_of_deletion() -> None:
    assert complete_broker(BrokerSettings(delete_when="04;16", broker_ip1="10.0.0.2")) == []
