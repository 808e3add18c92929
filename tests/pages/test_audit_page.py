"""The Audit page: what it shows, what it may not show, and what it keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from faircore.audit import GroupReport, group_report
from faircore.audit.study import StudySpec, judged_rows, open_rows, read_study
from faircore.data import Dataset, DataSpec, Sensitive, Table, build_dataset, make_lending
from faircore.groups import Groups
from faircore.jobs import Job
from faircore.records import Review, ReviewStore
from tests.pages.visitor import WORDS, boxes, button, labelled, one_error, well, words

Open = Callable[..., AppTest]
QUIET = {"–", "", "too few people to tell", "None", "nan"}


def make_review(
    workspace: Path, frame: pd.DataFrame, spec: DataSpec, name: str = "Loans"
) -> tuple[Review, Dataset]:
    table = Table.from_frame(frame, "loans.csv")
    dataset = build_dataset(table, spec)
    return ReviewStore(workspace).create(name, table, dataset), dataset


def roles(**changes: Any) -> DataSpec:
    """Roles of the lending table."""
    plain = DataSpec(
        target="repaid", positive="yes", features=("income", "debt_ratio"),
        sensitive=(Sensitive("race"), Sensitive("gender")), intersections=(("race", "gender"),),
        score="existing_score", decision="existing_decision",
    )  # fmt: skip
    return replace(plain, **changes)


def expected(dataset: Dataset, rows: np.ndarray, **settings: Any) -> GroupReport:
    """The same report without any page."""
    return group_report(
        dataset.y_true[rows],
        None if dataset.decision is None else dataset.decision[rows],
        y_score=None if dataset.score is None else dataset.score[rows],
        sensitive_features=Groups.of_dataset(dataset).take(rows),
        **settings,
    )


def table(app: AppTest, *columns: str) -> pd.DataFrame:
    """The table that has these columns."""
    return next(d.value for d in app.dataframe if set(columns) <= set(d.value.columns))


def main_figures(app: AppTest) -> pd.DataFrame:
    return table(app, "Group", "People", "Selected, %").set_index("Group")


def figures(app: AppTest) -> list[str]:
    """Everything on the page that holds a figure."""
    return [
        *(str(e.value) for kind in ("markdown", "caption") for e in getattr(app, kind)),
        *(d.value.to_json(double_precision=12) for d in app.dataframe),
        *(p.proto.spec for p in app.get("plotly_chart")),
    ]


def starters(app: AppTest) -> list[Any]:
    """Buttons that start the further checks."""
    return [
        b for b in app.button if str(b.key) in ("start-proxies", "start-switch", "start-similar")
    ]


def chart(app: AppTest, position: int = 0) -> dict[str, Any]:
    """A chart as it is sent to the browser."""
    return json.loads(app.get("plotly_chart")[position].proto.spec)


def select(app: AppTest, label: str, value: str) -> AppTest:
    return well(labelled(app.selectbox, label).set_value(value).run())


def same_figures(app: AppTest, report: GroupReport, partition: str) -> None:
    """All tables of groups hold what the engine computes."""
    shown = main_figures(app)
    names = list(report.partition(partition).group_names)
    assert shown.index.tolist() == names
    value, low, high, out = (
        report.table(partition, c) for c in ("value", "low", "high", "stands_out")
    )
    people = report.table(partition, "people")["selection_rate"]
    counted = [np.nan if n == "–" else float(n.replace(",", "")) for n in shown["People"]]
    np.testing.assert_array_equal(counted, people.to_numpy(float))
    titles = {"selection_rate": "Selected, %", "true_positive_rate": "Selected if good, %",
              "false_positive_rate": "Wrongly selected, %"}  # fmt: skip
    for metric, title in titles.items():
        for name in names:
            v, a, b = (100 * t[metric][name] for t in (value, low, high))
            mark = "◆ " if out[metric][name] else ""
            told = "–" if np.isnan(v) else f"{mark}{v:.1f} [{a:.1f}, {b:.1f}]"
            assert shown[title][name] == told, (name, title)
    metric = app.selectbox(key="audit-metric").value
    raw = table(app, "Group", "Raw, %")["Raw, %"].to_numpy(float)
    np.testing.assert_allclose(raw, 100 * value[metric].to_numpy())
    gaps = table(app, "Group", "Holm")["Gap, points"].to_numpy(float)
    np.testing.assert_allclose(gaps, 100 * report.table(partition, "gap")[metric].to_numpy())
    calibration = table(app, "Group", "Wander (ECCE)").set_index("Group")
    for group, row in report.calibration.loc[partition].iterrows():
        np.testing.assert_allclose(
            calibration.loc[group, "Calibration error, %"], 100 * row["ece"], rtol=1e-9
        )


# --- what it shows


def test_the_planted_group_comes_first(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    app = visit("audit.py", tmp_path, review.id)
    found = next(m.value for m in app.markdown if m.value.startswith("- "))
    assert "Black · woman" in found.splitlines()[0]
    assert labelled(app.selectbox, "Groups of").value == "race × gender"
    assert "3,200 people" in words(app)
    assert len(app.get("plotly_chart")) == len(boxes(app)) == 2
    assert "like everybody;" in boxes(app)[0]
    same_figures(app, expected(lending[1], open_rows(lending[1])), "race × gender")
    assert {c["name"] for c in chart(app)["data"]} >= {"Black · woman", "by chance alone"}
    assert not list((tmp_path / "jobs").glob("*"))
    assert not list((tmp_path / "audits").glob("*"))


def test_every_control_changes_what_it_should(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    _, dataset = lending
    review = ReviewStore(tmp_path).create("Loans", *lending)
    rows = open_rows(dataset)
    app = visit("audit.py", tmp_path, review.id)
    headline = app.markdown[0].value
    for partition in ("race", "gender", "age"):
        select(app, "Groups of", partition)
        same_figures(app, expected(dataset, rows), partition)
    select(app, "Groups of", "gender")
    title = labelled(app.selectbox, "Figure")
    for metric in title.options:
        select(app, "Figure", metric)
        assert f"**{metric}**" in words(app)
        assert len(app.get("plotly_chart")) == 2
    select(app, "Figure", "Selected if good")
    against = expected(dataset, rows, reference={"gender": "man"})
    select(app, "Compared with", "man")
    same_figures(app, against, "gender")
    gaps = table(app, "Group", "Holm").set_index("Group")
    assert not gaps.loc["man", "Gap, points"] > 0  # no gap to itself
    assert app.markdown[0].value == headline  # the headline compares with everybody
    # Another partition has no such group: it is compared with everybody again.
    select(app, "Groups of", "race")
    assert labelled(app.selectbox, "Compared with").value in ("", "everybody")
    same_figures(app, expected(dataset, rows), "race")


def test_the_threshold_belongs_to_scores(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    given, dataset = lending
    review = ReviewStore(tmp_path).create("Both", given, dataset)
    assert not visit("audit.py", tmp_path, review.id).slider
    spec = dataset.spec.with_(decision=None)
    alone = build_dataset(given, spec)
    review = ReviewStore(tmp_path).create("Score", given, alone)
    app = visit("audit.py", tmp_path, review.id)
    select(app, "Groups of", "race")
    rows = open_rows(alone)
    same_figures(app, expected(alone, rows, threshold=0.5), "race")
    for threshold in (0.7, 0.99, 0.01):
        well(app.slider[0].set_value(threshold).run())
        report = expected(alone, rows, threshold=threshold)
        shown = main_figures(app)["Selected, %"]
        value = report.table("race")["selection_rate"]
        for name in shown.index:
            v = value[name]
            assert ("–" if np.isnan(v) else f"{100 * v:.1f} [") in shown[name]


def test_a_decision_alone_has_no_figures_of_scores(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    given, dataset = lending
    alone = build_dataset(given, dataset.spec.with_(score=None))
    review = ReviewStore(tmp_path).create("Decision", given, alone)
    app = visit("audit.py", tmp_path, review.id)
    assert "Ranking (AUC)" not in labelled(app.selectbox, "Figure").options
    assert "mean the same for everyone" not in words(app)
    assert not [d for d in app.dataframe if "Wander (ECCE)" in d.value]


# --- sealed rows


def test_sealed_rows_take_no_part(visit: Open, no_training: None, tmp_path: Path) -> None:
    """Whatever happened to the sealed people, the page says the same."""
    frame, shown = make_lending(1_500, seed=5), []
    spec = roles(time="application_id", sensitive=(Sensitive("race"), Sensitive("gender")))
    dataset = build_dataset(Table.from_frame(frame, "loans.csv"), spec)
    sealed = np.setdiff1d(np.arange(len(frame)), open_rows(dataset))
    assert len(sealed) == 300
    for change in (False, True):
        if change:
            frame.loc[sealed, "repaid"] = frame.loc[sealed, "repaid"].map(
                {"yes": "no", "no": "yes"}
            )
            frame.loc[sealed, "existing_score"] = 1 - frame.loc[sealed, "existing_score"]
            frame.loc[sealed, "existing_decision"] = 1 - frame.loc[sealed, "existing_decision"]
        review, changed = make_review(tmp_path, frame, spec)
        assert np.array_equal(open_rows(changed), open_rows(dataset))
        app = visit("audit.py", tmp_path, review.id)
        # Links to the Help page name the review, which is another one.
        shown.append([text.replace(review.id, "") for text in figures(app)])
        well(button(app, "Write the audit as files").click().run())
        written = json.loads(ReviewStore(tmp_path).audit_path(review, "json").read_text())
        written.pop("made_at")
        shown[-1].append(json.dumps(written))
    assert shown[0] == shown[1]


# --- a review without a system


def test_without_a_system_a_baseline_is_offered(
    visit: Open, no_training: None, tmp_path: Path
) -> None:
    review, _ = make_review(tmp_path, make_lending(600, seed=4), roles(score=None, decision=None))
    app = visit("audit.py", tmp_path, review.id)
    assert list(app.button_group[0].options) == [
        "Baseline: logistic regression", "Baseline: boosted trees"
    ]  # fmt: skip
    assert button(app, "Train the baseline")
    assert not app.dataframe
    assert not app.get("plotly_chart")
    assert not (tmp_path / "jobs").exists()


@pytest.mark.slow
def test_a_baseline_and_all_its_checks(visit: Open, tmp_path: Path) -> None:
    review, dataset = make_review(
        tmp_path, make_lending(700, seed=4), roles(score=None, decision=None)
    )
    app = visit("audit.py", tmp_path, review.id)
    well(button(app, "Train the baseline").click().run())
    assert not [b for b in app.button if b.label == "Train the baseline"]
    job = Job(tmp_path, review.id, StudySpec("logistic", 0.5))
    state = job.wait(timeout_seconds=120)
    assert (state.state, state.finished) == ("finished", 4)
    well(app.run())
    found = read_study(tmp_path, review.fingerprint, StudySpec("logistic", 0.5))
    assert set(found) == {"baseline", "switch", "similar", "proxies"}
    rows = judged_rows(dataset)
    report = group_report(
        dataset.y_true[rows], y_score=np.array(found["baseline"]["scores"]),
        sensitive_features=Groups.of_dataset(dataset).take(rows),
    )  # fmt: skip
    select(app, "Groups of", "gender")
    same_figures(app, report, "gender")
    assert f"{len(rows)} people" in words(app)
    assert "of 100 pairs of people" in words(app)
    assert "decides otherwise for" in words(app)
    assert "Consistency" in words(app)
    assert table(app, "Attribute", "Feature")["Feature"].isin(["income", "debt_ratio"]).all()
    assert set(table(app, "Attribute", "Decisions changed, %")["Attribute"]) <= {"race", "gender"}
    # The other baseline asks for its own training, and the first is still there afterwards.
    well(app.button_group[0].set_value("boosted").run())
    assert button(app, "Train the baseline")
    well(app.button_group[0].set_value("logistic").run())
    same_figures(app, report, "gender")


@pytest.mark.slow
@pytest.mark.parametrize("where", ["page", "file"])
def test_who_is_withheld_is_withheld_in_every_check(
    where: str, visit: Open, tmp_path: Path
) -> None:
    """The size of a small group must not be told, nor be what the others leave of all."""
    review, dataset = make_review(tmp_path, make_lending(600, seed=4), roles())
    Job(tmp_path, review.id, StudySpec()).start()
    assert Job(tmp_path, review.id, StudySpec()).wait(timeout_seconds=120).state == "finished"
    report = expected(dataset, judged_rows(dataset))
    withheld = {
        (p.name, name)
        for p in report.partitions
        for name, out in zip(p.group_names, report.hidden[p.groups], strict=True)
        if out
    }
    assert {("gender", "non-binary"), ("gender", "woman")} <= withheld
    app = visit("audit.py", tmp_path, review.id)
    if where == "page":
        similar = table(app, "Attribute", "Consistency, %").dropna(subset="People")
        switched = table(app, "Attribute", "Decisions changed, %").dropna(subset="People")
        assert not withheld & set(zip(similar["Attribute"], similar["Group"], strict=True))
        assert not withheld & set(zip(switched["Attribute"], switched["From"], strict=True))
        return
    well(button(app, "Write the audit as files").click().run())
    written = json.loads(ReviewStore(tmp_path).audit_path(review, "json").read_text())
    for one in written["further"]["similar"]["groups"]:
        assert one["n"] is None or (one["attribute"], one["value"]) not in withheld
    for one in written["further"]["switch"]["pairs"]:
        assert one["n"] is None or (one["attribute"], one["from_value"]) not in withheld


def test_a_running_check_leaves_the_page_usable(
    lending: tuple[Table, Dataset], visit: Open, tmp_path: Path
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    app = visit("audit.py", tmp_path, review.id)
    well(app.button(key="start-proxies").click().run())
    job = Job(tmp_path, review.id, StudySpec())
    try:
        assert not starters(app)
        select(app, "Groups of", "gender")
        same_figures(app, expected(lending[1], open_rows(lending[1])), "gender")
        well(button(app, "Stop").click().run())
    finally:
        job.cancel()
        job.wait(timeout_seconds=60)
    well(app.run())
    assert len(main_figures(app)) >= 3


def test_a_process_that_cannot_start_is_said(
    lending: tuple[Table, Dataset], visit: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    review = ReviewStore(tmp_path).create("Loans", *lending)
    app = visit("audit.py", tmp_path, review.id)
    monkeypatch.setattr("faircore.jobs.job.subprocess.Popen", refuse)
    app.button(key="start-switch").click().run()
    assert "Cannot allocate memory" in one_error(app)


@pytest.mark.slow
def test_a_stand_in_for_the_existing_system(visit: Open, tmp_path: Path) -> None:
    """The three checks of a system that exists, and what becomes of them when files are lost."""
    review, _ = make_review(tmp_path, make_lending(600, seed=4), roles())
    app = visit("audit.py", tmp_path, review.id)
    well(app.button(key="start-similar").click().run())
    job = Job(tmp_path, review.id, StudySpec())
    assert job.wait(timeout_seconds=120).state == "finished"
    well(app.run())
    text = words(app)
    assert "a stand-in learned to answer as it does" in text
    assert "Consistency" in text
    assert "of 100 pairs of people" in text
    assert not starters(app)
    parts = sorted((tmp_path / "audits").glob("*.json"))
    assert len(parts) == 3
    parts[0].unlink()
    parts[1].write_bytes(parts[1].read_bytes()[:100])
    stored = json.loads(parts[2].read_text())
    parts[2].write_text(json.dumps({**stored, "sha256": "0" * 64}))
    well(app.run())
    assert len(starters(app)) == 3
    for damage in (b"", b"[]", b"null", b"\xff\xfe", b'{"sha256": 1}', b'{"found": {}}'):
        for part in parts:
            part.write_bytes(damage)
        well(app.run())
        assert len(starters(app)) == 3
    well(app.button(key="start-proxies").click().run())
    assert job.wait(timeout_seconds=120).state == "finished"
    well(app.run())
    assert words(app) == text


@pytest.mark.slow
def test_a_threshold_that_changes_nothing_costs_no_check(visit: Open, tmp_path: Path) -> None:
    """Decisions that are on record depend on no threshold, whatever a baseline was asked for."""
    review, _ = make_review(tmp_path, make_lending(600, seed=4), roles())
    Job(tmp_path, review.id, StudySpec()).start()
    assert Job(tmp_path, review.id, StudySpec()).wait(timeout_seconds=120).state == "finished"
    app = visit("audit.py", tmp_path, review.id)
    assert not starters(app)
    well(app.button_group[0].set_value("logistic").run())
    well(app.slider[0].set_value(0.3).run())
    well(app.button_group[0].set_value("existing").run())
    assert not starters(app)


# --- a review without features


def test_a_system_can_be_audited_without_features(
    visit: Open, no_training: None, tmp_path: Path
) -> None:
    review, dataset = make_review(
        tmp_path, make_lending(900, seed=4), roles(features=(), decision=None)
    )
    app = visit("audit.py", tmp_path, review.id)
    assert words(app).count("This needs features") == 3
    assert "Baseline" not in str(app.button_group[0].options)
    select(app, "Groups of", "gender")
    same_figures(app, expected(dataset, np.arange(900)), "gender")
    for page in ("data.py", "frontier.py", "decide.py", "export.py"):
        visit(page, tmp_path, review.id)
    app = visit("train.py", tmp_path, review.id)
    assert "no features" in words(app)
    offered = {c.key.removeprefix("use-") for c in app.checkbox if c.key.startswith("use-")}
    assert offered == {"thresholds", "reject_option", "existing"}


def test_a_review_without_features_is_not_told_to_train(
    visit: Open, no_training: None, tmp_path: Path
) -> None:
    """Nothing can be trained, and all rows were shown: no page may say otherwise."""
    review, _ = make_review(tmp_path, make_lending(900, seed=4), roles(features=()))
    app = visit("audit.py", tmp_path, review.id)
    assert "train models" not in words(app)
    assert "sealed" not in words(visit("data.py", tmp_path, review.id))


# --- the checklist


def test_answers_are_kept_and_change_the_words(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    app = visit("audit.py", tmp_path, review.id)
    assert "approved" not in words(app)
    next(r for r in app.radio if "selected?" in r.label).set_value("yes")
    next(r for r in app.radio if "same in every group" in r.label).set_value("yes")
    app.text_input(key="wording-good").set_value("who would repay")
    app.text_input(key="wording-bad").set_value("who would not repay")
    app.text_input(key="wording-selected").set_value("approved")
    well(button(app, "Keep the answers").click().run())
    stored = ReviewStore(tmp_path).get(review.id)
    (kept,) = stored.outcome_checks
    assert kept["answers"] == {"selective": "yes", "same_meaning": "yes"}
    assert kept["wording"]["selected"] == "approved"
    assert kept["who"]
    assert re.match(r"\d{4}-\d\d-\d\dT", kept["at"])
    assert any("Wrong refusals cannot be seen" in w.value for w in app.warning)
    assert "questions still open: 4" in words(app)
    text = words(app)
    assert "people who would repay" in text
    assert "are approved" in text
    assert "are selected; in group" not in text
    again = visit("audit.py", tmp_path, review.id)  # somebody else, another day
    assert "are approved" in words(again)
    assert next(r for r in again.radio if "selected?" in r.label).value == "yes"
    next(r for r in again.radio if "selected?" in r.label).set_value("no")
    well(button(again, "Keep the answers").click().run())
    kept = ReviewStore(tmp_path).get(review.id).outcome_checks
    assert [k["answers"]["selective"] for k in kept] == ["yes", "no"]
    assert not again.warning


# --- names from data and people

HOSTILE = (
    "![p](http://127.0.0.1:9/p.png)",
    "$x$ and <b>y</b>",
    "<script>alert(1)</script>",
    ":red[`z`] | **w** # _v_ ~~u~~",
    "L" * 300,
)


def hostile_frame(n: int = 1_000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    group = rng.integers(0, len(HOSTILE), n)
    return pd.DataFrame(
        {
            "race [r](http://127.0.0.1:9) $a$": np.array(HOSTILE, object)[group],
            "feature ![f](http://127.0.0.1:9/f.png)": rng.normal(size=n),
            "score ![s](http://127.0.0.1:9/s.png)": rng.random(n).round(3),
            "repaid ![t](http://127.0.0.1:9/t.png)": np.where(
                rng.random(n) < 0.3 + 0.1 * group, "yes", "no"
            ),
        }
    )


@pytest.mark.slow
def test_hostile_names_are_shown_as_they_are(visit: Open, tmp_path: Path) -> None:
    frame = hostile_frame()
    race, feature, score, target = frame.columns
    spec = DataSpec(target=target, positive="yes", features=(feature,), score=score,
                    sensitive=(Sensitive(race),))  # fmt: skip
    review, dataset = make_review(tmp_path, frame, spec, name=HOSTILE[0])
    app = visit("audit.py", tmp_path, review.id)
    app.text_input(key="wording-good").set_value(HOSTILE[0])
    app.text_input(key="wording-selected").set_value(HOSTILE[2])
    well(button(app, "Keep the answers").click().run())
    Job(tmp_path, review.id, StudySpec()).start()
    Job(tmp_path, review.id, StudySpec()).wait(timeout_seconds=120)
    found: set[str] = set()
    for group in ("", *HOSTILE):
        select(app, "Compared with", group)
        found |= {text for text in markdown_of(app) if dangerous(text)}
    assert set(main_figures(app).index) == set(HOSTILE)
    report = expected(dataset, open_rows(dataset))
    select(app, "Compared with", "")
    select(app, "Figure", "Selected if good")
    same_figures(app, report, race)
    well(button(app, "Write the audit as files").click().run())
    page = ReviewStore(tmp_path).audit_path(review, "html").read_text()
    assert "<script>alert" not in page
    assert "<b>y" not in page
    assert not found


def markdown_of(app: AppTest) -> list[str]:
    """Every text that Streamlit shows as Markdown, labels included."""
    texts = [str(e.value) for kind in WORDS for e in getattr(app, kind)]
    for group in app.button_group:
        texts += list(map(str, group.options))
    for kind in ("radio", "text_input", "selectbox", "button", "tabs", "slider"):
        texts += [str(e.label) for e in getattr(app, kind)]
    return texts


def dangerous(text: str) -> bool:
    """Whether anything in it would become a link, picture, formula, tag or colour."""
    return re.search(r"(?<!\\)\[\w*\\?\]\(|(?<!\\)\$x|(?<!\\)<[bs]|(?<!\\):red", text) is not None


def test_what_the_sieve_catches() -> None:
    assert all(dangerous(name) for name in HOSTILE[:4])


# --- groups too small to show


@pytest.fixture
def small(tmp_path: Path) -> tuple[Review, Dataset]:
    """Race C has six people, so that D, the next one, is withheld as well."""
    rng = np.random.default_rng(3)
    race = np.repeat(["A", "B", "C", "D"], [500, 400, 6, 60])
    sex = rng.choice(["f", "m"], len(race))
    y = rng.random(len(race)) < np.where(race == "B", 0.3, 0.6)
    decided = rng.random(len(race)) < np.where(race == "B", 0.2, 0.7)
    decided[race == "C"], decided[race == "D"] = False, False
    frame = pd.DataFrame(
        {"race": race, "sex": sex, "x": rng.normal(size=len(race)),
         "score": np.where(decided, 0.9, 0.1).round(2), "decision": decided.astype(int),
         "good": np.where(y, "yes", "no")}
    )  # fmt: skip
    frame = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    spec = DataSpec(
        target="good", positive="yes", features=(), score="score", decision="decision",
        sensitive=(Sensitive("race"), Sensitive("sex")), intersections=(("race", "sex"),),
    )  # fmt: skip
    return make_review(tmp_path, frame, spec)


def test_a_small_group_is_nowhere(
    small: tuple[Review, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    review, dataset = small
    report = expected(dataset, np.arange(dataset.n_rows))
    app = visit("audit.py", tmp_path, review.id)
    for partition in report.partitions:
        select(app, "Groups of", partition.name)
        withheld = {
            name
            for name, out in zip(
                partition.group_names, report.hidden[partition.groups], strict=True
            )
            if out
        }
        if partition.name == "race":
            assert withheld == {"C", "D"}
        if partition.name == "race × sex":
            assert {"C · f", "C · m"} <= withheld
        for metric in labelled(app.selectbox, "Figure").options:
            select(app, "Figure", metric)
            nothing_of(app, withheld)
    select(app, "Groups of", "race")
    assert {"C", "D"}.isdisjoint(labelled(app.selectbox, "Compared with").options)
    assert "A dash stands for" in words(app)
    well(button(app, "Write the audit as files").click().run())
    written = json.loads(ReviewStore(tmp_path).audit_path(review, "json").read_text())
    for row in written["groups"] + written["calibration"]:
        if row["group"] in {"C", "D", "C · f", "C · m"}:
            kept = {k for k, v in row.items() if v is not None}
            assert kept <= {"partition", "group", "metric", "stands_out"}, row
    for row in written["disparities"]:
        assert not {row["lowest"], row["highest"]} & {"C", "D", "C · f", "C · m"}


def nothing_of(app: AppTest, withheld: set[str]) -> None:
    """No table, sentence or chart tells a figure of these groups."""
    for shown in app.dataframe:
        frame = shown.value
        if "Group" in frame:
            of = frame[frame["Group"].isin(withheld)].drop(columns="Group")
            values = {str(v) for v in of.to_numpy().ravel()}
            assert values <= QUIET, (list(frame.columns), values)
        else:
            named = " ".join(frame["Lowest – highest"])
            assert not any(group in named for group in withheld)
    for said in app.markdown:
        for name in withheld:
            assert not re.search(rf"group \**{re.escape(name)}\**[,;. ]", said.value), said.value
    for position in range(len(app.get("plotly_chart"))):
        drawn = chart(app, position)
        for trace in drawn["data"]:
            if trace.get("name") in withheld:
                assert all(x is None for x in trace["x"])
                assert "not shown" in trace["hovertext"]
        ticks = drawn["layout"]["yaxis"].get("ticktext", [])
        for tick in ticks:
            name, _, size = tick.partition("<br>")
            assert name not in withheld or size == "withheld"


# --- data that hold no difference, or little at all


def test_equal_groups_do_not_differ(visit: Open, no_training: None, tmp_path: Path) -> None:
    n = 800
    frame = pd.DataFrame(
        {"sex": np.tile(["f", "m"], n // 2), "x": np.arange(n),
         "good": np.tile(["no", "no", "yes", "yes"], n // 4),
         "decision": np.tile([0, 0, 0, 0, 1, 1, 1, 1], n // 8)}
    )  # fmt: skip
    spec = DataSpec(target="good", positive="yes", features=("x",), decision="decision",
                    sensitive=(Sensitive("sex"),))  # fmt: skip
    review, _ = make_review(tmp_path, frame, spec)
    app = visit("audit.py", tmp_path, review.id)
    assert "No group differs" in words(app)
    verdicts = table(app, "Inequality", "Verdict")["Verdict"]
    assert not verdicts.str.contains("more than chance").any()
    assert "◆" not in "".join(figures(app))


def test_no_group_differs_is_said_only_when_none_does(
    visit: Open, no_training: None, tmp_path: Path
) -> None:
    """A yes that means less for one group is a difference, though selection is equal."""
    n = 1_600
    sex = np.repeat(["f", "m"], n // 2)
    good = np.concatenate([np.tile([1, 0, 0, 0], n // 8), np.tile([1, 1, 1, 0], n // 8)])
    decided = np.zeros(n, int)
    for g in ("f", "m"):
        for y in (0, 1):
            at = np.flatnonzero((sex == g) & (good == y))
            decided[at[::2]] = 1
    frame = pd.DataFrame(
        {"sex": sex, "x": np.arange(n), "good": np.where(good, "yes", "no"), "decision": decided}
    )
    spec = DataSpec(target="good", positive="yes", features=("x",), decision="decision",
                    sensitive=(Sensitive("sex"),))  # fmt: skip
    review, _ = make_review(tmp_path, frame, spec)
    app = visit("audit.py", tmp_path, review.id)
    assert table(app, "Inequality", "Verdict")["Verdict"].str.contains("more than chance").any()
    assert "◆" in str(main_figures(app).to_numpy())
    assert "No group differs" not in words(app)


@pytest.mark.parametrize("what", ["one class", "everybody withheld", "all selected"])
def test_little_data_break_nothing(
    what: str, visit: Open, no_training: None, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    n = 200
    sex = np.repeat(["f", "m"], [192, 8] if what == "everybody withheld" else [100, 100])
    good = np.where(rng.random(n) < 0.5, "yes", "no")
    good[:2] = "yes", "no"
    if what == "one class":
        good[sex == "m"] = "yes"
    score = np.full(n, 0.9) if what == "all selected" else rng.random(n).round(3)
    frame = pd.DataFrame({"sex": sex, "x": np.arange(n), "good": good, "score": score})
    spec = DataSpec(target="good", positive="yes", features=("x",), score="score",
                    sensitive=(Sensitive("sex"),))  # fmt: skip
    review, _ = make_review(tmp_path, frame, spec)
    app = visit("audit.py", tmp_path, review.id)
    for metric in labelled(app.selectbox, "Figure").options:
        select(app, "Figure", metric)
        assert "nan" not in words(app).lower().split()
    well(button(app, "Write the audit as files").click().run())
    assert not app.error


@pytest.mark.slow
def test_a_reference_that_another_system_withholds(visit: Open, tmp_path: Path) -> None:
    """A baseline is judged by fewer people, so a group may be withheld that was not before."""
    rng = np.random.default_rng(2)
    race = rng.permutation(np.repeat(["A", "B", "C", "D"], [300, 240, 24, 36]))
    n = len(race)
    frame = pd.DataFrame(
        {"race": race, "x": rng.normal(size=n), "decision": rng.integers(0, 2, n),
         "good": np.where(rng.random(n) < 0.5, "yes", "no")}
    )  # fmt: skip
    spec = DataSpec(target="good", positive="yes", features=("x",), decision="decision",
                    sensitive=(Sensitive("race"),))  # fmt: skip
    review, dataset = make_review(tmp_path, frame, spec)
    asked = StudySpec("logistic")
    Job(tmp_path, review.id, asked).start()
    assert Job(tmp_path, review.id, asked).wait(timeout_seconds=120).state == "finished"
    app = visit("audit.py", tmp_path, review.id)
    select(app, "Compared with", "C")
    well(app.button_group[0].set_value("logistic").run())
    assert not app.error
    assert app.selectbox(key="audit-reference").options == ["everybody", "A", "B"]
    assert app.selectbox(key="audit-reference").value in ("", "everybody")
    rows = judged_rows(dataset)
    found = read_study(tmp_path, review.fingerprint, asked)["baseline"]
    report = group_report(
        dataset.y_true[rows], y_score=np.array(found["scores"]),
        sensitive_features=Groups.of_dataset(dataset).take(rows),
    )  # fmt: skip
    same_figures(app, report, "race")  # compared with everybody, as the page says


# --- files


def test_the_audit_as_files(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    _, dataset = lending
    store = ReviewStore(tmp_path)
    review = store.create("Loans", *lending)
    app = visit("audit.py", tmp_path, review.id)
    assert not app.get("link_button")
    assert not store.audit_path(review, "html").exists()
    well(button(app, "Write the audit as files").click().run())
    assert [b.proto.url for b in app.get("link_button")] == [
        f"/files/audit/{review.id}.html", f"/files/audit/{review.id}.json"
    ]  # fmt: skip
    written = json.loads(store.audit_path(review, "json").read_text())
    report = expected(dataset, open_rows(dataset))
    assert written["people"] == 3_200
    rows = {(r["partition"], r["group"], r["metric"]): r for r in written["groups"]}
    for key, row in report.by_group.iterrows():
        for column in ("people", "value", "low", "gap", "p_holm", "shrunken"):
            if np.isnan(row[column]):
                assert rows[key][column] is None
            else:
                assert rows[key][column] == pytest.approx(row[column])
    page = store.audit_path(review, "html").read_text()
    assert "Black · woman" in page
    assert "<script src" not in page


def test_files_that_cannot_be_written_are_said(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    review = ReviewStore(tmp_path).create("Loans", *lending)
    app = visit("audit.py", tmp_path, review.id)
    monkeypatch.setattr("faircore.export.audit_paper.write_whole", refuse)
    button(app, "Write the audit as files").click().run()
    assert "No space left on device" in one_error(app)


def test_damaged_data_are_one_sentence(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    ReviewStore(tmp_path).table_path(review.id).write_bytes(b"PAR1 canary")
    app = visit("audit.py", tmp_path, review.id)
    assert "canary" not in one_error(app)


# --- the Data page's part of it


def upload(app: AppTest, frame: pd.DataFrame) -> AppTest:
    app.file_uploader[0].upload("loans.csv", frame.to_csv(index=False).encode(), "text/csv")
    return app.run()


def test_a_system_is_recognised_and_audited(visit: Open, no_training: None, tmp_path: Path) -> None:
    app = well(upload(visit("data.py", tmp_path), make_lending(400, seed=2)))
    score = next(s for s in app.selectbox if s.label.startswith("Score"))
    decision = next(s for s in app.selectbox if s.label.startswith("Decision"))
    assert (score.value, decision.value) == ("existing_score", "existing_decision")
    next(m for m in app.multiselect if m.label.startswith("Features")).set_value([]).run()
    assert not well(app).error
    well(button(app, "Start the review").click().run())
    assert app.title[0].value == "Audit"
    (review,) = ReviewStore(tmp_path).list()
    spec = review.data_spec
    assert (spec.features, spec.score, spec.decision) == (
        (), "existing_score", "existing_decision"
    )  # fmt: skip
    well(app.run())
    assert "400 people" in words(app)


def test_neither_features_nor_a_system_is_one_sentence(visit: Open, tmp_path: Path) -> None:
    app = well(upload(visit("data.py", tmp_path), make_lending(400, seed=2)))
    next(m for m in app.multiselect if m.label.startswith("Features")).set_value([]).run()
    for label in ("Score", "Decision"):
        next(s for s in app.selectbox if s.label.startswith(label)).set_value("(none)").run()
    next(m for m in app.multiselect if m.label.startswith("Features")).set_value([]).run()
    assert "feature" in one_error(app)


@pytest.mark.parametrize(
    ("role", "make"),
    [
        ("Score", lambda n: np.linspace(0, 100, n).round(3)),
        ("Score", lambda n: np.where(np.arange(n) % 9 == 0, np.nan, 0.5)),
        ("Score", lambda n: np.full(n, "canary")),
        ("Score", lambda n: np.full(n, np.nan)),
        ("Score", lambda n: np.where(np.arange(n) % 9 == 0, -0.2, 0.5)),
        ("Decision", lambda n: np.arange(n) % 3),
        ("Decision", lambda n: np.array(["canary-a", "canary-b", "canary-c"])[np.arange(n) % 3]),
        ("Decision", lambda n: np.full(n, np.nan)),
        ("Decision", lambda n: np.where(np.arange(n) % 9 == 0, np.nan, np.arange(n) % 2)),
    ],
)  # fmt: skip
def test_a_system_that_cannot_be_read_is_one_sentence(
    role: str, make: Callable[[int], np.ndarray], visit: Open, tmp_path: Path
) -> None:
    frame = make_lending(400, seed=2).drop(columns=["existing_score", "existing_decision"])
    frame["system"] = make(400)
    app = well(upload(visit("data.py", tmp_path), frame))
    next(s for s in app.selectbox if s.label.startswith(role)).set_value("system").run()
    text = one_error(app)
    assert "canary" not in text
    assert "system" in text
    assert not [b for b in app.button if b.label == "Start the review"]
    assert ReviewStore(tmp_path).list() == []


def test_one_group_is_one_sentence(visit: Open, tmp_path: Path) -> None:
    frame = make_lending(400, seed=2).assign(gender="woman").drop(columns=["race", "age"])
    app = well(upload(visit("data.py", tmp_path), frame))
    app.multiselect[0].set_value(["gender"]).run()
    assert "gender" in one_error(app)


def test_one_column_cannot_be_both_score_and_outcome(visit: Open, tmp_path: Path) -> None:
    app = well(upload(visit("data.py", tmp_path), make_lending(400, seed=2)))
    score = next(s for s in app.selectbox if s.label.startswith("Score"))
    for column in ("repaid", "existing_decision"):
        score.set_value(column).run()
        one_error(app)
        assert not [b for b in app.button if b.label == "Start the review"]


def spoil(frame: pd.DataFrame, column: str, values: Any) -> pd.DataFrame:
    return frame.assign(**{column: values})


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("repaid", "yes"),
        ("repaid", [("yes", "no", "canary")[k % 3] for k in range(400)]),
        ("repaid", [("yes", "no", None)[k % 3] for k in range(400)]),
        ("repaid", np.nan),
        ("race", np.nan),
        ("race", "canary"),
        ("race", [f"canary {k}" for k in range(400)]),
    ],
)
def test_columns_that_cannot_have_their_role_are_one_sentence(
    column: str, values: Any, visit: Open, tmp_path: Path
) -> None:
    app = well(upload(visit("data.py", tmp_path), spoil(make_lending(400, seed=2), column, values)))
    if column == "repaid":
        labelled(app.selectbox, "Outcome to predict").set_value("repaid").run()
    elif "race" not in app.multiselect[0].value:
        app.multiselect[0].set_value([*app.multiselect[0].value, "race"]).run()
    texts = [str(e.value) for e in well(app).error]
    assert texts
    assert all(column in text and text.endswith(".") for text in texts)
    assert "canary" not in "".join(texts)
    assert not [b for b in app.button if b.label == "Start the review"]


def test_a_system_without_a_name_for_it_can_be_chosen(visit: Open, tmp_path: Path) -> None:
    """Nothing to learn from and nothing recognised: the form must still come."""
    frame = make_lending(400, seed=2)[["race", "gender", "existing_score", "repaid"]]
    frame = frame.rename(columns={"existing_score": "output"})
    app = well(upload(visit("data.py", tmp_path), frame))
    next(s for s in app.selectbox if s.label.startswith("Score")).set_value("output").run()
    assert not well(app).error
    assert "output" not in next(
        m for m in app.multiselect if m.label.startswith("Features")
    ).value  # fmt: skip
    well(button(app, "Start the review").click().run())
    assert app.title[0].value == "Audit"
    well(app.run())


def test_weights_persons_and_holes_break_nothing(
    visit: Open, no_training: None, tmp_path: Path
) -> None:
    frame = make_lending(1_200, seed=6)
    frame["weight"] = np.random.default_rng(0).uniform(0.1, 5, len(frame)).round(3)
    frame["person"] = np.arange(len(frame)) // 2
    frame.loc[::17, "age"] = np.nan
    spec = roles(weight="weight", entity="person",
                 sensitive=(Sensitive("race"), Sensitive("age", (30.0, 60.0))),
                 intersections=(("race", "age"),))  # fmt: skip
    review, dataset = make_review(tmp_path, frame, spec)
    rows = open_rows(dataset)
    app = visit("audit.py", tmp_path, review.id)
    select(app, "Groups of", "age")
    report = expected(dataset, rows, sample_weight=dataset.weights[rows])
    same_figures(app, report, "age")
    assert "(missing)" in main_figures(app).index


def test_links_lead_to_the_audit_that_is_shown(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    """A file written for one threshold must not be taken for that of another."""
    given, dataset = lending
    alone = build_dataset(given, dataset.spec.with_(decision=None))
    review = ReviewStore(tmp_path).create("Score", given, alone)
    app = visit("audit.py", tmp_path, review.id)
    well(button(app, "Write the audit as files").click().run())
    assert app.get("link_button")
    well(app.slider[0].set_value(0.7).run())
    written = json.loads(ReviewStore(tmp_path).audit_path(review, "json").read_text())
    if app.get("link_button"):
        assert any(written["made_at"][:10] in c.value for c in app.caption), "nothing tells which"


def test_a_process_that_died_is_said(
    lending: tuple[Table, Dataset], visit: Open, no_training: None, tmp_path: Path
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    job = Job(tmp_path, review.id, StudySpec())
    job.folder.mkdir(parents=True)
    (job.folder / "progress.json").write_text(
        json.dumps({"state": "running", "wanted": 3, "finished": 1, "share": 0.3, "pid": 2**22})
    )
    assert job.state().state == "lost"
    app = visit("audit.py", tmp_path, review.id)
    assert starters(app)
    assert re.search("ended|stopped", words(app))
