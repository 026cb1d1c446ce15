"""A real worker whose model has an insight scale: the probability times a thousand."""

from fraudstream.domain.registry.insight import InsightScale
from tests.builders import CountingModel
from tests.end_to_end.counting_worker import run


class ScaledModel(CountingModel):
    """The second of two quick payments scores 899, others 9."""

    scale = InsightScale(tuple(number / 200 for number in range(201)), 1_000)


if __name__ == "__main__":
    run(ScaledModel())
