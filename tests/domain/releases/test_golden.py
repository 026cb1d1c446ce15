"""Predictions that are kept in a release, and what is said when a model computes others."""

import json

import numpy as np
import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.releases.golden import ROWS, Golden, golden_rows
from tests.builders import CountingModel


class Other(CountingModel):
    """A model that differs in the last bit of what it says."""

    def probabilities(self, rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        """Return the next float of each probability."""
        return np.nextafter(super().probabilities(rows), np.float32(1))


def test_the_model_they_were_made_of_passes() -> None:
    """Also after they were written as JSON and read."""
    golden = Golden.of(CountingModel())

    Golden.of_description(json.loads(json.dumps(golden.described()))).check(CountingModel())
    assert ROWS == len(golden.rows)
    assert {0.9, 0.01} == {round(each, 6) for each in golden.probabilities}


def test_one_bit_is_a_difference() -> None:
    """Workers that compute otherwise would decide otherwise, sometimes."""
    golden = Golden.of(CountingModel())

    with pytest.raises(
        SetupError, match=r"gives row 0 of the golden predictions the probability .* run the same version"
    ):
        golden.check(Other())


def test_rows_have_missing_numbers_zeros_and_every_size() -> None:
    """They are the same wherever they are made."""
    rows = golden_rows(6)

    assert np.isnan(rows).any()
    assert (rows == 0).any()
    assert (rows > 10_000).any()
    assert (rows < 0).any()
    assert rows.tobytes() == golden_rows(6).tobytes()
