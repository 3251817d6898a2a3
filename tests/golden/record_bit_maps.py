"""Record the bit maps a Java broker writes: `python record_bit_maps.py CLASSPATH_FILE` writes `bit_maps.json`.

The class path is that of `record_broker.py`. A step is a heartbeat or a message; `units` is the extension of the queue
that the messages went to, as its file begins.
"""

import json
import sys
import time
from pathlib import Path

from broker_requests import TOPIC, consumer, create_topic, heartbeat
from java_broker import java_broker
from record_broker import Recorder

SETTINGS = "enablePropertyFilter=true\nenableConsumeQueueExt=true\nenableCalcFilterBitMap=true\n"
MESSAGES = ({"n": "1"}, {"n": "7", "TAGS": "A"}, {"n": "x", "TAGS": "B"}, {}, {"TAGS": "A", "n": "12"})
GROUPS = {
    "G_one": "n > 5",
    "G_two": "TAGS = 'A'",
    "G_three": "n IS NULL OR n = 'x'",
    "G_four": "missing = 1",
    "G_five": "n > TAGS",
}
LATER = {"G_one": "n < 5", "G_six": "TRUE"}


def filtering(groups: dict[str, str], version: int) -> bytes:
    """A heartbeat of groups that filter the topic."""
    consumers = [consumer(group, [TOPIC]) for group in groups]
    for expression, group in zip(groups.values(), consumers, strict=True):
        (subscription,) = list(group["subscriptionDataSet"])  # type: ignore[call-overload]
        subscription |= {"expressionType": "SQL92", "subString": expression, "subVersion": version}
    return heartbeat("c1", consumers, [])


def main(arguments: list[str]) -> None:
    """Messages before, between and behind two heartbeats."""
    steps: list[dict[str, object]] = []
    with java_broker(Path(arguments[0]).read_text().strip(), SETTINGS) as (port, root):
        recorder = Recorder(port)
        recorder.ask("a", 17, create_topic(TOPIC, readQueueNums=1, writeQueueNums=1))
        for body in (None, filtering(GROUPS, 1), filtering(LATER, 2)):
            if body is not None:
                recorder.ask("a", 34, {}, body)
                steps.append({"heartbeat": body.decode()})
            time.sleep(0.1)
            for properties in MESSAGES:
                recorder.send(TOPIC, 0, "message", properties)
                steps.append({"properties": properties})
        time.sleep(1)
        units = Path(root, "store", "consumequeue_ext", TOPIC, "0", "0" * 20).read_bytes()[:4_096]
    end = 0
    while size := int.from_bytes(units[end : end + 2], "big"):
        end += size
    text = json.dumps({"rocketmq": "5.5.0", "topic": TOPIC, "steps": steps, "units": units[:end].hex()}, indent=1)
    Path(__file__).with_name("bit_maps.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
