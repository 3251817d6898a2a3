import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.AckCallback;
import org.apache.rocketmq.client.consumer.AckResult;
import org.apache.rocketmq.client.consumer.PopCallback;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.header.AckMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ChangeInvisibleTimeRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ExtraInfoUtil;
import org.apache.rocketmq.remoting.protocol.header.PopMessageRequestHeader;

/** Pops, acknowledges and hides with the calls that the push consumer makes when its group pops. */
public final class Popping {
    private static final long TIMEOUT_MS = 30_000;
    private final MQClientAPIImpl api;
    private final String broker;
    private final String address;

    private Popping(MQClientAPIImpl api, String broker, String address) {
        this.api = api;
        this.broker = broker;
        this.address = address;
    }

    public static void main(String[] args) throws Exception {
        DefaultMQProducer client = new DefaultMQProducer("PopDriver");
        client.setNamesrvAddr(args[0]);
        client.start();
        Line.print(Line.of("ready", true));
        System.setOut(System.err);
        MQClientAPIImpl api = client.getDefaultMQProducerImpl().getMqClientFactory().getMQClientAPIImpl();
        Popping popping = new Popping(api, args[1], args[2]);
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        for (String text = requests.readLine(); text != null; text = requests.readLine()) {
            Line line = new Line(text);
            try {
                switch (line.verb) {
                    case "pop": popping.pop(line); break;
                    case "ack": popping.ack(line); break;
                    case "batch_ack": popping.batchAck(line); break;
                    case "hide": popping.hide(line); break;
                    case "quit": line.reply(Line.of()); System.exit(0); break;
                    default: throw new IllegalArgumentException("unknown verb " + line.verb);
                }
            } catch (Throwable error) {
                error.printStackTrace();
                line.reply(Line.of("error", String.valueOf(error), "code", -1));
            }
        }
        System.exit(0);
    }

    private void pop(Line line) throws Exception {
        PopMessageRequestHeader header = new PopMessageRequestHeader();
        header.setConsumerGroup(line.text("group"));
        header.setTopic(line.text("topic"));
        header.setQueueId(line.number("queue", -1));
        header.setMaxMsgNums(line.number("count", 32));
        header.setInvisibleTime(line.number("invisible_ms", 10_000));
        header.setPollTime(line.number("poll_ms", 5_000));
        header.setBornTime(System.currentTimeMillis());
        header.setInitMode(0);
        header.setExp(line.has("sql") ? line.text("sql") : line.text("tags", "*"));
        header.setExpType(line.has("sql") ? "SQL92" : "TAG");
        header.setOrder(line.has("order"));
        CompletableFuture<PopResult> answer = new CompletableFuture<>();
        api.popMessageAsync(broker, address, header, TIMEOUT_MS, new PopCallback() {
            public void onSuccess(PopResult result) {
                answer.complete(result);
            }

            public void onException(Throwable error) {
                answer.completeExceptionally(error);
            }
        });
        PopResult result = answer.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
        List<Map<String, Object>> messages = new ArrayList<>();
        if (result.getMsgFoundList() != null) {
            for (MessageExt message : result.getMsgFoundList()) {
                messages.add(Line.of("body", new String(message.getBody()), "topic", message.getTopic(),
                    "handle", message.getProperty(MessageConst.PROPERTY_POP_CK), "times", message.getReconsumeTimes(),
                    "first", message.getProperty(MessageConst.PROPERTY_FIRST_POP_TIME)));
            }
        }
        line.reply(Line.of("status", String.valueOf(result.getPopStatus()), "messages", messages,
            "rest", result.getRestNum()));
    }

    private void ack(Line line) throws Exception {
        String handle = line.text("handle");
        String[] parts = ExtraInfoUtil.split(handle);
        AckMessageRequestHeader header = new AckMessageRequestHeader();
        header.setTopic(ExtraInfoUtil.getRealTopic(parts, line.text("topic"), line.text("group")));
        header.setQueueId(ExtraInfoUtil.getQueueId(parts));
        header.setOffset(ExtraInfoUtil.getQueueOffset(parts));
        header.setConsumerGroup(line.text("group"));
        header.setExtraInfo(handle);
        Answer answer = new Answer();
        api.ackMessageAsync(address, TIMEOUT_MS, answer, header);
        answer.reply(line);
    }

    private void batchAck(Line line) throws Exception {
        Answer answer = new Answer();
        List<String> handles = Arrays.asList(line.text("handles").split(";"));
        api.batchAckMessageAsync(address, TIMEOUT_MS, answer, line.text("topic"), line.text("group"), handles);
        answer.reply(line);
    }

    private void hide(Line line) throws Exception {
        String handle = line.text("handle");
        String[] parts = ExtraInfoUtil.split(handle);
        ChangeInvisibleTimeRequestHeader header = new ChangeInvisibleTimeRequestHeader();
        header.setTopic(ExtraInfoUtil.getRealTopic(parts, line.text("topic"), line.text("group")));
        header.setQueueId(ExtraInfoUtil.getQueueId(parts));
        header.setOffset(ExtraInfoUtil.getQueueOffset(parts));
        header.setConsumerGroup(line.text("group"));
        header.setExtraInfo(handle);
        header.setInvisibleTime((long) line.number("invisible_ms", 10_000));
        Answer answer = new Answer();
        api.changeInvisibleTimeAsync(broker, address, header, TIMEOUT_MS, answer);
        answer.reply(line);
    }

    private static final class Answer implements AckCallback {
        private final CompletableFuture<AckResult> result = new CompletableFuture<>();

        public void onSuccess(AckResult found) {
            result.complete(found);
        }

        public void onException(Throwable error) {
            result.completeExceptionally(error);
        }

        void reply(Line line) throws Exception {
            AckResult found = result.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
            line.reply(Line.of("status", String.valueOf(found.getStatus()), "handle", found.getExtraInfo()));
        }
    }
}
