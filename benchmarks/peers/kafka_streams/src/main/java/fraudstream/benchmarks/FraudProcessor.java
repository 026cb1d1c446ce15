package fraudstream.benchmarks;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** A payment in, a decision out: ten minutes from the store, the week, features, model, rules; an alert if it is not approved. */
final class FraudProcessor extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
    static final String NAME = "fraud";
    static final String STORE = "ten-minutes";
    static final String DECISIONS = "decisions";
    static final String ALERTS = "alerts";
    static final String DEAD_LETTERS = "dead-letters";

    private final Detector detector;
    private final Weeks weeks;
    private final Tokens tokens;
    private final DecisionWriter writer;
    private KeyValueStore<byte[], byte[]> store;

    FraudProcessor(Detector detector, Weeks weeks, Tokens tokens) {
        this.detector = detector;
        this.weeks = weeks;
        this.tokens = tokens;
        writer = new DecisionWriter(detector);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        super.init(context);
        store = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        try {
            decide(record, Payment.parse(record.value()));
        } catch (Payment.Invalid | TenMinutes.Conflict refused) {
            context().forward(record, DEAD_LETTERS);
        }
    }

    private void decide(Record<byte[], byte[]> record, Payment payment) throws TenMinutes.Conflict {
        byte[] token = tokens.token(payment.card());
        TenMinutes.Answer recent = TenMinutes.add(store.get(token), payment);
        if (recent.stored() != null) {
            store.put(token, recent.stored());
        }
        Weeks.Week week = weeks.of(payment);
        Detector.Verdict verdict = detector.judge(payment, recent, week);
        String card = HexFormat.of().formatHex(token);
        byte[] decision = writer.write(payment, card, recent, week, verdict);
        Record<byte[], byte[]> answer =
                new Record<>(card.getBytes(StandardCharsets.US_ASCII), decision, record.timestamp());
        context().forward(answer, DECISIONS);
        if (!verdict.outcome().equals("approve")) {
            context().forward(answer, ALERTS);
        }
    }
}
