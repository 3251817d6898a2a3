import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/** Runs mqadmin commands, one line of tab-separated arguments each, and answers with what each one printed. */
public final class Admin {
    public static void main(String[] args) throws Exception {
        Line.print(Line.of("ready", true));
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        for (String text = requests.readLine(); text != null; text = requests.readLine()) {
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            PrintStream screen = new PrintStream(printed, true, "UTF-8");
            System.setOut(screen);
            System.setErr(screen);
            MQAdminStartup.main0(text.split("\t"), null);
            Line.print(Line.of("printed", printed.toString("UTF-8")));
        }
    }
}
