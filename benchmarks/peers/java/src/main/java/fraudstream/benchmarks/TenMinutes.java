package fraudstream.benchmarks;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Utils;

/**
 * The window of a card: payments with event time in [t - 10 minutes, t], both ends included, that arrived before, and the payment itself.
 *
 * <p>The store keeps a card's payments in order of arrival, 24 bytes each: event time, cents, hash of the id. A payment whose
 * id is known is answered from what arrived before it the first time, and not counted again. Refunds count in no window.
 */
final class TenMinutes {
    static final long WINDOW_MS = 600_000;
    private static final long MINUTE_MS = 60_000;

    /** How late a payment may be and still find its whole window: the default of the worker, too. */
    private static final long LATENESS_MS = 3_600_000;

    private static final double ALONE_S = 601.0;
    private static final int ENTRY_BYTES = 3 * Long.BYTES;

    /** What the window says of a payment; `stored` is null if the payment was known already. */
    record Answer(int count, double mean, double sincePreviousS, int countLastMinute, byte[] stored) {}

    /** A transaction id that came again with another time or amount. */
    static final class Conflict extends Exception {}

    private TenMinutes() {}

    static Answer add(byte[] kept, Payment payment) throws Conflict {
        ByteBuffer entries = ByteBuffer.wrap(kept == null ? new byte[0] : kept);
        long now = payment.eventTimeMs();
        long id = hash(payment.id());
        int end = entries.capacity();
        boolean known = false;
        int count = 0;
        int countLastMinute = 0;
        long cents = 0;
        long newest = now;
        long previous = Long.MIN_VALUE;
        for (int place = 0; place < end && !known; place += ENTRY_BYTES) {
            long time = entries.getLong(place);
            long amount = entries.getLong(place + Long.BYTES);
            if (entries.getLong(place + 2 * Long.BYTES) == id) {
                if (time != now || amount != payment.cents()) {
                    throw new Conflict();
                }
                known = true;
            } else if (amount >= 0 && time <= now && time >= now - WINDOW_MS) {
                count++;
                cents += amount;
                countLastMinute += time >= now - MINUTE_MS ? 1 : 0;
                previous = Math.max(previous, time);
            }
            newest = Math.max(newest, time);
        }
        if (!payment.refund()) {
            count++;
            countLastMinute++;
            cents += payment.cents();
        }
        return new Answer(
                count,
                count == 0 ? 0.0 : (double) cents / (count * 100L),
                previous == Long.MIN_VALUE ? ALONE_S : (now - previous) / 1000.0,
                countLastMinute,
                known ? null : appended(entries, newest - WINDOW_MS - LATENESS_MS, now, payment.cents(), id));
    }

    /** Return the entries from a moment on, and one more. */
    private static byte[] appended(ByteBuffer entries, long oldest, long time, long cents, long id) {
        ByteBuffer stored = ByteBuffer.allocate(entries.capacity() + ENTRY_BYTES);
        for (int place = 0; place < entries.capacity(); place += ENTRY_BYTES) {
            if (entries.getLong(place) >= oldest) {
                stored.put(entries.array(), place, ENTRY_BYTES);
            }
        }
        stored.putLong(time).putLong(cents).putLong(id);
        byte[] bytes = new byte[stored.position()];
        stored.flip().get(bytes);
        return bytes;
    }

    /** Return 64 bits of an id: two different hashes of its bytes. */
    private static long hash(String id) {
        byte[] bytes = id.getBytes(StandardCharsets.UTF_8);
        return ((long) Utils.murmur2(bytes) << Integer.SIZE) | (id.hashCode() & 0xFFFF_FFFFL);
    }
}
