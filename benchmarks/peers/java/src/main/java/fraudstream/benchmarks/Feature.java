package fraudstream.benchmarks;

import java.util.Locale;

/** Every feature the benchmark's model takes or a decision shows; the formulas are those of the worker's catalogue. */
enum Feature {
    AMOUNT((payment, recent, week) -> payment.amount()),
    AMT_RATIO1((payment, recent, week) -> divided(recent.mean(), week.mean(), 0.0)),
    AMT_RATIO2((payment, recent, week) -> divided(payment.amount(), week.mean(), 0.0)),
    COUNT_RATIO((payment, recent, week) -> divided(recent.count(), week.count(), 0.0)),
    SECONDS_SINCE_PREVIOUS((payment, recent, week) -> recent.sincePreviousS()),
    NUM_TRANS_LAST_1M((payment, recent, week) -> recent.countLastMinute()),
    NUM_TRANS_LAST_10M((payment, recent, week) -> recent.count()),
    AMT_CHANGE((payment, recent, week) -> Math.abs(divided(payment.amount(), recent.mean(), 1.0) - 1.0)),
    AVG_AMT_LAST_10M((payment, recent, week) -> recent.mean()),
    NUM_TRANS_LAST_1W((payment, recent, week) -> week.count()),
    AVG_AMT_LAST_1W((payment, recent, week) -> week.mean());

    /** How a feature follows from a payment, its ten minutes and its week. */
    interface Formula {
        double of(Payment payment, TenMinutes.Answer recent, Weeks.Week week);
    }

    final Formula formula;
    final String column = name().toLowerCase(Locale.ROOT);

    Feature(Formula formula) {
        this.formula = formula;
    }

    static Feature named(String column) {
        return valueOf(column.toUpperCase(Locale.ROOT));
    }

    /** Tell whether values are whole numbers, which JSON shows without a point. */
    boolean whole() {
        return column.startsWith("num_trans");
    }

    private static double divided(double part, double whole, double otherwise) {
        return whole > 0 ? part / whole : otherwise;
    }
}
