import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Sends what stands on its standard input, a record a line: codec, partition, key (empty: null) and value, between tabs. */
public class JavaProducer {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String codec = "";
        KafkaProducer<byte[], byte[]> producer = null;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split("\t", 4);
            if (!parts[0].equals(codec)) {
                if (producer != null) producer.close();
                codec = parts[0];
                producer = connected(arguments[0], codec);
            }
            byte[] key = parts[2].isEmpty() ? null : bytes(parts[2]);
            ProducerRecord<byte[], byte[]> record =
                    new ProducerRecord<>(arguments[1], Integer.valueOf(parts[1]), key, bytes(parts[3]));
            record.headers().add("trace", new byte[] {(byte) 0xff, 0}).add("nothing", null);
            producer.send(record);
        }
        producer.close();
    }

    private static KafkaProducer<byte[], byte[]> connected(String brokers, String codec) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", brokers);
        properties.put("compression.type", codec);
        properties.put("linger.ms", "50");
        return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
