"""A real worker whose model takes its time, so that it has a backlog; run by tests as a process of its own."""

import time

import numpy as np
import numpy.typing as npt

from tests.builders import CountingModel
from tests.end_to_end import counting_worker

MICRO_BATCH_S = 0.5


class SlowModel(CountingModel):
    """Takes as long for each micro-batch as a failing network takes to deliver one."""

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Wait, then count."""
        time.sleep(MICRO_BATCH_S)
        return super().probabilities(rows)


if __name__ == "__main__":
    counting_worker.run(SlowModel())
