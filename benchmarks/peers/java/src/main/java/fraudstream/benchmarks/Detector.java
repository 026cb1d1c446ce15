package fraudstream.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.stream.IntStream;

/** The model and the rules: what a payment's features say of it. */
final class Detector {
    private static final double BLOCK_ABOVE = 0.8;
    private static final int REASONS_MAX = 3;
    private static final List<Feature> AGGREGATES = List.of(
            Feature.NUM_TRANS_LAST_10M, Feature.AVG_AMT_LAST_10M, Feature.NUM_TRANS_LAST_1W, Feature.AVG_AMT_LAST_1W);

    /** What was decided, and why. */
    record Verdict(double probability, String outcome, boolean fraud, List<String> rules, List<String> reasons) {}

    final String version;
    /** What a decision shows: the features the model takes, then the aggregates. */
    final List<Feature> published;

    private final Trees trees;
    private final List<Feature> features = new ArrayList<>();
    private final double threshold;

    Detector(Trees trees, JsonNode manifest) {
        this.trees = trees;
        version = manifest.get("version").asText();
        threshold = manifest.get("threshold").asDouble();
        manifest.get("features").forEach(name -> features.add(Feature.named(name.asText())));
        LinkedHashSet<Feature> shown = new LinkedHashSet<>(features);
        shown.addAll(AGGREGATES);
        published = List.copyOf(shown);
    }

    Verdict judge(Payment payment, TenMinutes.Answer recent, Weeks.Week week) {
        float[] row = new float[features.size()];
        for (int place = 0; place < row.length; place++) {
            row[place] = (float) features.get(place).formula.of(payment, recent, week);
        }
        double probability = trees.probability(row);
        boolean block = probability > BLOCK_ABOVE;
        boolean fraud = probability > threshold;
        List<String> rules = new ArrayList<>(2);
        if (block) {
            rules.add("very-likely-fraud");
        }
        if (fraud) {
            rules.add("likely-fraud");
        }
        String outcome = block ? "block" : fraud ? "review" : "approve";
        return new Verdict(probability, outcome, fraud, rules, rules.isEmpty() ? List.of() : reasons(row));
    }

    /** Name the features that pushed the score up the most. */
    private List<String> reasons(float[] row) {
        double[] pushes = trees.pushes(row);
        return IntStream.range(0, row.length)
                .boxed()
                .filter(place -> pushes[place] > 0)
                .sorted(Comparator.comparingDouble(place -> -pushes[place]))
                .limit(REASONS_MAX)
                .map(place -> features.get(place).column)
                .toList();
    }
}
