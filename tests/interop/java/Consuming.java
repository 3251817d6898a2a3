import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;

/** Push consumers by name; each message handled becomes a line of output. */
final class Consuming {
    /**
     * A 5.x client drops the heartbeat that follows a rebalance if another is under way, and then pulls in vain
     * (SUBSCRIPTION_NOT_LATEST) until the next one: 30 s by default.
     */
    static final int HEARTBEAT_MS = 3_000;

    private final String namesrv;
    private final Map<String, DefaultMQPushConsumer> consumers = new ConcurrentHashMap<>();

    Consuming(String namesrv) {
        this.namesrv = namesrv;
    }

    void start(Line line) throws Exception {
        String name = line.text("name");
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(line.text("group"));
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName(name);
        consumer.setHeartbeatBrokerInterval(HEARTBEAT_MS);
        consumer.setConsumeFromWhere(line.text("from", "first").equals("first")
            ? ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET : ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
        if (line.has("sql")) {
            consumer.subscribe(line.text("topic"), MessageSelector.bySql(line.text("sql")));
        } else {
            consumer.subscribe(line.text("topic"), line.text("tags", "*"));
        }
        if (line.has("max_reconsume")) {
            consumer.setMaxReconsumeTimes(line.number("max_reconsume", 16));
        }
        String mode = line.text("mode", "concurrent");
        if (mode.equals("broadcast")) {
            broadcasting(consumer);
        }
        if (line.text("balanced_by", "client").equals("broker")) {
            letTheBrokerBalance(consumer);
        }
        String failing = line.text("fail", null);
        int workMs = line.number("work_ms", 0);
        if (mode.equals("orderly")) {
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) ->
                handle(name, messages, failing, workMs)
                    ? ConsumeOrderlyStatus.SUCCESS : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT);
        } else {
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) ->
                handle(name, messages, failing, workMs)
                    ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER);
        }
        consumers.put(name, consumer);
        consumer.start();
        line.reply(Line.of("started", name));
    }

    void stop(Line line) {
        DefaultMQPushConsumer consumer = consumers.remove(line.text("name"));
        if (consumer != null) {
            consumer.shutdown();
        }
        line.reply(Line.of("stopped", line.text("name")));
    }

    void stopAll() {
        consumers.values().forEach(DefaultMQPushConsumer::shutdown);
    }

    /** MessageModel lives in another package in 4.x and 5.x, so it is found through the setter. */
    private static void broadcasting(DefaultMQPushConsumer consumer) throws Exception {
        for (Method method : DefaultMQPushConsumer.class.getMethods()) {
            if (method.getName().equals("setMessageModel")) {
                for (Object model : method.getParameterTypes()[0].getEnumConstants()) {
                    if (model.toString().equals("BROADCASTING")) {
                        method.invoke(consumer, model);
                    }
                }
            }
        }
    }

    /** A 5.x client can leave it to the broker which queues it reads; an older one does not know the method. */
    private static void letTheBrokerBalance(DefaultMQPushConsumer consumer) throws Exception {
        DefaultMQPushConsumer.class.getMethod("setClientRebalance", boolean.class).invoke(consumer, false);
    }

    private static boolean handle(String name, List<MessageExt> messages, String failing, int workMs) {
        boolean success = true;
        for (MessageExt message : messages) {
            long beganUs = nowUs();
            if (workMs > 0) {
                try {
                    Thread.sleep(workMs);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                    return false;
                }
            }
            Map<String, Object> fields = describe(message);
            fields.put("consumer", name);
            fields.put("began_us", beganUs);
            fields.put("ended_us", nowUs());
            Line.print(fields);
            success &= failing == null || !fields.get("body").toString().startsWith(failing);
        }
        return success;
    }

    static Map<String, Object> describe(MessageExt message) {
        String offsetId = message instanceof MessageClientExt
            ? ((MessageClientExt) message).getOffsetMsgId() : message.getMsgId();
        return Line.of(
            "topic", message.getTopic(), "body", new String(message.getBody(), StandardCharsets.UTF_8),
            "queue", message.getQueueId(), "offset", message.getQueueOffset(),
            "msg_id", message.getMsgId(), "offset_msg_id", offsetId,
            "tags", message.getTags(), "keys", message.getKeys(),
            "reconsume_times", message.getReconsumeTimes(), "store_ms", message.getStoreTimestamp(),
            "properties", message.getProperties());
    }

    private static long nowUs() {
        java.time.Instant now = java.time.Instant.now();
        return now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000;
    }
}
