"""The worker's metrics: their declarations (`catalogue`), what is reported (`report`), and what collects it (`collector`)."""

from fraudstream.metrics.catalogue import METRICS, PROCESS_METRICS, Metric
from fraudstream.metrics.collector import Metrics
from fraudstream.metrics.histogram import Histogram
from fraudstream.metrics.report import BatchReport, TopicPartition

__all__ = ["METRICS", "PROCESS_METRICS", "BatchReport", "Histogram", "Metric", "Metrics", "TopicPartition"]
