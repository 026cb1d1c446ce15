"""How many brokers, partitions, workers and bytes a rate of payments needs: a model on paper, fed by measured figures."""
