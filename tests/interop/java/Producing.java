import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Producers, one per group, and the queries that a producer offers. */
final class Producing {
    private static final int CLIENT_LIMIT_BYTES = 4 * 1024 * 1024;

    private final String namesrv;
    private final Map<String, DefaultMQProducer> producers = new ConcurrentHashMap<>();

    Producing(String namesrv) {
        this.namesrv = namesrv;
    }

    void stopAll() {
        producers.values().forEach(DefaultMQProducer::shutdown);
    }

    private synchronized DefaultMQProducer producer(Line line) throws MQClientException {
        String group = line.text("group", "interop_producer");
        DefaultMQProducer producer = producers.get(group);
        if (producer == null) {
            producer = new DefaultMQProducer(group);
            producer.setNamesrvAddr(namesrv);
            producer.setInstanceName(group);
            producer.setSendMsgTimeout(10_000);
            producer.setDefaultTopicQueueNums(8);
            producer.start();
            producers.put(group, producer);
        }
        producer.setMaxMessageSize(line.number("client_limit", CLIENT_LIMIT_BYTES));
        return producer;
    }

    void send(Line line) throws Exception {
        DefaultMQProducer producer = producer(line);
        List<Map<String, Object>> sent = Collections.synchronizedList(new ArrayList<>());
        List<Map<String, Object>> failed = Collections.synchronizedList(new ArrayList<>());
        int count = line.number("count", 1);
        String mode = line.text("mode", "sync");
        if (mode.equals("batch")) {
            List<Message> batch = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                batch.add(message(line, i));
            }
            sent.add(describe(null, producer.send(batch)));
        } else {
            CountDownLatch answered = new CountDownLatch(mode.equals("async") ? count : 0);
            for (int i = 0; i < count; i++) {
                sendOne(producer, line, i, sent, failed, answered);
            }
            answered.await(60, TimeUnit.SECONDS);
        }
        line.reply(Line.of("sent", sent, "failed", failed));
    }

    private void sendOne(DefaultMQProducer producer, Line line, int i, List<Map<String, Object>> sent,
        List<Map<String, Object>> failed, CountDownLatch answered) throws InterruptedException {
        Message message = message(line, i);
        String body = body(line, i);
        boolean untilAcknowledged = line.has("until_acknowledged");
        while (true) {
            try {
                if (line.text("mode", "sync").equals("async")) {
                    producer.send(message, callback(body, sent, failed, answered));
                } else if (line.text("mode", "sync").equals("oneway")) {
                    producer.sendOneway(message);
                    sent.add(Line.of("body", body));
                } else if (line.has("shards")) {
                    sent.add(describe(body, producer.send(message,
                        (List<MessageQueue> queues, Message m, Object shard) ->
                            queues.get((Integer) shard % queues.size()), i % line.number("shards", 1))));
                } else {
                    sent.add(describe(body, producer.send(message)));
                }
                Thread.sleep(line.number("pace_ms", 0));
                return;
            } catch (InterruptedException interrupted) {
                throw interrupted;
            } catch (Exception error) {
                if (!untilAcknowledged) {
                    Map<String, Object> fields = describe(error);
                    fields.put("body", body);
                    failed.add(fields);
                    return;
                }
                Thread.sleep(50);
            }
        }
    }

    private static SendCallback callback(String body, List<Map<String, Object>> sent,
        List<Map<String, Object>> failed, CountDownLatch answered) {
        return new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
                sent.add(describe(body, result));
                answered.countDown();
            }

            @Override
            public void onException(Throwable error) {
                Map<String, Object> fields = describe(error);
                fields.put("body", body);
                failed.add(fields);
                answered.countDown();
            }
        };
    }

    private static String body(Line line, int i) {
        return line.text("body") + "-" + i;
    }

    private static Message message(Line line, int i) {
        Message message = new Message(line.text("topic"), body(line, i).getBytes(StandardCharsets.UTF_8));
        if (line.has("size")) {
            byte[] noise = new byte[line.number("size", 0)];
            new Random(i).nextBytes(noise);
            message.setBody(noise);
        }
        if (line.has("tags")) {
            String[] tags = line.text("tags").split(",");
            message.setTags(tags[i % tags.length]);
        }
        if (line.has("key")) {
            message.setKeys(line.text("key"));
        }
        if (line.has("numbered")) {
            message.putUserProperty(line.text("numbered"), String.valueOf(i));
        }
        if (line.has("delay_level")) {
            message.setDelayTimeLevel(line.number("delay_level", 0));
        }
        if (line.has("delay_ms")) {
            message.putUserProperty("interop", "timer");
            message.getProperties().put("TIMER_DELAY_MS", line.text("delay_ms"));
        }
        return message;
    }

    void query(Line line) throws Exception {
        QueryResult result = producer(line).queryMessage(line.text("topic"), line.text("key"),
            line.number("most", 32), 0, Long.MAX_VALUE);
        List<Map<String, Object>> messages = new ArrayList<>();
        for (MessageExt message : result.getMessageList()) {
            messages.add(Consuming.describe(message));
        }
        line.reply(Line.of("messages", messages));
    }

    void view(Line line) throws Exception {
        MessageExt message = producer(line).viewMessage(line.text("topic"), line.text("msg_id"));
        line.reply(Line.of("message", message == null ? null : Consuming.describe(message)));
    }

    static Map<String, Object> describe(String body, SendResult result) {
        return Line.of("body", body, "status", result.getSendStatus().name(), "msg_id", result.getMsgId(),
            "offset_msg_id", result.getOffsetMsgId(), "queue", result.getMessageQueue().getQueueId(),
            "offset", result.getQueueOffset());
    }

    static Map<String, Object> describe(Throwable error) {
        int code = 0;
        if (error instanceof MQBrokerException) {
            code = ((MQBrokerException) error).getResponseCode();
        } else if (error instanceof MQClientException) {
            code = ((MQClientException) error).getResponseCode();
        }
        return Line.of("error", error.getClass().getSimpleName() + ": " + error.getMessage(), "code", code);
    }
}
