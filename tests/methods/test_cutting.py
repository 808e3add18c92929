"""Thresholds and the reject option as methods: which score they cut, on which rows, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from faircore.data import (
    DataSpec,
    Sensitive,
    Table,
    build_dataset,
    load_sample,
    make_lending,
)
from faircore.errors import InputError, StoreError
from faircore.methods import METHODS, Request, sources
from faircore.methods.bases import BaseConfig, train_base
from faircore.methods.cutting import CUT_ON, CutConfig
from faircore.methods.sources import NOTE, SHOWN
from faircore.penalties import PenaltyOptions
from faircore.plans import SweepSpec
from faircore.predictors import Inputs, Predictor, Thresholded
from faircore.thresholds import RejectOption, ThresholdFrontier
from faircore.training import Prepared, Trained, TrainingConfig
from faircore.training.boosting import BoostingConfig
from faircore.training.constraints import UNCONSTRAINED

TREES = BaseConfig(trees=BoostingConfig(n_rounds=15, n_leaves=6))
LINEAR = BaseConfig(kind="network", network=TrainingConfig(hidden=(), epochs=4))
CONFIGS = {
    "trees": CutConfig(base=TREES, by_lot=True),
    "network": CutConfig(base=LINEAR, by_lot=True),
    "score": CutConfig(source="score", by_lot=True),
    "stored": CutConfig(source="abc", by_lot=True),
}
GRID = [(UNCONSTRAINED, 0), (0.05, 0), (0.0, 0)]
every_source = pytest.mark.parametrize("source", CONFIGS)


@dataclass(frozen=True)
class Debts:
    """A stored model: the less debt, the better."""

    fails: str = ""
    needs_groups = ()
    n_features = None
    shape_text = "a model of debts"

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        if self.fails:
            raise InputError(self.fails)
        assert inputs.features is not None
        return 1 - inputs.features["debt_ratio"].to_numpy()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {}


def lending(**roles: Any) -> Prepared:
    _, spec = load_sample("lending")
    table = Table.from_frame(make_lending(2_000, seed=5), "lending.csv")
    return Prepared.of(build_dataset(table, spec.with_(**roles)))


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """2,000 loan applications of unequal weight."""
    found = lending()
    weights = np.random.default_rng(0).uniform(0.5, 2, found.dataset.n_rows)
    return replace(found, dataset=replace(found.dataset, weights=weights))


def ask(config: CutConfig, model: Predictor | None = None, **more: Any) -> Request:
    given = {"penalty": "demographic_parity", "partitions": ("race",)} | more
    stored = model or Debts()
    return Request(config=config, options=PenaltyOptions(), model_of=lambda _: stored, **given)


def train(
    prepared: Prepared, request: Request, trials: Any = GRID, method: str = "thresholds"
) -> list[Trained]:
    found: Iterator[Trained] = METHODS[method].train(prepared, trials, request)
    return sorted(found, key=lambda one: one.position)


def cut(one: Trained) -> Thresholded:
    assert one.failure is None
    assert isinstance(one.predictor, Thresholded)
    return one.predictor


def on(prepared: Prepared, model: Any, fitted: Any, split: str = CUT_ON) -> Any:
    """The rows of a split, given to an engine that is asked directly."""
    rows = prepared.rows(split)
    return fitted.fit(
        model.scores(prepared.inputs(split)),
        prepared.dataset.y_true[rows],
        sensitive_features=prepared.dataset.sensitive.iloc[rows],
        sample_weight=prepared.weights[rows],
    )


def same_rule(found: Thresholded, expected: Any) -> bool:
    return bool(
        found.rule.key == expected.key
        and np.array_equal(found.rule.cuts, expected.cuts)
        and np.array_equal(found.rule.shares, expected.shares)
    )


def engine(tolerances: Any = (0.0, 0.05), **more: Any) -> ThresholdFrontier:
    given = {"partitions": [("race",)], "min_people": 20, "unseen": "pooled"} | more
    return ThresholdFrontier("demographic_parity", tolerances, **given)


@every_source
def test_the_cuts_are_those_of_the_calibrate_rows(source: str, prepared: Prepared) -> None:
    plain, loose, strict = train(prepared, ask(CONFIGS[source]))
    expected = on(prepared, plain.predictor, engine())
    assert same_rule(cut(strict), expected.rules_[0])
    assert same_rule(cut(loose), expected.rules_[1])
    other = on(prepared, plain.predictor, engine(), "select")
    assert not same_rule(cut(strict), other.rules_[0])  # the rows do make a difference


@every_source
def test_the_plain_one_is_the_score_itself(source: str, prepared: Prepared) -> None:
    config = CONFIGS[source]
    plain, _, strict = train(prepared, ask(config))
    assert plain.predictor is not None
    assert plain.note == (NOTE if source == "score" else "")
    inputs = prepared.inputs("select")
    expected = {
        "score": lambda: prepared.dataset.score[prepared.rows("select")],  # type: ignore[index]
        "stored": lambda: Debts().scores(inputs),
    }.get(source, lambda: own(prepared, config).scores(inputs))
    np.testing.assert_array_equal(plain.predictor.scores(inputs), expected())
    np.testing.assert_array_equal(cut(strict).base.scores(inputs), expected())


def own(prepared: Prepared, config: CutConfig) -> Predictor:
    """The plain model, trained without the method: it stops on the rows that cuts are set on."""
    learn, judge = (prepared.sample(split, partitions=("race",)) for split in ("train", CUT_ON))
    found = train_base(config.base, learn, judge, 0, lambda *_: None).predictor
    assert found is not None
    return found


def flipped(prepared: Prepared, split: str) -> Prepared:
    """The same rows, with the opposite outcome for every third one of a split."""
    y, rows = prepared.dataset.y_true.copy(), prepared.rows(split)[::3]
    y[rows] = 1 - y[rows]
    return replace(prepared, dataset=replace(prepared.dataset, y_true=y), _encoded={})


@every_source
@pytest.mark.parametrize(
    ("split", "moves"), [("select", False), ("certify", False), (CUT_ON, True)]
)
def test_outcomes_elsewhere_change_nothing(
    source: str, split: str, moves: bool, prepared: Prepared
) -> None:
    request = ask(CONFIGS[source])
    trials = [(0.02, 0)]
    (before,), (after,) = (train(p, request, trials) for p in (prepared, flipped(prepared, split)))
    first, second = cut(before).to_arrays(), cut(after).to_arrays()
    same = all(np.array_equal(first[name], second[name]) for name in first)
    assert same is not moves


@pytest.mark.parametrize(
    "setting",
    [{"cost_false_yes": 4.0}, {"cost_false_no": 4.0}, {"min_people": 150}, {"by_lot": False}],
)
def test_settings_reach_the_search(setting: dict[str, Any], prepared: Prepared) -> None:
    (one,) = train(prepared, ask(replace(CONFIGS["score"], **setting)), [(0.03, 0)])
    told = {
        "costs": (setting.get("cost_false_yes", 1.0), setting.get("cost_false_no", 1.0)),
        "min_people": setting.get("min_people", 20),
        "randomised": setting.get("by_lot", True),
    }
    model = cut(one).base
    assert same_rule(cut(one), on(prepared, model, engine((0.03,), **told)).rules_[0])
    assert not same_rule(cut(one), on(prepared, model, engine((0.03,))).rules_[0])


@pytest.mark.parametrize("norm", ["linf", "l1"])
def test_the_norm_is_that_of_equalized_odds(norm: str, prepared: Prepared) -> None:
    config = replace(CONFIGS["score"], norm=norm)
    (one,) = train(prepared, ask(config, penalty="equalized_odds"), [(0.04, 0)])
    found = {
        n: on(
            prepared,
            cut(one).base,
            ThresholdFrontier(
                "equalized_odds", (0.04,), norm=n, partitions=[("race",)], min_people=20,
                unseen="pooled",
            ),
        ).rules_[0]
        for n in ("linf", "l1")
    }  # fmt: skip
    assert [same_rule(cut(one), found[n]) for n in ("linf", "l1")] == [norm == "linf", norm == "l1"]


@pytest.mark.parametrize("method", ["thresholds", "reject_option"])
def test_a_group_not_seen_is_pooled_or_refused(method: str, prepared: Prepared) -> None:
    rows = prepared.inputs("select")
    strange = replace(rows, sensitive=rows.sensitive.assign(race="Martian"))  # type: ignore[union-attr]
    pooled, refuses = (
        cut(train(prepared, ask(replace(CONFIGS["score"], unseen=unseen)), [(0.04, 0)], method)[0])
        for unseen in ("pooled", "refuse")
    )
    assert ((pooled.scores(strange) >= 0) & (pooled.scores(strange) <= 1)).all()
    with pytest.raises(InputError, match="was not there while the model learned"):
        refuses.scores(strange)
    np.testing.assert_array_equal(pooled.scores(rows), refuses.scores(rows))


def test_crossed_groups_have_cuts_of_their_own(prepared: Prepared) -> None:
    (one,) = train(prepared, ask(CONFIGS["score"], partitions=("race × gender",)), [(0.02, 0)])
    assert cut(one).needs_groups == ("race", "gender")
    both = ask(CONFIGS["score"], partitions=("race", "age"))
    assert cut(train(prepared, both, [(0.02, 0)])[0]).needs_groups == ("race", "age")


def test_one_score_per_seed_serves_every_tolerance(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []

    def counted(config: Any, learn: Any, judge: Any, seed: int, report: Any) -> Trained:
        seeds.append(seed)
        return train_base(config, learn, judge, seed, report)

    monkeypatch.setattr(sources, "train_base", counted)
    trees = replace(TREES, trees=replace(TREES.trees, row_share=0.8))
    trials = [(s, seed) for s in (UNCONSTRAINED, 0.05, 0.01) for seed in (0, 7)]
    found = train(prepared, ask(CutConfig(base=trees)), trials)
    assert sorted(seeds) == [0, 7]
    assert [one.position for one in found] == list(range(6))
    inputs = prepared.inputs("select")
    plain = [one.predictor.scores(inputs) for one in found[:2]]  # type: ignore[union-attr]
    assert not np.array_equal(plain[0], plain[1])
    for one in found[2:]:
        np.testing.assert_array_equal(cut(one).base.scores(inputs), plain[one.position % 2])


def test_a_stored_model_is_read_once_by_its_reference(prepared: Prepared) -> None:
    asked: list[str] = []

    def read(reference: str) -> Predictor:
        asked.append(reference)
        return Debts()

    request = replace(ask(CONFIGS["stored"]), model_of=read)
    train(prepared, request, [(s, seed) for s in (UNCONSTRAINED, 0.05) for seed in (0, 1)])
    assert asked == ["abc"]


@pytest.mark.parametrize("penalty", ["demographic_parity", "equal_opportunity"])
def test_the_reject_option_turns_decisions_within_its_width(
    penalty: str, prepared: Prepared
) -> None:
    widths = [(0.0, 0), (0.05, 0), (0.2, 0)]
    plain, *turned = train(
        prepared, ask(CONFIGS["score"], penalty=penalty), widths, "reject_option"
    )
    expected = on(
        prepared,
        plain.predictor,
        RejectOption((0.05, 0.2), constraint=penalty, partition=("race",), unseen="pooled"),
    )
    assert not isinstance(plain.predictor, Thresholded)
    inputs = prepared.inputs("select")
    before = plain.predictor.scores(inputs)  # type: ignore[union-attr]
    changed = []
    for one, rule, (width, _) in zip(turned, expected.rules_, widths[1:], strict=True):
        assert same_rule(cut(one), rule)
        turned_rows = (before >= 0.5) != (cut(one).scores(inputs) >= 0.5)
        assert (abs(before[turned_rows] - 0.5) <= width + 1e-12).all()
        changed.append(int(turned_rows.sum()))
    assert 0 < changed[0] < changed[1]


def test_lots_are_told_of(prepared: Prepared) -> None:
    drawn, single = (
        train(prepared, ask(replace(CONFIGS["score"], by_lot=by_lot)), [(0.01, 0)])[0]
        for by_lot in (True, False)
    )
    n = int((cut(drawn).rule.shares[:-1].max(axis=1) < 1).sum())
    assert n >= 1
    inputs = prepared.inputs(CUT_ON)
    rule = cut(drawn).rule
    chance = rule.probability(
        cut(drawn).base.scores(inputs), rule.key.codes(inputs.attributes(rule.key.attributes))
    )
    between = int(((chance > 1e-9) & (chance < 1 - 1e-9)).sum())
    assert f"{between:,} of {len(chance):,} people whose rows set the thresholds" in drawn.note
    assert "decided by lot" in drawn.note
    assert (single.note, cut(single).rule.randomised) == (NOTE, False)


def test_lots_that_miss_the_limit_say_so() -> None:
    """A score of few levels and no features: everybody of a level and a group shares a draw."""
    rng = np.random.default_rng(0)
    n = 4_000
    race = rng.choice(["a", "b", "c"], n)
    score = np.round(np.clip(rng.normal(0.5 + 0.1 * (race == "a"), 0.15), 0.05, 0.95), 1)
    frame = pd.DataFrame({"race": race, "score": score})
    frame["good"] = np.where(rng.random(n) < score, "yes", "no")
    spec = DataSpec(
        target="good", positive="yes", features=(), sensitive=(Sensitive("race"),), score="score"
    )
    bare = Prepared.of(build_dataset(Table.from_frame(frame, "scores.csv"), spec))
    (one,) = train(bare, ask(CONFIGS["score"]), [(0.01, 0)])
    assert "The lots that fell there make a gap of" in one.note
    assert "where 1 is kept on average" in one.note


def test_a_missing_model_is_refused(prepared: Prepared) -> None:
    """Nothing can be kept where there is no score at all, so the sweep ends with one sentence."""
    request = Request("demographic_parity", ("race",), CONFIGS["stored"], PenaltyOptions())
    with pytest.raises(InputError, match="no stored model 'abc'"):
        train(prepared, request)

    def gone(_: str) -> Predictor:
        raise StoreError("It is gone.")

    with pytest.raises(StoreError, match="It is gone"):
        train(prepared, replace(request, model_of=gone))


@pytest.mark.parametrize("method", ["thresholds", "reject_option"])
def test_a_model_that_fails_on_the_rows_says_so_for_each_strength(
    method: str, prepared: Prepared
) -> None:
    model = Debts(fails="It reads no missing values.")
    plain = METHODS[method].plain
    trials = [(plain, 0), (0.05, 0), (0.01, 0)]
    first, *others = train(prepared, ask(CONFIGS["stored"], model), trials, method)
    assert first.predictor is model
    assert first.failure is None
    for one in others:
        assert (one.predictor, one.failure) == (None, "It reads no missing values.")


def test_a_search_that_fails_leaves_the_plain_one(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise InputError("Nobody is in a group.")

    monkeypatch.setattr(ThresholdFrontier, "fit", refuse)
    plain, *others = train(prepared, ask(CONFIGS["trees"]))
    assert plain.failure is None
    assert plain.predictor is not None
    assert [one.failure for one in others] == ["Nobody is in a group."] * 2
    assert all(one.predictor is None for one in others)
    assert all(one.history == plain.history != [] for one in others)


def test_a_limit_that_cannot_be_met_says_what_can(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = ThresholdFrontier.fit

    def without_first(self: ThresholdFrontier, *given: Any, **named: Any) -> ThresholdFrontier:
        fit(self, *given, **named)
        self.rules_[0] = None
        self.points_.loc[0, "smallest_gap"] = 0.0312
        return self

    monkeypatch.setattr(ThresholdFrontier, "fit", without_first)
    plain, loose, strict = train(prepared, ask(CONFIGS["score"]))
    assert (plain.failure, loose.failure, strict.predictor) == (None, None, None)
    assert strict.failure == (
        "Infeasible: no thresholds keep a gap of 0 points; the smallest they reach is 3.12."
    )


def test_a_score_that_cannot_be_trained_says_so_everywhere(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "train_base", lambda *_: Trained(0, failure="It diverged."))
    found = train(prepared, ask(CONFIGS["network"]))
    assert [(one.predictor, one.failure) for one in found] == [(None, "It diverged.")] * 3


@pytest.mark.parametrize("by_lot", [True, False])
def test_a_review_without_features_has_its_score_cut(by_lot: bool) -> None:
    bare = lending(features=())
    config = CutConfig(source="score", by_lot=by_lot)
    plain, _, strict = train(bare, ask(config))
    assert plain.note == f"{NOTE} {SHOWN}"
    assert strict.note.startswith(f"{NOTE} {SHOWN}")
    assert ("by lot" in strict.note) is by_lot
    inputs = bare.inputs(CUT_ON)
    assert inputs.encoded.shape[1] == 0
    selected = pd.Series(cut(strict).scores(inputs) >= 0.5)
    race = bare.dataset.sensitive["race"].iloc[bare.rows(CUT_ON)].fillna("none").to_numpy()
    shares = selected.groupby(race).agg(["mean", "size"])
    gap = np.ptp(shares["mean"][shares["size"] >= 20])
    before = pd.Series(plain.predictor.scores(inputs) >= 0.5).groupby(race).mean()  # type: ignore[union-attr]
    # Scores of two digits and no feature: many share a draw, and the lots that fall miss by some.
    assert gap < np.ptp(before[shares["size"] >= 20]) * (0.75 if by_lot else 0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cost_false_yes": 0.0}, "cost_false_yes must be a number above 0"),
        ({"cost_false_no": float("inf")}, "cost_false_no must be a number above 0"),
        ({"cost_false_no": float("nan")}, "cost_false_no must be a number above 0"),
    ],
)
def test_costs_are_above_zero(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CutConfig(**changes)  # type: ignore[arg-type]


def test_what_is_not_used_makes_no_difference() -> None:
    assert CutConfig(source="score", base=TREES) == CutConfig(source="score")
    assert CutConfig(base=TREES) != CutConfig()


@pytest.mark.parametrize(
    ("method", "unused"),
    [
        ("reject_option", {"by_lot": False}),
        ("reject_option", {"cost_false_no": 2.0}),
        ("reject_option", {"min_people": 3}),
        ("thresholds", {"norm": "l1"}),
    ],
)
def test_settings_that_change_nothing_train_nothing_again(
    method: str, unused: dict[str, Any]
) -> None:
    usual, other = (
        SweepSpec((0.1,), method=method, config=replace(CONFIGS["score"], **given))
        for given in ({}, unused)
    )
    assert usual.trial_ids("x") == other.trial_ids("x")
