package fraudstream.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** A payment in, a decision out: ten minutes from keyed state, the week, features, model, rules; an alert if it is not approved. */
final class DecideFunction extends KeyedProcessFunction<String, Payment, Tuple2<byte[], byte[]>> {
    static final OutputTag<Tuple2<byte[], byte[]>> ALERTS = new OutputTag<>("alerts") {};
    /** Payments whose id came again with another time or amount. */
    static final OutputTag<Tuple2<byte[], byte[]>> CONFLICTS = new OutputTag<>("conflicts") {};

    private final HashMap<String, String> options;
    private transient Detector detector;
    private transient Weeks weeks;
    private transient Tokens tokens;
    private transient DecisionWriter writer;
    private transient ValueState<byte[]> store;

    DecideFunction(HashMap<String, String> options) {
        this.options = options;
    }

    @Override
    public void open(OpenContext context) throws IOException {
        Trees trees = Trees.read(Path.of(options.get("model")));
        detector = new Detector(trees, new ObjectMapper().readTree(Path.of(options.get("manifest")).toFile()));
        weeks = Weeks.read(Path.of(options.get("weekly")));
        tokens = new Tokens(HexFormat.of().parseHex(Files.readString(Path.of(options.get("card-token-key"))).strip()));
        writer = new DecisionWriter(detector);
        store = getRuntimeContext()
                .getState(new ValueStateDescriptor<>("ten-minutes", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(Payment payment, Context context, Collector<Tuple2<byte[], byte[]>> decisions)
            throws IOException {
        String card = HexFormat.of().formatHex(tokens.token(payment.card()));
        byte[] key = card.getBytes(StandardCharsets.US_ASCII);
        TenMinutes.Answer recent;
        try {
            recent = TenMinutes.add(store.value(), payment);
        } catch (TenMinutes.Conflict refused) {
            context.output(CONFLICTS, Tuple2.of(key, payment.id().getBytes(StandardCharsets.UTF_8)));
            return;
        }
        if (recent.stored() != null) {
            store.update(recent.stored());
        }
        Weeks.Week week = weeks.of(payment);
        Detector.Verdict verdict = detector.judge(payment, recent, week);
        Tuple2<byte[], byte[]> answer = Tuple2.of(key, writer.write(payment, card, recent, week, verdict));
        decisions.collect(answer);
        if (!verdict.outcome().equals("approve")) {
            context.output(ALERTS, answer);
        }
    }
}
