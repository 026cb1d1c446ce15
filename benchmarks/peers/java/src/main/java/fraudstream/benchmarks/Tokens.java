package fraudstream.benchmarks;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Card numbers become keyed tokens: 16 bytes of HMAC-SHA-256. Those used lately are remembered. */
final class Tokens {
    private static final String ALGORITHM = "HmacSHA256";
    private static final int TOKEN_BYTES = 16;
    private static final int REMEMBERED = 50_000;

    private final Mac mac;
    private final Map<String, byte[]> known = new LinkedHashMap<>(REMEMBERED, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, byte[]> eldest) {
            return size() > REMEMBERED;
        }
    };

    Tokens(byte[] key) {
        try {
            mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(key, ALGORITHM));
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    byte[] token(String card) {
        return known.computeIfAbsent(
                card, number -> Arrays.copyOf(mac.doFinal(number.getBytes(StandardCharsets.US_ASCII)), TOKEN_BYTES));
    }
}
