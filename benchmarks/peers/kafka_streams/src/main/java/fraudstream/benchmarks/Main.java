package fraudstream.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;

/**
 * The worker's job written for Kafka Streams: one processor, a RocksDB store per partition with the ten minutes of every card.
 *
 * <p>Settings are the defaults of Kafka Streams (at least once, acks=all, idempotent producer, commit every 30 s, one thread)
 * but for LINGER_MS. Records are not cached before the store, so that every payment reaches RocksDB and the changelog.
 */
public final class Main {
    /** Kafka Streams waits 100 ms for more records by default, which would be most of a payment's latency. */
    private static final int LINGER_MS = 5;

    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    private Main() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Map<String, String> options = options(arguments);
        KafkaStreams streams = new KafkaStreams(topology(options), properties(options));
        CountDownLatch failed = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            failed.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(CLOSE_TIMEOUT)));
        streams.start();
        failed.await();
        System.exit(1);
    }

    /** Return what stands on the command line as pairs of --name and value. */
    private static Map<String, String> options(String[] arguments) {
        Map<String, String> options = new HashMap<>();
        for (int place = 0; place < arguments.length; place += 2) {
            options.put(arguments[place].substring("--".length()), arguments[place + 1]);
        }
        return options;
    }

    private static Topology topology(Map<String, String> options) throws IOException {
        Detector detector = new Detector(
                Trees.read(Path.of(options.get("model"))), new ObjectMapper().readTree(Path.of(options.get("manifest")).toFile()));
        Weeks weeks = Weeks.read(Path.of(options.get("weekly")));
        byte[] key = HexFormat.of().parseHex(Files.readString(Path.of(options.get("card-token-key"))).strip());
        ByteArrayDeserializer read = new ByteArrayDeserializer();
        ByteArraySerializer write = new ByteArraySerializer();
        return new Topology()
                .addSource(FraudProcessor.NAME + "-source", read, read, options.get("transactions"))
                .addProcessor(
                        FraudProcessor.NAME,
                        () -> new FraudProcessor(detector, weeks, new Tokens(key)),
                        FraudProcessor.NAME + "-source")
                .addStateStore(
                        Stores.keyValueStoreBuilder(
                                        Stores.persistentKeyValueStore(FraudProcessor.STORE), Serdes.ByteArray(), Serdes.ByteArray())
                                .withLoggingEnabled(Map.of())
                                .withCachingDisabled(),
                        FraudProcessor.NAME)
                .addSink(FraudProcessor.DECISIONS, options.get("decisions"), write, write, FraudProcessor.NAME)
                .addSink(FraudProcessor.ALERTS, options.get("alerts"), write, write, FraudProcessor.NAME)
                .addSink(FraudProcessor.DEAD_LETTERS, options.get("dead-letters"), write, write, FraudProcessor.NAME);
    }

    private static Properties properties(Map<String, String> options) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, options.get("group"));
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("bootstrap"));
        properties.put(StreamsConfig.STATE_DIR_CONFIG, options.get("state-dir"));
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE);
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), LINGER_MS);
        return properties;
    }
}
