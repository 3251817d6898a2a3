"""The golden dialogues with a name server: what is said, under which settings, with which brokers listening."""

from namesrv_dialogues import MASTER, SECOND_SLAVE, SLAVE, Dialogue
from namesrv_script_brokers import (
    ACTING,
    BODIES,
    COMPRESSED_BODY,
    COMPRESSED_BODY_OF_OLD,
    EXPIRY,
    FILTERS,
    IDENTITY,
    MAPPINGS,
    REGISTRATION,
    REPLACED,
    REPLACING,
    WAITING,
    ZONES,
)
from namesrv_script_tools import (
    CONFIGURATION,
    CONFIGURATION_TEXT,
    DELETION,
    ERRORS,
    KEY_VALUE,
    ORDER,
    PERMISSION,
    UNIT,
)

TIME_OUT_SOON = {"scanNotActiveBrokerInterval": "500"}

DIALOGUES = [
    Dialogue("registration", REGISTRATION),
    Dialogue("identity", IDENTITY),
    Dialogue("deletion", DELETION),
    Dialogue("key-value", KEY_VALUE),
    Dialogue("order", ORDER, {"orderMessageEnable": "true", "returnOrderTopicConfigToBroker": "false"}),
    Dialogue("permission", PERMISSION),
    Dialogue("bodies", BODIES),
    Dialogue("compressed", COMPRESSED_BODY),
    Dialogue("compressed-old", COMPRESSED_BODY_OF_OLD),
    Dialogue("errors", ERRORS),
    Dialogue("configuration", CONFIGURATION),
    Dialogue("configuration-text", CONFIGURATION_TEXT),
    Dialogue("waiting", WAITING, {"needWaitForService": "true", "waitSecondsForService": "4"}),
    Dialogue("expiry", EXPIRY, TIME_OUT_SOON),
    Dialogue(
        "acting-master",
        ACTING,
        {"supportActingMaster": "true", "notifyMinBrokerIdChanged": "true"},
        (MASTER, SLAVE, SECOND_SLAVE),
    ),
    Dialogue("unit-topics", UNIT),
    Dialogue("zones", ZONES),
    Dialogue("static-topics", MAPPINGS),
    Dialogue("filter-servers", FILTERS),
    Dialogue("replaced", REPLACED),
    Dialogue("replacing", REPLACING, {"deleteTopicWithBrokerRegistration": "true"}),
]
