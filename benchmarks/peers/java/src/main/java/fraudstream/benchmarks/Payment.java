package fraudstream.benchmarks;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/** A payment as it is read from the topic; amounts in cents, times in epoch milliseconds. */
public record Payment(String id, String card, double amount, long cents, long eventTimeMs, String merchant, String zipCode) {
    private static final double AMOUNT_MAX = 10_000_000.0;
    private static final int DIGITS_MIN = 12;
    private static final int DIGITS_MAX = 19;
    private static final JsonFactory JSON = new JsonFactory();

    /** A record that is no payment; the message says why. */
    static final class Invalid extends Exception {
        Invalid(String reason) {
            super(reason);
        }
    }

    static Payment parse(byte[] value) throws Invalid {
        String id = null;
        String card = null;
        String merchant = null;
        String zipCode = null;
        double amount = Double.NaN;
        double seconds = Double.NaN;
        try (JsonParser parser = JSON.createParser(value)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new Invalid("not-an-object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken token = parser.nextToken();
                switch (name) {
                    case "tid" -> id = scalar(parser, token);
                    case "cc_num" -> card = scalar(parser, token);
                    case "amount" -> amount = number(parser, token);
                    case "trans_ts" -> seconds = number(parser, token);
                    case "merchant" -> merchant = scalar(parser, token);
                    case "zip_code" -> zipCode = scalar(parser, token);
                    default -> parser.skipChildren();
                }
            }
        } catch (IOException | NumberFormatException error) {
            throw new Invalid("invalid-json");
        }
        return checked(id, card, amount, seconds, merchant, zipCode);
    }

    private static Payment checked(String id, String given, double amount, double seconds, String merchant, String zipCode)
            throws Invalid {
        String card = given == null ? "" : given.replace(" ", "").replace("-", "");
        if (card.length() < DIGITS_MIN || card.length() > DIGITS_MAX || !card.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new Invalid("invalid-card");
        }
        if (!(Math.abs(amount) <= AMOUNT_MAX)) {
            throw new Invalid("invalid-amount");
        }
        if (id == null || id.isBlank() || Double.isNaN(seconds) || Double.isInfinite(seconds)) {
            throw new Invalid("invalid-transaction");
        }
        return new Payment(
                id, card, amount, (long) Math.rint(amount * 100), (long) Math.rint(seconds * 1000), merchant, zipCode);
    }

    private static String scalar(JsonParser parser, JsonToken token) throws IOException {
        parser.skipChildren();
        return token.isScalarValue() && token != JsonToken.VALUE_NULL ? parser.getText() : null;
    }

    /** Return a number, or a number written as text. */
    private static double number(JsonParser parser, JsonToken token) throws IOException {
        parser.skipChildren();
        if (token.isNumeric()) {
            return parser.getDoubleValue();
        }
        return token == JsonToken.VALUE_STRING ? Double.parseDouble(parser.getText()) : Double.NaN;
    }

    /** Tell whether this is a refund, which counts in no window. */
    boolean refund() {
        return cents < 0;
    }
}
