package fraudstream.benchmarks;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Bytes in, payments out; what is none goes to the dead letters. */
final class ParseFunction extends ProcessFunction<byte[], Payment> {
    static final OutputTag<Tuple2<byte[], byte[]>> DEAD_LETTERS = new OutputTag<>("dead-letters") {};

    private static final byte[] NO_KEY = {};

    @Override
    public void processElement(byte[] value, Context context, Collector<Payment> payments) {
        try {
            payments.collect(Payment.parse(value));
        } catch (Payment.Invalid refused) {
            context.output(DEAD_LETTERS, Tuple2.of(NO_KEY, value));
        }
    }
}
