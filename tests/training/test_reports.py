"""Rows of reports: which are read back, and their returns against environment steps."""

import pytest

from agents.training.reports import Report, check_row, return_curve


def test_a_row_comes_back_with_what_a_curriculum_adds():
    row = dict.fromkeys([*Report._fields, "lesson_0_probability"], 1.0)
    assert list(check_row(row, Report._fields).items()) == list(row.items())


def test_a_row_that_lacks_columns_is_refused():
    with pytest.raises(ValueError, match="expected a row of numbers, sequences, steps, "):
        check_row({"sequences": 1}, Report._fields)


def test_reports_without_a_return_are_no_points():
    rows = [{"steps": 4.0, "mean_return": float("nan")}, {"steps": 8.0, "mean_return": 0.25}]
    assert return_curve(rows) == [(8, 0.25)]
