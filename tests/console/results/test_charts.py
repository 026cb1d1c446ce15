"""Charts are drawn to scale."""

from fraudstream.console.results.charts import Line, bars, curves


def test_bars_are_stacked_up_to_the_highest() -> None:
    """The second day has four of four: one below, three above it."""
    drawn = bars("Payments", ["a", "b"], [Line("x", "approve", [2, 1]), Line("y", "block", [0, 3])])

    assert 4 == drawn.top
    assert ("a", "b") == (drawn.first, drawn.last)
    assert "M62.5 100.00V50.00H437.5V100.00ZM562.5 100.00V75.00H937.5V100.00Z" == drawn.shapes[0].path
    assert "M562.5 75.00V0.00H937.5V75.00Z" == drawn.shapes[1].path


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    """A number between two gaps is a short dash."""
    drawn = curves("Precision", list("abcd"), [Line("x", "p50", [0.5, 1.0, None, 0.25])], "share", 1.0)

    assert "M125.0 50.00L375.0 0.00M843.8 75.00H906.2" == drawn.shapes[0].path


def test_nothing_to_draw_is_an_empty_drawing() -> None:
    """No division by nothing."""
    assert ["", ""] == [
        bars("Payments", ["a"], [Line("x", "approve", [0])]).shapes[0].path,
        curves("Payments", [], [Line("x", "approve", [])]).shapes[0].path,
    ]
