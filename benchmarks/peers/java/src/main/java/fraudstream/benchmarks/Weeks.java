package fraudstream.benchmarks;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** The weekly aggregates of all cards, by the midnight up to which they were computed. */
final class Weeks {
    /** Number of payments and mean amount in the seven days before a midnight. */
    record Week(int count, double mean) {}

    private static final long DAY_MS = 86_400_000;
    private static final Week NONE = new Week(0, 0.0);

    private final Map<Long, Map<String, Week>> byMidnight = new HashMap<>();

    private Weeks() {}

    /** Read midnight -> card number -> [count, mean]. */
    static Weeks read(Path path) throws IOException {
        Weeks weeks = new Weeks();
        try (JsonParser parser = new JsonFactory().createParser(path.toFile())) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                Map<String, Week> byCard = new HashMap<>();
                weeks.byMidnight.put(Long.valueOf(parser.currentName()), byCard);
                parser.nextToken();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String card = parser.currentName();
                    parser.nextToken();
                    int count = parser.nextIntValue(0);
                    parser.nextToken();
                    byCard.put(card, new Week(count, parser.getDoubleValue()));
                    parser.nextToken();
                }
            }
        }
        return weeks;
    }

    /** Return the last midnight UTC at or before an event time. */
    static long midnight(long eventTimeMs) {
        return eventTimeMs - Math.floorMod(eventTimeMs, DAY_MS);
    }

    Week of(Payment payment) {
        return byMidnight.getOrDefault(midnight(payment.eventTimeMs()), Map.of()).getOrDefault(payment.card(), NONE);
    }
}
