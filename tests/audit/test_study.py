from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.audit.check_words import check_sentences
from faircore.audit.study import StudySpec, judged_rows, read_study, run_study
from faircore.data import (
    Dataset,
    Sensitive,
    Table,
    build_dataset,
    load_sample,
    make_lending,
    split_dataset,
)
from faircore.errors import InputError, StoreError


@pytest.fixture(scope="module")
def data() -> Dataset:
    """400 loans with few columns, ordered in time: outcomes do not decide who is sealed."""
    _, spec = load_sample("lending")
    spec = spec.with_(
        features=("income", "debt_ratio"), sensitive=(Sensitive("gender"),), intersections=()
    )
    dataset = build_dataset(Table.from_frame(make_lending(400, seed=3), "lending.csv"), spec)
    features = dataset.features.assign(income=dataset.features["income"] * 1.2345678)
    return replace(dataset, features=features, time=np.arange(400))


@pytest.fixture(scope="module")
def done(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A workspace with the study of the existing system and of a baseline; tests copy it."""
    workspace = tmp_path_factory.mktemp("study")
    run_study(data, StudySpec(), workspace=workspace)
    return workspace, run_study(data, StudySpec("logistic"), workspace=workspace)


def copied(done: tuple[Path, dict[str, Any]], to: Path) -> Path:
    (to / "audits").mkdir()
    for path in (done[0] / "audits").iterdir():
        (to / "audits" / path.name).write_bytes(path.read_bytes())
    return to


def written(workspace: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (workspace / "audits").iterdir()}


def file_of(workspace: Path, data: Dataset, spec: StudySpec, part: str) -> Path:
    return workspace / "audits" / f"{spec.part_id(data.fingerprint, part)}.json"


def timeless(found: dict[str, Any]) -> dict[str, Any]:
    """A study without how long it took."""
    return json.loads(json.dumps(found), object_hook=lambda d: {
        k: v for k, v in d.items() if "seconds" not in k})  # fmt: skip


def test_every_check_is_made_and_stored(data: Dataset, done: tuple[Path, dict[str, Any]]) -> None:
    workspace, found = done
    assert sorted(found) == ["baseline", "proxies", "similar", "switch"]
    assert len(found["baseline"]["scores"]) == len(judged_rows(data))
    assert found["baseline"]["n_learned"] == len(split_dataset(data, seed=0).train)
    # Proxies are those of the data, whatever the system: four files and two more.
    assert len(written(workspace)) == 3 + 3
    for spec in (StudySpec(), StudySpec("logistic")):
        assert list(read_study(workspace, data.fingerprint, spec)) == list(spec.parts)
    assert json.dumps(found, allow_nan=False)
    assert read_study(workspace, data.fingerprint, StudySpec("logistic")) == found


def test_what_is_stored_is_not_computed_again(
    data: Dataset, done: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    workspace = copied(done, tmp_path)
    before, steps = written(workspace), []
    found = run_study(data, StudySpec("logistic"), workspace=workspace, on_progress=steps.append)
    assert found == done[1]
    assert steps == [0, 1, 2, 3, 4]
    assert written(workspace) == before


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"found": 1}', "digest"])
def test_a_damaged_check_is_made_again(
    data: Dataset, done: tuple[Path, dict[str, Any]], tmp_path: Path, damage: bytes | str
) -> None:
    workspace, spec = copied(done, tmp_path), StudySpec("logistic")
    path = file_of(workspace, data, spec, "similar")
    whole = path.read_bytes()
    path.write_bytes(
        whole.replace(b'"n_people": ', b'"n_people": 1') if isinstance(damage, str) else damage
    )
    assert path.read_bytes() != whole
    assert "similar" not in read_study(workspace, data.fingerprint, spec)
    before = written(workspace)
    found = run_study(data, spec, workspace=workspace)
    assert timeless(found) == timeless(done[1])
    after = written(workspace)
    assert {name for name in after if after[name] != before[name]} == {path.name}


def test_another_threshold_keeps_what_does_not_depend_on_it(
    data: Dataset, done: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    workspace, spec = copied(done, tmp_path), StudySpec("logistic", threshold=0.7)
    assert list(read_study(workspace, data.fingerprint, spec)) == ["baseline", "proxies"]
    before = written(workspace)
    found = run_study(data, spec, workspace=workspace)
    after = written(workspace)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2
    assert found["baseline"] == done[1]["baseline"]
    assert found["proxies"] == done[1]["proxies"]
    assert found["switch"] != done[1]["switch"]


def test_other_data_and_seeds_have_checks_of_their_own(
    data: Dataset, done: tuple[Path, dict[str, Any]]
) -> None:
    assert read_study(done[0], "0" * 64, StudySpec("logistic")) == {}
    assert read_study(done[0], data.fingerprint, StudySpec("logistic", seed=1)) == {}
    ids = {
        StudySpec(system, threshold, seed).part_id(fingerprint, part)
        for system in ("existing", "logistic", "boosted")
        for threshold in (0.5, 0.6)
        for seed in (0, 1)
        for fingerprint in ("a", "b")
        for part in StudySpec(system).parts
    }
    # proxies: 2 data × 2 seeds; baseline: 2 kinds more; the others: 3 systems × 2 thresholds more.
    assert len(ids) == 4 + 4 * 2 + 4 * 6 * 2


def test_stopping_keeps_what_is_done(
    data: Dataset, done: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    class Stopped(Exception):  # noqa: N818
        pass

    def stop(steps: int) -> None:
        if steps == 2:
            raise Stopped

    spec = StudySpec("logistic")
    with pytest.raises(Stopped):
        run_study(data, spec, workspace=tmp_path, on_progress=stop)
    assert list(read_study(tmp_path, data.fingerprint, spec)) == ["baseline", "switch"]
    before = written(tmp_path)
    found = run_study(data, spec, workspace=tmp_path)
    assert timeless(found) == timeless(done[1])
    assert {name: written(tmp_path)[name] for name in before} == before


def test_sealed_rows_change_no_check(
    data: Dataset, done: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    sealed = split_dataset(data, seed=0).certify
    features, sensitive = data.features.copy(), data.sensitive.copy()
    features.iloc[sealed, :] = features.iloc[sealed].to_numpy() * 3 + 1
    sensitive.iloc[sealed, 0] = sensitive.iloc[sealed, 0].to_numpy()[::-1]
    y, s, d = data.y_true.copy(), data.score.copy(), data.decision.copy()
    y[sealed], s[sealed], d[sealed] = 1 - y[sealed], 1 - s[sealed], 1 - d[sealed]
    changed = replace(
        data, features=features, sensitive=sensitive, y_true=y, score=s, decision=d,
        fingerprint="f" * 64,
    )  # fmt: skip
    np.testing.assert_array_equal(split_dataset(changed, seed=0).certify, sealed)
    for spec in (StudySpec(), StudySpec("logistic")):
        found = run_study(changed, spec, workspace=tmp_path)
        expected = read_study(done[0], data.fingerprint, spec)
        assert timeless(found) == timeless(expected)


def test_what_can_be_seen_does_change_the_checks(data: Dataset, tmp_path: Path) -> None:
    rows = split_dataset(data, seed=0).train
    y = data.y_true.copy()
    y[rows] = 1 - y[rows]
    changed = replace(data, y_true=y, fingerprint="e" * 64)
    for name, dataset in (("a", data), ("b", changed)):

        def stop(steps: int) -> None:
            if steps == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_study(dataset, StudySpec("logistic"), workspace=tmp_path / name, on_progress=stop)
    one, other = (
        read_study(tmp_path / name, d.fingerprint, StudySpec("logistic"))["baseline"]["scores"]
        for name, d in (("a", data), ("b", changed))
    )
    assert np.corrcoef(one, other)[0, 1] < 0


def test_no_row_is_stored_but_the_scores_of_a_baseline(
    data: Dataset, done: tuple[Path, dict[str, Any]]
) -> None:
    text = {p.name: p.read_text() for p in (done[0] / "audits").iterdir()}
    incomes = {repr(float(value)) for value in data.features["income"].dropna()}
    assert len(incomes) > 50
    for whole in text.values():
        assert not incomes & set(re.findall(r"[\d.]+", whole))


def test_what_cannot_be_studied_is_refused(data: Dataset, tmp_path: Path) -> None:
    bare = replace(data, score=None, decision=None)
    with pytest.raises(InputError, match="score or a decision"):
        run_study(bare, StudySpec(), workspace=tmp_path)
    without = replace(
        data, spec=data.spec.with_(features=()), features=pd.DataFrame(index=data.features.index)
    )
    for system in ("existing", "logistic"):
        with pytest.raises(InputError, match="no features"):
            run_study(without, StudySpec(system), workspace=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"system": "oracle"}, "oracle"),
        ({"threshold": 1.2}, "threshold"),
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
    ],
)
def test_what_is_no_study_is_refused(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        StudySpec(**arguments)


def test_a_spec_is_read_back() -> None:
    spec = StudySpec("boosted", 0.25, 7)
    assert StudySpec.from_json(spec.to_json()) == spec
    assert (spec.n_steps, StudySpec().n_steps) == (4, 3)


def test_a_whole_number_is_a_threshold_like_any_other() -> None:
    assert StudySpec(threshold=1).part_id("x", "switch") == StudySpec(threshold=1.0).part_id(
        "x", "switch"
    )


def test_a_closed_workspace_is_said(data: Dataset, tmp_path: Path) -> None:
    (tmp_path / "audits").write_text("in the way")
    with pytest.raises(StoreError, match="workspace"):
        run_study(data, StudySpec("logistic"), workspace=tmp_path)


def test_a_check_that_the_data_forbid_says_why_and_the_others_are_made(tmp_path: Path) -> None:
    frame = make_lending(600, seed=5).drop(columns="existing_score")
    frame["existing_decision"] = 1
    spec = load_sample("lending")[1].with_(score=None, features=("income", "debt_ratio"))
    dataset = build_dataset(Table.from_frame(frame, "yes.csv"), spec)
    found = run_study(dataset, StudySpec(), workspace=tmp_path)
    assert "both decisions" in check_sentences("switch", found["switch"])[0]
    assert found["similar"]["consistency"] == 1.0
    assert len(check_sentences("proxies", found["proxies"])) == 3
