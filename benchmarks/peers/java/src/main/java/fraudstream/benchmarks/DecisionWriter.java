package fraudstream.benchmarks;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/** Writes decisions as the worker does, but for `source` and `timing_ms`. */
final class DecisionWriter {
    private static final JsonFactory JSON = new JsonFactory();
    private static final int BYTES = 1024;

    private final List<Feature> published;
    private final String modelVersion;

    DecisionWriter(Detector detector) {
        published = detector.published;
        modelVersion = detector.version;
    }

    byte[] write(Payment payment, String card, TenMinutes.Answer recent, Weeks.Week week, Detector.Verdict verdict) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(BYTES);
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            json.writeStringField("transaction_id", payment.id());
            json.writeStringField("card", card);
            json.writeStringField("card_last4", payment.card().substring(payment.card().length() - 4));
            json.writeNumberField("event_time", payment.eventTimeMs());
            json.writeNumberField("amount", payment.amount());
            json.writeObjectFieldStart("variables");
            json.writeStringField("merchant", payment.merchant());
            json.writeStringField("zip_code", payment.zipCode());
            json.writeEndObject();
            writeFeatures(json, payment, recent, week);
            writeVerdict(json, verdict);
            json.writeNumberField("weekly_as_of", Weeks.midnight(payment.eventTimeMs()));
            json.writeArrayFieldStart("degraded");
            json.writeEndArray();
            json.writeNumberField("decided_at", System.currentTimeMillis());
            json.writeEndObject();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return bytes.toByteArray();
    }

    private void writeFeatures(JsonGenerator json, Payment payment, TenMinutes.Answer recent, Weeks.Week week)
            throws IOException {
        json.writeObjectFieldStart("features");
        for (Feature feature : published) {
            double value = feature.formula.of(payment, recent, week);
            if (feature.whole()) {
                json.writeNumberField(feature.column, (long) value);
            } else {
                json.writeNumberField(feature.column, value);
            }
        }
        json.writeEndObject();
    }

    private void writeVerdict(JsonGenerator json, Detector.Verdict verdict) throws IOException {
        json.writeNumberField("probability", verdict.probability());
        json.writeNumberField("score", Math.round(verdict.probability() * 1000));
        json.writeNullField("anomaly_score");
        json.writeStringField("outcome", verdict.outcome());
        json.writeBooleanField("fraud", verdict.fraud());
        writeTexts(json, "rules", verdict.rules());
        writeTexts(json, "reasons", verdict.reasons());
        json.writeStringField("model_version", modelVersion);
        json.writeStringField("ruleset_version", "1");
    }

    private void writeTexts(JsonGenerator json, String name, List<String> texts) throws IOException {
        json.writeArrayFieldStart(name);
        for (String text : texts) {
            json.writeString(text);
        }
        json.writeEndArray();
    }
}
