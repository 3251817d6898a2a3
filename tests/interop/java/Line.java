import java.io.PrintStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/** One request line ("id verb key=value&key=value") and the JSON lines that answer it. */
final class Line {
    private static final PrintStream ANSWERS = System.out;

    final String id;
    final String verb;
    private final Map<String, String> values = new LinkedHashMap<>();

    Line(String text) throws Exception {
        String[] parts = text.split(" ", 3);
        id = parts[0];
        verb = parts[1];
        if (parts.length < 3 || parts[2].isEmpty()) {
            return;
        }
        for (String pair : parts[2].split("&")) {
            int equals = pair.indexOf('=');
            values.put(pair.substring(0, equals),
                URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8.name()));
        }
    }

    boolean has(String key) {
        return values.containsKey(key);
    }

    String text(String key) {
        String value = values.get(key);
        if (value == null) {
            throw new IllegalArgumentException(verb + " needs " + key);
        }
        return value;
    }

    String text(String key, String otherwise) {
        return values.getOrDefault(key, otherwise);
    }

    int number(String key, int otherwise) {
        return values.containsKey(key) ? Integer.parseInt(values.get(key)) : otherwise;
    }

    void reply(Map<String, Object> fields) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("reply", id);
        line.putAll(fields);
        print(line);
    }

    static Map<String, Object> of(Object... namesAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            map.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return map;
    }

    static void print(Map<String, Object> line) {
        StringBuilder json = new StringBuilder();
        write(json, line);
        synchronized (ANSWERS) {
            ANSWERS.println(json);
            ANSWERS.flush();
        }
    }

    private static void write(StringBuilder json, Object value) {
        if (value == null || value instanceof Number || value instanceof Boolean) {
            json.append(value);
        } else if (value instanceof Map) {
            char open = '{';
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                json.append(open);
                quote(json, String.valueOf(entry.getKey()));
                json.append(':');
                write(json, entry.getValue());
                open = ',';
            }
            json.append(open == '{' ? "{}" : "}");
        } else if (value instanceof Collection) {
            char open = '[';
            for (Object element : (Collection<?>) value) {
                json.append(open);
                write(json, element);
                open = ',';
            }
            json.append(open == '[' ? "[]" : "]");
        } else {
            quote(json, value.toString());
        }
    }

    private static void quote(StringBuilder json, String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < 0x20 || c > 0x7e) {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        json.append('"');
    }
}
