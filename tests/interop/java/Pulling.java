import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The two pull consumers, each used from start to shutdown within one request. */
@SuppressWarnings("deprecation")
final class Pulling {
    private final String namesrv;

    Pulling(String namesrv) {
        this.namesrv = namesrv;
    }

    /** Reads every queue of the topic from its first to its last message and stores the offsets reached. */
    void pull(Line line) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(line.text("group"));
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName("pull-" + line.id);
        consumer.setHeartbeatBrokerInterval(Consuming.HEARTBEAT_MS);
        consumer.start();
        try {
            List<Map<String, Object>> messages = new ArrayList<>();
            List<Map<String, Object>> queues = new ArrayList<>();
            for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(line.text("topic"))) {
                long stored = consumer.fetchConsumeOffset(queue, true);
                long offset = Math.max(stored, consumer.minOffset(queue));
                PullResult result;
                do {
                    result = consumer.pull(queue, line.text("tags", "*"), offset, 32);
                    offset = result.getNextBeginOffset();
                    if (result.getPullStatus() == PullStatus.FOUND) {
                        for (MessageExt message : result.getMsgFoundList()) {
                            messages.add(Consuming.describe(message));
                        }
                    }
                } while (result.getPullStatus() != PullStatus.NO_NEW_MSG && offset < consumer.maxOffset(queue));
                consumer.updateConsumeOffset(queue, offset);
                consumer.getOffsetStore().updateConsumeOffsetToBroker(queue, offset, false);
                PullResult beyond = consumer.pull(queue, "*", offset + 1000, 32);
                queues.add(Line.of("queue", queue.getQueueId(), "stored", stored, "offset", offset,
                    "min", consumer.minOffset(queue), "max", consumer.maxOffset(queue),
                    "at_time_0", consumer.searchOffset(queue, 0),
                    "beyond", beyond.getPullStatus().name(), "beyond_next", beyond.getNextBeginOffset()));
            }
            line.reply(Line.of("messages", messages, "queues", queues));
        } finally {
            consumer.shutdown();
        }
    }

    /** Polls until `count` messages have come, commits, and shuts down. */
    void litePull(Line line) throws Exception {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(line.text("group"));
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName("lite-" + line.id);
        consumer.setHeartbeatBrokerInterval(Consuming.HEARTBEAT_MS);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setAutoCommit(false);
        consumer.subscribe(line.text("topic"), line.text("tags", "*"));
        consumer.start();
        try {
            int count = line.number("count", 1);
            long deadline = System.nanoTime() + line.number("timeout_ms", 30_000) * 1_000_000L;
            List<Map<String, Object>> messages = new ArrayList<>();
            while (messages.size() < count && System.nanoTime() < deadline) {
                for (MessageExt message : consumer.poll(500)) {
                    messages.add(Consuming.describe(message));
                }
            }
            consumer.commitSync();
            line.reply(Line.of("messages", messages));
        } finally {
            consumer.shutdown();
        }
    }
}
