"""Obeys requests on standard input with the official C++ client (PyPI ``rocketmq``) and answers on standard output.

The verbs and their fields are listed in README.md; the Java and Go drivers speak the same.
"""

import ctypes
import json
import os
import random
import sys
import threading
import time
from urllib.parse import parse_qsl

from rocketmq.client import Message, Producer, PullConsumer, PushConsumer, RecvMessage
from rocketmq.exceptions import RocketMQException, ffi_check
from rocketmq.ffi import MessageModel, _CConsumeStatus, _CMessageQueue, _CPullStatus, dll

ANSWERS = os.fdopen(os.dup(1), "w", buffering=1)
PROPERTIES = (
    "UNIQ_KEY",
    "RETRY_TOPIC",
    "ORIGIN_MESSAGE_ID",
    "REAL_TOPIC",
    "DELAY",
    "MIN_OFFSET",
    "MAX_OFFSET",
    "CLUSTER",
)
output = threading.Lock()


def emit(fields: dict) -> None:
    """Write one JSON line."""
    with output:
        ANSWERS.write(json.dumps(fields) + "\n")


def text(value: bytes | str | None) -> str | None:
    """Give the text of what the C library answered."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def describe(message: RecvMessage) -> dict:
    """Give a received message as the other drivers do."""
    found = {name: text(message.get_property(name)) for name in PROPERTIES}
    return {
        "topic": message.topic,
        "body": text(message.body),
        "queue": message.queue_id,
        "offset": message.queue_offset,
        "msg_id": message.id,
        "tags": text(message.tags),
        "keys": text(message.keys),
        "reconsume_times": message.reconsume_times,
        "store_ms": message.store_timestamp,
        "properties": {name: value for name, value in found.items() if value},
    }


class Driver:
    """The producers and push consumers of one process."""

    def __init__(self, namesrv: str) -> None:
        self.namesrv = namesrv
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, PushConsumer] = {}

    def producer(self, request: dict) -> Producer:
        """Start the group's producer on first use."""
        group = request.get("group", "interop_producer")
        limit = int(request.get("client_limit", 4 * 1024 * 1024))
        if group not in self.producers:
            producer = Producer(group, timeout=10_000, max_message_size=limit)
            producer.set_namesrv_addr(self.namesrv)
            producer.start()
            self.producers[group] = producer
        return self.producers[group]

    def send(self, request: dict) -> dict:
        """Send ``count`` messages one by one, or as one batch."""
        producer = self.producer(request)
        sent: list[dict] = []
        failed: list[dict] = []
        count = int(request.get("count", 1))
        mode = request.get("mode", "sync")
        if mode == "batch":
            result = producer.send_batch([self.message(request, i) for i in range(count)])
            return {"sent": [{"status": f"SEND_{result.status.name}", "msg_id": result.msg_id}], "failed": []}
        answered = threading.Semaphore(0)
        for i in range(count):
            body = f"{request['body']}-{i}"
            if mode == "async":
                self.send_async(producer, self.message(request, i), body, sent, failed, answered)
            else:
                self.send_one(producer, request, i, body, sent, failed)
            time.sleep(int(request.get("pace_ms", 0)) / 1000)
        for _ in range(count if mode == "async" else 0):
            answered.acquire(timeout=60)
        return {"sent": sent, "failed": failed}

    def send_one(self, producer, request, i, body, sent, failed) -> None:
        """Send one message, again and again if the request says ``until_acknowledged``."""
        while True:
            try:
                message = self.message(request, i)
                if request.get("mode") == "oneway":
                    producer.send_oneway(message)
                    sent.append({"body": body})
                    return
                if "shards" in request:
                    result = producer.send_orderly(message, i % int(request["shards"]))
                else:
                    result = producer.send_sync(message)
            except RocketMQException as error:
                if "until_acknowledged" not in request:
                    failed.append({"body": body, "error": str(error), "code": 0})
                    return
                time.sleep(0.05)
            else:
                sent.append(self.result(body, result))
                return

    def send_async(self, producer, message, body, sent, failed, answered) -> None:
        """Send one message whose answer comes to a callback."""

        def on_success(result) -> None:
            sent.append(self.result(body, result))
            answered.release()

        def on_exception(error) -> None:
            failed.append({"body": body, "error": str(error), "code": 0})
            answered.release()

        producer.send_async(message, on_success, on_exception)

    @staticmethod
    def result(body: str, result) -> dict:
        """Give a send result as the other drivers do."""
        return {"body": body, "status": f"SEND_{result.status.name}", "msg_id": result.msg_id, "offset": result.offset}

    @staticmethod
    def message(request: dict, i: int) -> Message:
        """Build the i-th message of a request."""
        message = Message(request["topic"])
        if "size" in request:
            noise = random.Random(i).randbytes(int(request["size"]))
            ffi_check(dll.SetByteMessageBody(message._handle, noise, len(noise)))
        else:
            message.set_body(f"{request['body']}-{i}")
        if "tags" in request:
            tags = request["tags"].split(",")
            message.set_tags(tags[i % len(tags)])
        if "key" in request:
            message.set_keys(request["key"])
        if "delay_level" in request:
            message.set_delay_time_level(int(request["delay_level"]))
        return message

    def consume(self, request: dict) -> dict:
        """Start a push consumer; each message handled becomes a line of output."""
        name = request["name"]
        mode = request.get("mode", "concurrent")
        model = MessageModel.BROADCASTING if mode == "broadcast" else MessageModel.CLUSTERING
        consumer = PushConsumer(request["group"], orderly=mode == "orderly", message_model=model)
        consumer.set_namesrv_addr(self.namesrv)
        consumer.set_instance_name(f"{name}-{os.getpid()}")
        consumer.set_message_batch_max_size(1)
        failing = request.get("fail")

        def handle(_: int, handle: int) -> int:
            began = time.time_ns() // 1000
            time.sleep(int(request.get("work_ms", 0)) / 1000)
            fields = describe(RecvMessage(handle))
            emit(fields | {"consumer": name, "began_us": began, "ended_us": time.time_ns() // 1000})
            failed = failing is not None and fields["body"].startswith(failing)
            return (_CConsumeStatus.RECONSUME_LATER if failed else _CConsumeStatus.CONSUME_SUCCESS).value

        # PushConsumer.subscribe loses the status of a handler that fails: its exception leaves the C callback.
        ffi_check(dll.Subscribe(consumer._handle, request["topic"].encode(), request.get("tags", "*").encode()))
        consumer._register_callback(handle)
        consumer.start()
        self.consumers[name] = consumer
        return {"started": name}

    def stop(self, request: dict) -> dict:
        """Shut one push consumer down."""
        self.consumers.pop(request["name"]).shutdown()
        return {"stopped": request["name"]}

    def pull(self, request: dict) -> dict:
        """Read every queue from its first to its last message (this client stores no offsets when pulling)."""
        consumer = PullConsumer(request["group"])
        consumer.set_namesrv_addr(self.namesrv)
        consumer.start()
        queues = ctypes.POINTER(_CMessageQueue)()
        size = ctypes.c_int()
        topic = request["topic"].encode()
        ffi_check(
            dll.FetchSubscriptionMessageQueues(consumer._handle, topic, ctypes.pointer(queues), ctypes.pointer(size))
        )
        messages, reached = [], []
        for index in range(size.value):
            offset = 0
            while True:
                result = dll.Pull(
                    consumer._handle, ctypes.pointer(queues[index]), request.get("tags", "*").encode(), offset, 32
                )
                if result.pullStatus == _CPullStatus.BROKER_TIMEOUT:
                    continue
                offset = result.nextBeginOffset
                if result.pullStatus == _CPullStatus.FOUND:
                    messages += [describe(RecvMessage(result.msgFoundList[i])) for i in range(result.size)]
                last = result.pullStatus == _CPullStatus.NO_NEW_MSG or offset >= result.maxOffset
                row = {
                    "queue": queues[index].queueId,
                    "offset": offset,
                    "min": result.minOffset,
                    "max": result.maxOffset,
                }
                dll.ReleasePullResult(result)
                if last:
                    reached.append(row)
                    break
        ffi_check(dll.ReleaseSubscriptionMessageQueue(queues))
        consumer.shutdown()
        return {"messages": messages, "queues": reached}

    def stop_all(self) -> None:
        """Shut everything down."""
        for consumer in self.consumers.values():
            consumer.shutdown()
        for producer in self.producers.values():
            producer.shutdown()


def obey(driver: Driver, identity: str, verb: str, request: dict) -> None:
    """Carry one request out and answer it."""
    verbs = {
        "send": driver.send,
        "consume": driver.consume,
        "stop": driver.stop,
        "pull": driver.pull,
    }
    try:
        emit({"reply": identity} | verbs[verb](request))
    except Exception as error:
        emit({"reply": identity, "error": f"{type(error).__name__}: {error}", "code": 0})


def main() -> None:
    """Obey until told to quit."""
    os.dup2(2, 1)  # The C++ library prints too; standard output is for answers.
    driver = Driver(sys.argv[1])
    emit({"ready": True})
    for line in sys.stdin:
        identity, verb, *query = line.rstrip("\n").split(" ", 2)
        if verb == "quit":
            driver.stop_all()
            emit({"reply": identity})
            break
        request = dict(parse_qsl(query[0])) if query else {}
        threading.Thread(target=obey, args=(driver, identity, verb, request), daemon=True).start()
    ANSWERS.flush()
    os._exit(0)  # The C++ library's threads do not always end.


main()
