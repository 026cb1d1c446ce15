package fraudstream.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A binary:logistic model of XGBoost, read from its JSON into arrays: all nodes of all trees one after the other.
 *
 * <p>Leaves are added up in float32 in the order of the trees, as XGBoost does. A call of its library for every payment would
 * cost several times as much as this.
 */
final class Trees {
    private final int[] roots;
    private final int[] left;
    private final int[] right;
    private final int[] feature;
    /** The threshold of an inner node, the value of a leaf. */
    private final float[] split;
    /** What a subtree adds on average, by which a path's share of the score is told. */
    private final float[] weight;

    private final boolean[] missingGoesLeft;
    private final float baseMargin;

    private Trees(JsonNode learner) {
        JsonNode trees = learner.at("/gradient_booster/model/trees");
        int nodes = 0;
        for (JsonNode tree : trees) {
            nodes += tree.get("left_children").size();
        }
        roots = new int[trees.size()];
        left = new int[nodes];
        right = new int[nodes];
        feature = new int[nodes];
        split = new float[nodes];
        weight = new float[nodes];
        missingGoesLeft = new boolean[nodes];
        baseMargin = margin(learner.at("/learner_model_param/base_score").asText());
        int first = 0;
        for (int number = 0; number < roots.length; number++) {
            roots[number] = first;
            first += fill(trees.get(number), first);
        }
    }

    static Trees read(Path path) throws IOException {
        JsonNode learner = new ObjectMapper().readTree(path.toFile()).get("learner");
        String objective = learner.at("/objective/name").asText();
        if (!objective.equals("binary:logistic")) {
            throw new IllegalArgumentException(path + " has the objective " + objective + ", not binary:logistic");
        }
        return new Trees(learner);
    }

    /** Copy a tree behind the nodes so far; return how many nodes it has. */
    private int fill(JsonNode tree, int first) {
        int nodes = tree.get("left_children").size();
        for (int node = 0; node < nodes; node++) {
            int place = first + node;
            int child = tree.get("left_children").get(node).asInt();
            left[place] = child < 0 ? -1 : first + child;
            right[place] = child < 0 ? -1 : first + tree.get("right_children").get(node).asInt();
            feature[place] = tree.get("split_indices").get(node).asInt();
            split[place] = tree.get("split_conditions").get(node).floatValue();
            weight[place] = tree.get("base_weights").get(node).floatValue();
            missingGoesLeft[place] = tree.get("default_left").get(node).asInt() == 1;
        }
        return nodes;
    }

    /** Return the log odds of a probability, which newer versions of XGBoost write in brackets. */
    private static float margin(String baseScore) {
        float probability = Float.parseFloat(baseScore.replace("[", "").replace("]", ""));
        return (float) -Math.log(1.0f / probability - 1.0f);
    }

    private int next(int node, float[] row) {
        float value = row[feature[node]];
        boolean goesLeft = Float.isNaN(value) ? missingGoesLeft[node] : value < split[node];
        return goesLeft ? left[node] : right[node];
    }

    /** Return the probability of fraud. */
    float probability(float[] row) {
        float margin = baseMargin;
        for (int node : roots) {
            while (left[node] >= 0) {
                node = next(node, row);
            }
            margin += split[node];
        }
        return 1.0f / (1.0f + (float) Math.exp(-margin));
    }

    /** Return by how much each feature has moved the score, told along the paths that the row takes. */
    double[] pushes(float[] row) {
        double[] pushes = new double[row.length];
        for (int node : roots) {
            while (left[node] >= 0) {
                int child = next(node, row);
                pushes[feature[node]] += weight[child] - weight[node];
                node = child;
            }
        }
        return pushes;
    }
}
