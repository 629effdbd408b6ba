package mapapi;

import com.oracle.coherence.io.json.JsonObject;
import com.oracle.coherence.io.json.JsonSerializer;
import com.tangosol.net.Coherence;
import com.tangosol.net.CoherenceConfiguration;
import com.tangosol.net.Session;
import com.tangosol.net.SessionConfiguration;

import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The whole map API of the official Java client with its JSON serializer, one check for each method and case.
 *
 * <p>Arguments: ADDRESS [v1|v0] [RESULTS] [NAME...]. MAP_API_DATA names the folder of people.json. Prints {@code ok NAME}
 * or {@code FAIL NAME: expected ..., got ...}, and at the end the counts; the exit status is 1 when any check failed.
 * RESULTS is a file for the same as JSON lines. NAME is the beginning of a check's name, to run only those. The client
 * has no switch for the older protocol: it falls back when the server does not know v1, which {@link OldProtocol} makes
 * it believe.
 */
public final class Main {
    private Main() {
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 0 || arguments.length > 1 && !arguments[1].matches("v[01]")) {
            System.err.println("usage: mapapi.Main ADDRESS [v1|v0] [RESULTS] [NAME...]");
            System.exit(2);
        }
        String protocol = arguments.length > 1 ? arguments[1] : "v1";
        int colon = arguments[0].lastIndexOf(':');
        System.setProperty("map-api.host", arguments[0].substring(0, colon));
        System.setProperty("map-api.port", arguments[0].substring(colon + 1));
        System.setProperty("map-api.protocol", protocol);
        // A client only: no member of a cluster, and quiet unless told otherwise.
        System.setProperty("coherence.tcmp.enabled", "false");
        System.setProperty("coherence.management", "none");
        if (System.getProperty("coherence.log.level") == null) {
            System.setProperty("coherence.log.level", "1");
        }
        Path results = Path.of(arguments.length > 2 ? arguments[2] : "/dev/null");
        List<String> beginnings = List.of(arguments).subList(Math.min(3, arguments.length), arguments.length);
        int failed;
        try (Writer writer = Files.newBufferedWriter(results)) {
            failed = run(protocol.equals("v1"), writer, beginnings);
        }
        // Not by itself: the client's threads may live on.
        System.exit(failed == 0 ? 0 : 1);
    }

    private static int run(boolean v1, Writer results, List<String> beginnings) throws IOException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Checks checks = new Checks();
        MapChecks.add(checks);
        QueryChecks.add(checks);
        AggregateChecks.add(checks);
        ProcessChecks.add(checks);
        AsyncChecks.add(checks);
        EventChecks.add(checks);
        ViewChecks.add(checks);
        CoverageChecks.add(checks);
        Map<String, JsonObject> everyone = people();
        SessionConfiguration configuration = SessionConfiguration.builder().withConfigUri("map-api-grpc.xml").build();
        Coherence coherence = Coherence.client(CoherenceConfiguration.builder().withSession(configuration).build());
        coherence.start().join();
        Session session = coherence.getSession();
        int failed = 0;
        int passed = 0;
        for (var check : checks.all.entrySet()) {
            if (!beginnings.isEmpty() && beginnings.stream().noneMatch(check.getKey()::startsWith)) {
                continue;
            }
            Map<String, Object> result = outcome(new Scene(session, v1, everyone, check.getKey()), check.getKey(), check.getValue());
            if (result.get("ok").equals(true)) {
                passed++;
                out.println("ok " + check.getKey());
            } else {
                failed++;
                out.println("FAIL " + check.getKey() + ": expected " + result.get("expected") + ", got " + result.get("got"));
            }
            results.write(line(result) + "\n");
        }
        out.println(passed + " passed, " + failed + " failed");
        return failed;
    }

    private static Map<String, Object> outcome(Scene scene, String name, Checks.Check check) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("check", name);
        try {
            check.run(scene);
            result.put("ok", true);
        } catch (Scene.Different different) {
            result.put("ok", false);
            result.put("expected", different.expected);
            result.put("got", different.got);
        } catch (Exception | LinkageError error) {
            Throwable cause = error;
            while (cause.getCause() != null && cause.getCause() != cause) {
                cause = cause.getCause();
            }
            result.put("ok", false);
            result.put("expected", "no error");
            result.put("got", cause.toString().replaceAll("\\s+", " "));
        }
        try {
            scene.close();
        } catch (RuntimeException error) {
            System.err.println("after " + name + ": " + error);
        }
        return result;
    }

    private static String line(Map<String, Object> result) {
        StringBuilder line = new StringBuilder("{");
        result.forEach((key, value) -> {
            line.append(line.length() > 1 ? "," : "").append('"').append(key).append("\":");
            line.append(value instanceof Boolean ? value : quoted(String.valueOf(value)));
        });
        return line.append('}').toString();
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char each : text.toCharArray()) {
            if (each == '"' || each == '\\') {
                quoted.append('\\').append(each);
            } else if (each < ' ') {
                quoted.append(String.format("\\u%04x", (int) each));
            } else {
                quoted.append(each);
            }
        }
        return quoted.append('"').toString();
    }

    @SuppressWarnings("unchecked")
    private static Map<String, JsonObject> people() throws IOException {
        String folder = System.getenv().getOrDefault("MAP_API_DATA", "..");
        String text = Files.readString(Path.of(folder, "people.json"));
        JsonObject all = new JsonSerializer().underlying().deserialize(new StringReader(text), JsonObject.class);
        Map<String, JsonObject> everyone = new LinkedHashMap<>();
        all.forEach((key, value) -> everyone.put(key, (JsonObject) value));
        return everyone;
    }
}
