"""What brokers and clients say to a name server in the golden dialogues."""

import zlib

from namesrv_dialogues import (
    OLD,
    OTHER,
    SECOND_SLAVE,
    SLAVE,
    Step,
    compact,
    data_version,
    differing,
    hang_up,
    identity,
    pause,
    register,
    registration,
    route,
    say,
    topic,
    unregister,
)

A = identity()
A_SLAVE = identity(broker_id=1, address=SLAVE)
A_SECOND_SLAVE = identity(broker_id=2, address=SECOND_SLAVE)
B = identity(name="broker-b", address=OTHER)

B_OTHER_CLUSTER = identity(name="broker-b", address=OTHER, cluster="OtherCluster")
ORDERED, PLAIN = topic("Ordered", 4, 4), topic("TopicTest", 8, 8)

BOTH = registration([PLAIN, ORDERED])
LISTS: list[Step] = [say(106), say(206), say(304), say(224, {"cluster": "DefaultCluster"})]


def version_query(who: dict[str, object], counter: int, note: str = "") -> Step:
    """QUERY_DATA_VERSION."""
    return say(322, who, compact(data_version(counter)), peer="broker", note=note)


REGISTRATION = [
    route("TopicTest", note="nothing is known"),
    *LISTS,
    say(224, {"cluster": "NoSuchCluster"}),
    register(A, BOTH),
    route("TopicTest", version=OLD, note="unquoted keys for old clients"),
    route("TopicTest", version=401, note="the first version that gets standard JSON"),
    route("TopicTest", version=OLD, acceptStandardJsonOnly=True),
    route("TopicTest", version=OLD, acceptStandardJsonOnly=False),
    route("Ordered"),
    *LISTS,
    register(A, registration([topic("TopicTest", 2, 2), ORDERED]), note="other queues under the same version: ignored"),
    route("TopicTest"),
    register(A, registration([PLAIN, topic("Late")]), note="a topic never seen is taken under the same version"),
    route("Late"),
    register(A, registration([topic("TopicTest", 2, 2), ORDERED], 2)),
    route("TopicTest"),
    route("Late", note="topics absent from a registration stay"),
    version_query(A, 2, "not changed"),
    version_query(A, 3, "changed"),
    version_query(B, 1, "unknown broker: changed, no body"),
    version_query(identity(cluster="OtherCluster"), 2, "the address under another cluster is unknown"),
    register(A_SLAVE, registration([topic("FromSlave")]), peer="slave", note="one topic only, never registered"),
    register(A_SLAVE, registration([topic("FromSlave"), PLAIN]), peer="slave"),
    route("FromSlave", note="a slave of a living master brings no topics"),
    route("TopicTest"),
    route("TopicTest", version=OLD),
    register(B, BOTH, peer="b"),
    route("TopicTest"),
    route("TopicTest", version=OLD),
    *LISTS,
    say(901, {"clusterName": "DefaultCluster", "brokerName": "broker-a"}),
    say(901, {"clusterName": "DefaultCluster", "brokerName": "nobody"}),
    say(904, A, peer="broker"),
    say(904, identity(name="nobody", address="127.0.0.1:1")),
    unregister(A_SLAVE, peer="slave"),
    route("TopicTest"),
    unregister(A),
    route("TopicTest"),
    unregister(A, note="again"),
    unregister(B, peer="b"),
    route("TopicTest"),
    *LISTS,
]

IDENTITY = [
    register(A, BOTH),
    register(A_SLAVE, BOTH, peer="slave"),
    unregister(A),
    route("TopicTest", note="a slave alone keeps the routes"),
    register(identity(address=SLAVE), registration([PLAIN], 5), peer="slave", note="one topic, id 0 unknown: refused"),
    register(identity(address=SLAVE), registration([PLAIN, ORDERED], 5), peer="slave", note="the slave becomes master"),
    route("TopicTest"),
    say(901, {"clusterName": "DefaultCluster", "brokerName": "broker-a"}),
    register(identity(address=SLAVE), registration([topic("Single")], 6), peer="slave", note="one topic, id known"),
    route("Single"),
    register(A, registration([PLAIN, ORDERED], 1, state_version=3), note="another address at id 0, newer state"),
    route("TopicTest"),
    register(identity(address=SLAVE), registration([PLAIN, ORDERED], 9), peer="slave", note="older state: ignored"),
    route("TopicTest"),
    version_query(identity(address=SLAVE), 9, "the one turned away is not live"),
    register(A_SECOND_SLAVE, BOTH, peer="second", enableActingMaster=None, note="a slave of an old version"),
    say(901, {"clusterName": "DefaultCluster", "brokerName": "broker-a"}),
]

COMPRESSED = (
    "78da6d8f3d6bc3301445d5fe8f8278b35a947e24b6b60c4930b40da5a64b2942965f1313db32923c04e3a97fbccf1e3a840ef70d17cee53cc6583280757d1bd1837a"
    "1210a289f8813e54ae052505c4aa412a9b0ed46225d3fb8594e97295a42363ec9a22f7be448f254ff8235ff2f7ec75f7bcd1f97ac70720329803dec57387a0609b6d"
    "f7307137b9eb2a9bd3ee3fd43cfcf945f78af23340d19a66c20bef4ee86f0d08b0bdf759f962486a90ea611450563e9e417d9b3aa000ec9c3d5e08d36fd6cd1e5a1f"
    "6a57985a6b9a8a930a957f4a73174dfdd6638f015432fe025a3f5502"
)

INFLATED = zlib.decompress(bytes.fromhex(COMPRESSED))

COMPRESSED_BODY = [
    register(A, bytes.fromhex(COMPRESSED), compressed=True, note="from a Java broker"),
    route("TopicTest"),
    route("Ordered"),
    unregister(A),
    route("TopicTest"),
    register(A, BOTH),
    differing(
        route("TopicTest"),
        "Java never forgets a static mapping, even of a topic that is static no more",
        body='{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:10911"},"brokerName":"broker-a","cluster":"DefaultCluster",'
        '"enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,'
        '"readQueueNums":8,"topicSysFlag":0,"writeQueueNums":8}]}',
    ),
]

COMPRESSED_BODY_OF_OLD = [
    register(A, bytes.fromhex(COMPRESSED), compressed=True, version=412, note="before 5.0 no mapping is read"),
    route("TopicTest"),
]


def broken(step: Step) -> Step:
    """The step with our refusal of a registration that cannot be read."""
    return differing(step, "no class names, no line numbers", 1, "Failed to decode RegisterBrokerBody: ")


BODIES = [
    register(A, BOTH, crc=1, note="wrong checksum"),
    register(A, "", crc=1, note="a checksum of nothing"),
    register(A, BOTH, crc=0, note="0 is not checked"),
    unregister(A),
    register(A, BOTH, bodyCrc32=None, note="absent is not checked"),
    unregister(A),
    broken(register(A, bytes.fromhex(COMPRESSED)[:-9], compressed=True, note="cut off")),
    broken(register(A, BOTH, compressed=True, note="not compressed at all")),
    broken(register(A, zlib.compress(INFLATED[:40]), compressed=True, note="inflates, but ends too early")),
    broken(register(A, '{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{', note="broken JSON")),
    broken(register(A, "[1,2]", note="JSON, but no object")),
    route("TopicTest", note="nothing was registered"),
    register(A, "", crc=0, note="no body"),
    say(106),
    version_query(A, 0),
    unregister(A),
    register(A, "{}", note="an empty body"),
    say(106),
    unregister(A),
    register(
        A,
        compact({"dataVersion": data_version(1), "topicConfigTable": {"TopicTest": PLAIN, "Ordered": ORDERED}}),
        version=36,
        note="before 3.0.11 the body is the topic table alone",
    ),
    route("TopicTest", version=36),
]

WAITING = [
    register(A, BOTH),
    route("TopicTest"),
    route("NoSuchTopic"),
    say(206),
    pause(4000),
    route("TopicTest"),
]

EXPIRY = [
    register(A, BOTH, heartbeatTimeoutMillis=1500),
    register(B, BOTH, peer="b", note="120 s"),
    pause(9000),
    route("TopicTest"),
    register(A, BOTH, peer="broker-again", heartbeatTimeoutMillis=60000),
    route("TopicTest"),
    hang_up("b"),
    route("TopicTest"),
    register(A, BOTH, peer="newer", note="the same broker over a newer connection"),
    hang_up("broker-again"),
    route("TopicTest", note="the end of the older connection changes nothing"),
    hang_up("newer"),
    route("TopicTest"),
    *LISTS,
]

ACTING = [
    register(A, BOTH, enableActingMaster=True),
    register(A_SECOND_SLAVE, BOTH, peer="second", enableActingMaster=True),
    register(A_SLAVE, BOTH, peer="slave", enableActingMaster=True),
    route("TopicTest"),
    unregister(A, note="the slaves are told"),
    route("TopicTest", note="the slave with the smallest id stands for the master, read only"),
    route("TopicTest", version=OLD),
    register(A_SLAVE, registration([PLAIN, topic("OfSlave")], 2), peer="slave", enableActingMaster=True),
    route("OfSlave", note="it brings topics, without the permission to write"),
    register(A_SECOND_SLAVE, registration([PLAIN, topic("OfSecond")], 2), peer="second", enableActingMaster=True),
    route("OfSecond", note="the other one does not"),
    say(327, {"brokerName": "broker-a"}),
    route("TopicTest", note="a writable queue has no acting master"),
    register(A, registration([PLAIN, ORDERED], 3), enableActingMaster=True, note="the master is back: others are told"),
    route("TopicTest"),
    unregister(A),
    unregister(A_SLAVE, peer="slave", note="the last one is told"),
    unregister(A_SECOND_SLAVE, peer="second"),
    route("TopicTest"),
    register(
        A_SLAVE,
        registration([topic("rmq_sys_SYNC_BROKER_MEMBER_broker-a"), PLAIN]),
        peer="slave",
        enableActingMaster=True,
    ),
    route("rmq_sys_SYNC_BROKER_MEMBER_broker-a", note="never rewritten"),
    route("TopicTest"),
    unregister(A_SLAVE, peer="slave"),
    register(A_SLAVE, BOTH, peer="slave", note="not acting"),
    route("TopicTest"),
]

ZONES = [
    register(A, BOTH, __ZONE_NAME="east"),
    register(B, BOTH, peer="b", __ZONE_NAME="west"),
    route("TopicTest"),
    route("TopicTest", version=OLD, __ZONE_NAME="EAST", __ZONE_MODE=True),
    differing(
        route("TopicTest", __ZONE_NAME="west", __ZONE_MODE=True),
        "Java forgets here which dialect the client reads",
        body='{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:11911"},"brokerName":"broker-b","cluster":"DefaultCluster",'
        '"enableActingMaster":false,"zoneName":"west"}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-b",'
        '"perm":6,"readQueueNums":8,"topicSysFlag":0,"writeQueueNums":8}]}',
    ),
    route("TopicTest", version=OLD, __ZONE_NAME="north", __ZONE_MODE=True),
    route("TopicTest", version=OLD, __ZONE_NAME="west", __ZONE_MODE=False),
    route("TopicTest", version=OLD, __ZONE_NAME=" ", __ZONE_MODE=True),
    route("NoSuchTopic", version=OLD, __ZONE_NAME="west", __ZONE_MODE=True),
    register(A_SLAVE, BOTH, peer="slave", __ZONE_NAME="east"),
    unregister(A),
    route("TopicTest", version=OLD, __ZONE_NAME="west", __ZONE_MODE=True, note="no master: kept in every zone"),
]

MAPPING = {"bname": "broker-a", "currIdMap": {"0": 3}, "dirty": False, "epoch": 1709210096789}
MAPPING |= {"scope": "__global__", "topic": "TopicTest", "totalQueues": 8}

MAPPINGS = [
    register(A, registration([PLAIN, ORDERED], mappings={"TopicTest": MAPPING})),
    route("TopicTest"),
    route("TopicTest", version=OLD),
    route("Ordered"),
    register(A, registration([PLAIN, ORDERED], 2, mappings={"TopicTest": MAPPING | {"totalQueues": 9}})),
    route("TopicTest"),
]

FILTERS = [
    register(A, registration([PLAIN, ORDERED], filter_servers=("127.0.0.1:4000", "127.0.0.1:4001"))),
    register(B, BOTH, peer="b"),
    route("TopicTest", version=OLD),
    route("TopicTest"),
    register(A, registration([PLAIN, ORDERED])),
    route("TopicTest"),
]

REPLACING = [
    register(A, BOTH),
    register(A, registration([PLAIN, topic("New")], 2)),
    route("Ordered", note="gone: a registration is the whole truth here"),
    route("New"),
    say(206),
    register(A, registration([topic("Only")], 3)),
    say(206),
]

ANOTHER = identity(address=OTHER)

REPLACED = [
    register(A, BOTH),
    register(ANOTHER, registration([PLAIN, ORDERED], 2), peer="other", note="a second process under the same id"),
    route("TopicTest"),
    version_query(A, 1, "the first one is still known"),
    hang_up("broker"),
    route("TopicTest", note="its end does not touch the second one"),
    unregister(A, peer="broker-late"),
    route("TopicTest"),
    unregister(identity(broker_id=7, address=OTHER, name="nobody"), peer="other"),
    hang_up("other"),
    differing(
        route("TopicTest"),
        "in Java the unregistration under a wrong name took the sign of life and left the route, for ever",
        17,
        "No topic route info in name server for the topic: TopicTest",
    ),
]
