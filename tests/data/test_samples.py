from __future__ import annotations

from pathlib import Path

import pytest

from faircore.data import SAMPLES, build_dataset, check_spec, load_sample, samples
from faircore.errors import DataError


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_as_described(name: str) -> None:
    table, spec = load_sample(name)
    assert table.n_rows == SAMPLES[name].rows
    assert not [f for f in check_spec(table, spec) if f.level == "error"]
    assert not spec.needs_groups
    assert build_dataset(table, spec).n_rows == table.n_rows


@pytest.mark.parametrize(
    ("name", "rate"), [("adult", 0.2393), ("german_credit", 0.7), ("lending", 0.62)]
)
def test_base_rates(name: str, rate: float) -> None:
    assert build_dataset(*load_sample(name)).y_true.mean() == pytest.approx(rate, abs=0.005)


def test_licence_notes_stand_beside_the_files() -> None:
    notes = (samples.FOLDER / "README.md").read_text(encoding="utf-8")
    for sample in SAMPLES.values():
        if isinstance(sample.path_or_maker, Path):
            assert sample.path_or_maker.name in notes
    assert notes.count("CC BY 4.0") == 2
    assert "10.24432/C5XW20" in notes
    assert "10.24432/C5NC77" in notes


def test_unknown_or_uninstalled_sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="adult, german_credit, lending"):
        load_sample("titanic")
    gone = samples.Sample("", "", 1, "", tmp_path / "no.parquet", SAMPLES["adult"].spec)
    monkeypatch.setitem(SAMPLES, "adult", gone)
    with pytest.raises(DataError, match="from a checkout"):
        load_sample("adult")
