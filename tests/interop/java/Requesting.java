import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Requests by message: one who asks, and one who answers. */
final class Requesting {
    private static final int REQUEST_MS = 20_000;

    private final String namesrv;
    private final List<DefaultMQPushConsumer> consumers = new ArrayList<>();
    private final List<DefaultMQProducer> producers = new ArrayList<>();

    Requesting(String namesrv) {
        this.namesrv = namesrv;
    }

    /** Asks `count` times, one after the other, and gives the bodies of the replies. */
    void request(Line line) throws Exception {
        DefaultMQProducer producer = producer(line.text("group"), "asking");
        List<Map<String, Object>> replies = new ArrayList<>();
        for (int i = 0; i < line.number("count", 1); i++) {
            byte[] body = (line.text("body") + "-" + i).getBytes(StandardCharsets.UTF_8);
            Message reply = producer.request(new Message(line.text("topic"), body), line.number("timeout_ms", REQUEST_MS));
            replies.add(Line.of("body", new String(reply.getBody(), StandardCharsets.UTF_8), "topic", reply.getTopic()));
        }
        line.reply(Line.of("replies", replies));
    }

    /** Consumes and replies to each message with its own body behind "re: ". */
    void answer(Line line) throws Exception {
        DefaultMQProducer producer = producer(line.text("group") + "_replies", "answering");
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(line.text("group"));
        consumer.setNamesrvAddr(namesrv);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(line.text("topic"), "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            try {
                for (MessageExt message : messages) {
                    String body = "re: " + new String(message.getBody(), StandardCharsets.UTF_8);
                    Message reply = MessageUtil.createReplyMessage(message, body.getBytes(StandardCharsets.UTF_8));
                    SendResult sent = producer.send(reply);
                    Line.print(Line.of("consumer", line.text("group"), "body", body, "status", sent.getSendStatus().name()));
                }
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            } catch (Exception error) {
                Line.print(Line.of("consumer", line.text("group"), "trouble", error.toString()));
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
        });
        consumers.add(consumer);
        consumer.start();
        line.reply(Line.of("started", line.text("group")));
    }

    void stopAll() {
        consumers.forEach(DefaultMQPushConsumer::shutdown);
        producers.forEach(DefaultMQProducer::shutdown);
    }

    private DefaultMQProducer producer(String group, String instance) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(group);
        producer.setNamesrvAddr(namesrv);
        producer.setInstanceName(instance);
        producer.setSendMsgTimeout(10_000);
        producer.start();
        producers.add(producer);
        return producer;
    }
}
