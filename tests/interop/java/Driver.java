import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.rocketmq.client.producer.DefaultMQProducer;

/**
 * Obeys requests on standard input with the client on the classpath and answers on standard output.
 * The verbs and their fields are listed in README.md; the Go and Python drivers speak the same.
 */
public final class Driver {
    public static void main(String[] args) throws Exception {
        String namesrv = args[0];
        Line.print(Line.of("client", DefaultMQProducer.class.getProtectionDomain().getCodeSource().getLocation()));
        System.setOut(System.err); // The clients and their loggers may print too; standard output is for answers.
        Producing producing = new Producing(namesrv);
        Consuming consuming = new Consuming(namesrv);
        Pulling pulling = new Pulling(namesrv);
        Requesting requesting = new Requesting(namesrv);
        Line.print(Line.of("ready", true));
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        for (String text = requests.readLine(); text != null; text = requests.readLine()) {
            Line line = new Line(text);
            if (line.verb.equals("quit")) {
                consuming.stopAll();
                requesting.stopAll();
                producing.stopAll();
                line.reply(Line.of());
                break;
            }
            new Thread(() -> obey(line, producing, consuming, pulling, requesting), line.verb).start();
        }
        System.exit(0);
    }

    private static void obey(
        Line line, Producing producing, Consuming consuming, Pulling pulling, Requesting requesting) {
        try {
            switch (line.verb) {
                case "send": producing.send(line); break;
                case "query": producing.query(line); break;
                case "view": producing.view(line); break;
                case "consume": consuming.start(line); break;
                case "stop": consuming.stop(line); break;
                case "pull": pulling.pull(line); break;
                case "lite_pull": pulling.litePull(line); break;
                case "request": requesting.request(line); break;
                case "answer": requesting.answer(line); break;
                default: throw new IllegalArgumentException("unknown verb " + line.verb);
            }
        } catch (Throwable error) {
            error.printStackTrace();
            line.reply(Producing.describe(error));
        }
    }
}
