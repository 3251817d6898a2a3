"""Every key a Java broker or name server answers is known here, with Java's default or a reason for another."""

from pathlib import Path

import pytest

from pocketmq.model.broker_settings import BrokerRole, BrokerSettings, FlushDiskType, MessageRequestMode
from pocketmq.model.errors import UserError
from pocketmq.model.limit_settings import OWN_KEYS
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.settings import Settings, page_of, snake_case

JAVA = Path(__file__).resolve().parents[2] / "fixtures" / "java-config"

DIFFERENT: dict[type[Settings], dict[str, str]] = {
    BrokerSettings: {
        "brokerIP1": "found out at start, where the machine's addresses are known",
        "brokerIP2": "found out at start, where the machine's addresses are known",
        "namesrvAddr": "null in Java too; the fixture was taken from a broker that was told one",
        "haListenPort": "0 until the start makes it listenPort + 1, as BrokerStartup does",
        "storePathRootDir": "~ is expanded at start",
    },
    NamesrvSettings: {
        "kvConfigPath": "~ is expanded at start",
        "configStorePath": "the fixture was taken from a name server started with -c ns.conf",
    },
}

PAGES = [(BrokerSettings, "broker", 486), (NamesrvSettings, "namesrv", 40)]

NULL_IN_JAVA = """
storePathCommitLog haMasterAddress dLegerGroup dLegerPeers dLegerSelfId preferredLeaderId storePathEpochFile
storePathBrokerIdentity storePathDLedgerCommitLog readOnlyCommitLogStorePaths brokerConfigPath rmqAddressServerDomain
rmqAddressServerSubGroup authenticationEnabled authorizationEnabled initAuthenticationUser scanAvailableNameSrv
"""
"""Keys that are null in a plain Java broker and so missing from its answer, though its setters know them."""


def java_defaults(name: str) -> dict[str, str]:
    lines = (JAVA / f"{name}.properties").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if not line.startswith("#")]
    return dict(pairs)


@pytest.mark.parametrize(("page", "name", "count"), PAGES)
def test_every_key_of_java_is_known_with_its_default(page: type[Settings], name: str, count: int) -> None:
    java, ours = java_defaults(name), page().to_properties()
    assert len(java) == count
    differing = {key for key, value in java.items() if ours.get(key) != value}
    assert differing == set(DIFFERENT[page])
    assert set(ours) - set(java) == (OWN_KEYS if page is BrokerSettings else set())


@pytest.mark.parametrize(("page", "name", "count"), PAGES)
def test_every_key_of_java_can_be_given_its_default(page: type[Settings], name: str, count: int) -> None:
    settings = page()
    for key, value in java_defaults(name).items():
        assert settings.assign(key, value) == []
    ours = {key: value for key, value in settings.to_properties().items() if key not in OWN_KEYS}
    assert ours == java_defaults(name)
    assert settings.passed_over_by_reason() == {}


@pytest.mark.parametrize("key", NULL_IN_JAVA.split())
def test_keys_that_are_null_in_java_are_known(key: str) -> None:
    page = page_of(BrokerSettings)
    assert key in {**page.declarations, **page.unused}
    assert key not in BrokerSettings().to_properties()


@pytest.mark.parametrize("page", [BrokerSettings, NamesrvSettings])
def test_each_key_is_declared_once_and_documented(page: type[Settings]) -> None:
    known = page_of(page)
    assert sum(1 for table in page.UNUSED for _ in table.defaults()) == len(known.unused)
    for key, declared in known.declarations.items():
        assert declared.attribute == snake_case(key)
        assert declared.doc.endswith((".", "?")), key
        assert declared.parse(str(declared.default)) == declared.default or isinstance(declared.default, bool)
    for historic, modern in known.historic.items():
        assert modern in known.declarations
        assert historic not in {**known.declarations, **known.unused}


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("enableDLegerCommitLog", "true", "there is no DLedger"),
        ("enableControllerMode", "true", "there is no controller"),
        ("aclEnable", "true", "there is no access control"),
        ("authenticationEnabled", "true", "there is no access control"),
        ("storeType", "defaultRocksDB", "there is no RocksDB"),
        ("messageStorePlugIn", "org.example.Store", "there are no store plug-ins"),
        ("fetchNameSrvAddrByDnsLookup", "true", "name servers are named by namesrvAddr"),
    ],
)
def test_a_promise_that_is_not_kept_here_is_refused(key: str, value: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        BrokerSettings().assign(key, value)


def test_the_historic_names_of_the_file_sizes() -> None:
    settings = BrokerSettings()
    assert len(settings.assign("mapedFileSizeCommitLog", "1048576")) == 1
    assert len(settings.assign("mapedFileSizeConsumeQueue", "2000")) == 1
    assert (settings.mapped_file_size_commit_log, settings.mapped_file_size_consume_queue) == (1048576, 2000)


def test_the_usual_slip_with_broker_ip() -> None:
    with pytest.raises(UserError, match=r"unknown key 'brokerIp1'; did you mean brokerIP1\?"):
        BrokerSettings().assign("brokerIp1", "10.0.0.2")


def test_enums_are_enums() -> None:
    settings = BrokerSettings()
    settings.assign("flushDiskType", "SYNC_FLUSH")
    settings.assign("brokerRole", "SLAVE")
    settings.assign("defaultMessageRequestMode", "POP")
    assert settings.flush_disk_type is FlushDiskType.SYNC_FLUSH
    assert settings.broker_role is BrokerRole.SLAVE
    assert settings.default_message_request_mode is MessageRequestMode.POP


def test_addresses_follow_from_ip_and_port() -> None:
    settings = BrokerSettings(broker_ip1="10.0.0.2", listen_port=20911)
    assert (settings.broker_address, settings.ha_address) == ("10.0.0.2:20911", "10.0.0.2:20912")
    settings.broker_ip2, settings.ha_listen_port = "10.0.0.3", 30000
    assert settings.ha_address == "10.0.0.3:30000"
