"""A real worker that one payment kills, as a crash in native code would; tests run it supervised."""

import os
import signal
import sys

import numpy as np
import numpy.typing as npt

from fraudstream.process.supervisor import Supervisor
from tests.builders import CountingModel
from tests.end_to_end import counting_worker

POISON_AMOUNT = np.float32(666.66)


class FragileModel(CountingModel):
    """Crashes on one amount."""

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Crash where a library with a bug would."""
        if (rows[:, self.features.index("amount")] == POISON_AMOUNT).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().probabilities(rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["once"]:
        counting_worker.run(FragileModel())
    sys.exit(Supervisor([sys.executable, "-m", "tests.end_to_end.fragile_worker", "once"], [0.1]).run())
