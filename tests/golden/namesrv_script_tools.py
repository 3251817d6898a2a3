"""What tools say to a name server in the golden dialogues, and what nobody should say."""

from namesrv_dialogues import (
    OLD,
    compact,
    differing,
    lacking,
    register,
    registration,
    route,
    say,
    topic,
    unregister,
)
from namesrv_script_brokers import B_OTHER_CLUSTER, BOTH, LISTS, PLAIN, A

DELETION = [
    register(A, BOTH),
    register(B_OTHER_CLUSTER, BOTH, peer="b"),
    *LISTS,
    say(216, {"topic": "TopicTest", "clusterName": "NoSuchCluster"}, note="unknown cluster: success, nothing happens"),
    say(216, {"topic": "TopicTest", "clusterName": "OtherCluster"}),
    route("TopicTest"),
    say(216, {"topic": "TopicTest", "clusterName": "DefaultCluster"}),
    route("TopicTest"),
    say(216, {"topic": "Ordered"}),
    route("Ordered"),
    say(216, {"topic": "Ordered"}, note="unknown topic"),
    say(216, {"topic": "Ordered", "clusterName": ""}, note="an empty cluster name means everywhere"),
    register(A, BOTH, note="the same version brings deleted topics back"),
    route("TopicTest"),
    *LISTS,
]

KEY_VALUE = [
    say(101, {"namespace": "Space", "key": "k"}),
    say(219, {"namespace": "Space"}),
    say(102, {"namespace": "Space", "key": "k"}, note="deleting what is not there"),
    say(100, {"namespace": "Space", "key": "k", "value": "v"}),
    say(101, {"namespace": "Space", "key": "k"}),
    say(219, {"namespace": "Space"}),
    say(100, {"namespace": "Space", "key": "k", "value": 'grün "quoted" \\ /'}),
    say(101, {"namespace": "Space", "key": "k"}),
    say(219, {"namespace": "Space"}),
    say(101, {"namespace": "Space", "key": "other"}),
    say(102, {"namespace": "Space", "key": "k"}),
    say(101, {"namespace": "Space", "key": "k"}),
    say(219, {"namespace": "Space"}, note="an emptied namespace still exists"),
    say(100, {"key": "k", "value": "v"}, note="no namespace"),
    say(100, {"namespace": "Space", "value": "v"}, note="no key"),
    say(100, note="no fields at all"),
    register(A, BOTH, note="no order configuration: no body"),
    say(100, {"namespace": "ORDER_TOPIC_CONFIG", "key": "Ordered", "value": "broker-a:4"}),
    register(A, BOTH, note="the order configuration goes back to the broker"),
    route("Ordered", note="orderMessageEnable is off"),
]

ORDER = [
    say(100, {"namespace": "ORDER_TOPIC_CONFIG", "key": "Ordered", "value": "broker-a:4"}),
    register(A, BOTH, note="returnOrderTopicConfigToBroker is off"),
    route("Ordered"),
    route("Ordered", version=OLD),
    route("TopicTest"),
]

PERMISSION = [
    say(205, {"brokerName": "broker-a"}),
    say(327, {"brokerName": "broker-a"}),
    register(A, registration([PLAIN, topic("ReadOnly", perm=4), topic("WriteOnly", perm=2)])),
    say(205, {"brokerName": "broker-a"}),
    route("TopicTest"),
    route("WriteOnly"),
    register(A, registration([PLAIN, topic("ReadOnly", perm=4), topic("WriteOnly", perm=2)])),
    route("TopicTest", note="the same version does not bring the permission back"),
    say(327, {"brokerName": "broker-a"}),
    route("TopicTest"),
    route("ReadOnly", note="6, whatever it was"),
    say(205, {"brokerName": "broker-a"}),
    register(A, registration([PLAIN, topic("ReadOnly", perm=4)], 2)),
    route("TopicTest", note="a new version does"),
]

ILL_TYPED = "the custom field <brokerId> is 'one', not a whole number of 64 bits"

ERRORS = [
    *(say(code) for code in (0, 1, 10, 902, 903, 1005, 1001, 99999, -5)),
    lacking(say(105), "topic"),
    lacking(say(101), "namespace"),
    lacking(say(102), "namespace"),
    lacking(say(103, peer="broker"), "brokerName"),
    lacking(say(104, peer="broker"), "brokerName"),
    lacking(say(205), "brokerName"),
    lacking(say(216), "topic"),
    lacking(say(217), "topic"),
    lacking(say(219), "namespace"),
    lacking(say(224), "cluster"),
    lacking(say(322, peer="broker"), "brokerName"),
    lacking(say(327), "brokerName"),
    lacking(say(901), "clusterName"),
    lacking(say(904), "clusterName"),
    differing(
        register(A | {"brokerId": "one"}, BOTH, note="no number"), "Java ends in a NullPointerException", 1, ILL_TYPED
    ),
    differing(say(322, A, "{", peer="broker", note="broken JSON"), "no class names, no line numbers", 1, "JSON "),
    differing(say(217, {"topic": "T"}, "{", note="broken JSON"), "no class names, no line numbers", 1, "JSON "),
    route("", note="an empty name"),
    route("gibt es nicht ü"),
]

CONFIGURATION = [
    say(318, note="no body: success"),
    say(318, body="enableTopicList=false\n"),
    say(224, {"cluster": "DefaultCluster"}),
    say(311),
    say(312),
    say(313),
    say(206),
    say(318, body="enableAllTopicList = FALSE\nenableTopicList: true"),
    say(206),
    say(224, {"cluster": "DefaultCluster"}),
    say(318, body="#comment\nenableAllTopicList=true"),
    say(206),
    say(318, body="noSuchKey=1", note="unknown: success"),
    say(318, body="waitSecondsForService=soon\nenableAllTopicList=false", note="ill-typed: the rest is taken"),
    say(206),
    say(318, body="kvConfigPath=elsewhere/x"),
    say(318, body="configStorePath=elsewhere/x\nenableAllTopicList=true", note="nothing of it is taken"),
    say(206),
    say(318, body="configBlackList=x"),
    say(318, body="rocketmqHome=elsewhere/x"),
    say(318, body="enableAllTopicList=\\u00zz", note="no properties text"),
    say(318, body="enableAllTopicList=\\u0074rue", note="an escape"),
    say(206),
    say(318, body="enableAllTopicList=yes"),
    differing(say(206), "Java takes every word but true for false; we pass it over", body='{"topicList":[]}'),
]

CONFIGURATION_TEXT = [say(319)]

UNIT = [
    register(A, registration([PLAIN, topic("Unit", flag=1), topic("UnitSub", flag=2), topic("Both", flag=3)])),
    say(311),
    say(312),
    say(313),
    say(217, {"topic": "Made"}, note="no body"),
    say(217, {"topic": "Made"}, compact({"queueDatas": []})),
    say(
        217,
        {"topic": "Made"},
        compact(
            {"queueDatas": [{"brokerName": "nobody", "perm": 6, "readQueueNums": 1, "writeQueueNums": 1}]},
        ),
        note="unknown broker: success, nothing happens",
    ),
    route("Made"),
    say(
        217,
        {"topic": "Made"},
        compact(
            {"queueDatas": [{"brokerName": "broker-a", "perm": 6, "readQueueNums": 3, "writeQueueNums": 2}]},
        ),
    ),
    route("Made"),
    unregister(A),
    route("Made"),
]
