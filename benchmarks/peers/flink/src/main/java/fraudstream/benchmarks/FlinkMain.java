package fraudstream.benchmarks;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * The worker's job written for Flink's DataStream API, in a cluster within this process: payments by card, ten minutes of each in RocksDB.
 *
 * <p>At least once: outputs are flushed and offsets kept at a checkpoint, every 30 s as Kafka Streams commits.
 */
public final class FlinkMain {
    private static final int LINGER_MS = 5;
    /** Flink keeps records back for 100 ms by default, to hand many at once to the next task; that would be most of a payment's latency. */
    private static final int BUFFER_TIMEOUT_MS = 5;
    private static final long CHECKPOINT_MS = 30_000;

    private FlinkMain() {}

    public static void main(String[] arguments) throws Exception {
        HashMap<String, String> options = new HashMap<>();
        for (int place = 0; place < arguments.length; place += 2) {
            options.put(arguments[place].substring("--".length()), arguments[place + 1]);
        }
        Configuration configuration = new Configuration();
        configuration.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
        configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + options.get("state-dir") + "/checkpoints");
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
        environment.enableCheckpointing(CHECKPOINT_MS);
        environment.setBufferTimeout(BUFFER_TIMEOUT_MS);
        environment.getConfig().enableObjectReuse();
        build(environment, options);
        environment.execute(options.get("group"));
        System.exit(1); // payments never end
    }

    private static void build(StreamExecutionEnvironment environment, HashMap<String, String> options) {
        KafkaSource<byte[]> source = KafkaSource.<byte[]>builder()
                .setBootstrapServers(options.get("bootstrap"))
                .setGroupId(options.get("group"))
                .setTopics(options.get("transactions"))
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(KafkaRecordDeserializationSchema.valueOnly(ByteArrayDeserializer.class))
                .build();
        SingleOutputStreamOperator<Payment> payments = environment
                .fromSource(source, WatermarkStrategy.noWatermarks(), "transactions")
                .process(new ParseFunction());
        SingleOutputStreamOperator<Tuple2<byte[], byte[]>> decisions =
                payments.keyBy(Payment::card).process(new DecideFunction(options));
        to(options, "decisions", decisions);
        to(options, "alerts", decisions.getSideOutput(DecideFunction.ALERTS));
        to(options, "dead-letters", payments.getSideOutput(ParseFunction.DEAD_LETTERS));
        to(options, "dead-letters", decisions.getSideOutput(DecideFunction.CONFLICTS));
    }

    private static void to(Map<String, String> options, String topic, DataStream<Tuple2<byte[], byte[]>> records) {
        records.sinkTo(KafkaSink.<Tuple2<byte[], byte[]>>builder()
                .setBootstrapServers(options.get("bootstrap"))
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                .setProperty(ProducerConfig.ACKS_CONFIG, "all")
                .setProperty(ProducerConfig.LINGER_MS_CONFIG, String.valueOf(LINGER_MS))
                .setRecordSerializer(new ToTopic(options.get(topic)))
                .build());
    }

    /** Key and value are bytes already. */
    private record ToTopic(String topic) implements KafkaRecordSerializationSchema<Tuple2<byte[], byte[]>> {
        @Override
        public ProducerRecord<byte[], byte[]> serialize(
                Tuple2<byte[], byte[]> record, KafkaSinkContext context, Long timestamp) {
            return new ProducerRecord<>(topic, record.f0, record.f1);
        }
    }
}
