from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.data.safe_csv import csv_bytes, without_formulas


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\tx", "\rx"])
def test_a_formula_leaves_as_text_in_a_cell_and_in_a_header(text: str) -> None:
    frame = pd.DataFrame({text: [text, None, 3]}, dtype=object)
    found = without_formulas(frame)
    assert list(found.columns) == [f"'{text}"]
    assert found.iloc[:, 0].tolist() == [f"'{text}", None, 3]
    assert frame.iloc[0, 0] == text


@pytest.mark.parametrize("text", ["-5", "+5", "1e3", "-0.25", "plain", "", "’=x"])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    assert without_formulas(pd.DataFrame({"a": [text]})).iloc[0, 0] == text


@given(st.lists(st.text(max_size=8), min_size=1, max_size=20), st.booleans())
def test_every_cell_is_the_same_or_has_a_quote_before_it(texts: list[str], one: bool) -> None:
    column = pd.Series(texts, dtype="category" if one else "str")
    for before, after in zip(texts, without_formulas(pd.DataFrame({"a": column}))["a"],
                             strict=True):  # fmt: skip
        assert after in (before, f"'{before}")


def test_two_columns_of_one_name_and_numbers_are_written() -> None:
    frame = pd.DataFrame(np.array([[1.5, -2.0]]), columns=["=a", "=a"])
    assert csv_bytes(frame) == b"'=a,'=a\n1.5,-2.0\n"
    assert pd.read_csv(io.BytesIO(csv_bytes(pd.DataFrame({"a": ["é"]}))))["a"].tolist() == ["é"]
