from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faircore.decide import (
    CalibrationLimit,
    amend_policy,
    conclude,
    lock_policy,
    open_sealed,
    sealed,
    standing_measurement,
)
from faircore.errors import InputError
from faircore.frontier import Limit
from faircore.metrics import confusion_counts
from faircore.records import Act, Review, ReviewStore, canonical, frontier_of_review
from tests.decide.committee import (
    GAP,
    at_once,
    left,
    now,
    policy_of,
    prepared_for,
    proposed,
)


def kinds(workspace: Path, review: Review) -> list[Act]:
    return [e.kind for e in now(workspace, review).history]


def twin_of(workspace: Path, review: Review) -> Review:
    store = ReviewStore(workspace)
    made = store.create("Again", store.table(review.id), store.dataset(review.id))
    return store.add_sweep(made.id, review.sweeps[0])


def test_outcomes_are_counted_after_the_opening_is_on_record(
    fresh: tuple[Path, Review], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(calibration=CalibrationLimit()), who="Ada")
    proposed(workspace, review)
    before: list[tuple[str, bool]] = []
    for name in ("decisions_of", "figures_of", "calibration_lines", "certify_figures"):
        real = getattr(sealed, name)

        def spy(*args: object, _name: str = name, _real: object = real, **more: object) -> object:
            before.append((_name, Act.OPENED in kinds(workspace, review)))
            return _real(*args, **more)  # type: ignore[operator]

        monkeypatch.setattr(sealed, name, spy)
    found = open_sealed(workspace, review.id, who="Ada")
    assert before == [
        ("decisions_of", False), ("figures_of", True), ("calibration_lines", True),
        ("certify_figures", True),
    ]  # fmt: skip
    assert kinds(workspace, review)[-3:] == [Act.PROPOSED, Act.OPENED, Act.MEASURED]
    assert found.certificate is not None
    assert len(found.calibration) == 2


def test_decisions_before_the_opening_look_at_no_outcome(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    proposal = proposed(workspace, review)
    prepared = prepared_for(workspace, review)
    turned = replace(prepared.dataset, y_true=1 - prepared.dataset.y_true)
    blind = replace(prepared, dataset=turned)
    one, other = (
        sealed.decisions_of(proposal.options, "certify", workspace=workspace, prepared=p)
        for p in (prepared, blind)
    )
    assert {k: v.tolist() for k, v in one.items()} == {k: v.tolist() for k, v in other.items()}


def test_figures_are_those_of_the_sealed_rows_and_are_kept(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    proposal = proposed(workspace, review)
    found = open_sealed(workspace, review.id, who="Ada")
    prepared = prepared_for(workspace, review)
    rows = prepared.rows("certify")
    assert (found.figures.split, found.figures.people) == ("certify", len(rows))
    assert set(found.figures.counts) == {o.letter for o in proposal.options}
    today = prepared.dataset.decision
    assert today is not None
    expected = confusion_counts(
        prepared.dataset.y_true[rows], today[rows], prepared.groups.take(rows)
    )
    assert found.figures.counts["A"].tolist() == expected.tolist()
    kept = standing_measurement(now(workspace, review))
    assert kept is not None
    assert canonical(kept.figures.to_dict()) == canonical(found.figures.to_dict())
    assert (found.certificate, kept.openings) == (None, 1)
    assert "No policy was locked" in found.why


def test_a_fault_between_costs_one_opening_and_finishing_no_other(
    fresh: tuple[Path, Review], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    proposed(workspace, review)
    with monkeypatch.context() as patch:

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(sealed, "figures_of", die)
        with pytest.raises(KeyboardInterrupt):
            open_sealed(workspace, review.id, who="Ada")
    left = now(workspace, review)
    assert left.history[-1].kind is Act.OPENED
    assert standing_measurement(left) is None
    with pytest.raises(InputError, match="have been opened"):
        conclude(workspace, review.id, frontier=frontier_of_review(workspace, review.id), who="Ada")
    found = open_sealed(workspace, review.id, who="Ben")
    assert found.certificate is not None
    assert found.openings == 1
    done = now(workspace, review)
    assert len(done.openings) == len(done.all(Act.MEASURED)) == 1
    assert [e.who for e in done.history[-2:]] == ["Ada", "Ada"]  # who opened them answers for them
    with pytest.raises(InputError, match="would say the same again"):
        open_sealed(workspace, review.id, who="Ben")
    assert now(workspace, review) == done


def test_two_processes_at_once_open_once(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    proposed(workspace, review)
    said = at_once(
        *(lambda n=n: open_sealed(workspace, review.id, who=n) for n in ("Ada", "Ben", "Cy"))
    )
    done = now(workspace, review)
    assert len(done.openings) == len(done.all(Act.MEASURED)) == 1
    assert all(not text or "would say the same again" in text for text in said)
    assert "" in said
    assert done.openings[0].level == 0.05


def changed(workspace: Path, review: Review) -> None:
    proposed(workspace, review, threshold=0.4)


def amended(workspace: Path, review: Review) -> None:
    amend_policy(workspace, review.id, policy_of(0.5), why="w", who="Eve")


@pytest.mark.parametrize(("change", "what"), [(changed, "proposal"), (amended, "policy")])
def test_what_changes_at_that_moment_opens_nothing(
    fresh: tuple[Path, Review], monkeypatch: pytest.MonkeyPatch, change: object, what: str
) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    proposed(workspace, review)
    real = sealed.decisions_of

    def then(*args: object, **more: object) -> object:
        found = real(*args, **more)  # type: ignore[arg-type]
        change(workspace, review)  # type: ignore[operator]
        return found

    monkeypatch.setattr(sealed, "decisions_of", then)
    with pytest.raises(InputError, match=f"The {what} was changed at this moment"):
        open_sealed(workspace, review.id, who="Ada")
    assert not {Act.OPENED, Act.MEASURED} & set(kinds(workspace, review))


def test_a_rule_for_groups_that_are_not_there_opens_nothing(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    proposed(workspace, review)
    for new in (
        policy_of(calibration=CalibrationLimit(partition="zodiac")),
        policy_of(limits=(Limit(f"{GAP}@zodiac", 0.1),)),
    ):
        amend_policy(workspace, review.id, new, why="A slip.", who="Ada")
        with pytest.raises(InputError, match="zodiac"):
            open_sealed(workspace, review.id, who="Ada")
    assert now(workspace, review).openings == ()


def test_a_limit_that_nothing_can_show_opens_nothing(fresh: tuple[Path, Review]) -> None:
    """Older versions locked limits of 0 and 1, and met them after the look was spent."""
    workspace, review = fresh
    older = policy_of().to_dict()
    older["limits"][1]["at"] = 1.0
    body = {"policy": older, "sha256": "0" * 64, "elsewhere": 0}
    ReviewStore(workspace).record(review.id, Act.LOCKED, body, who="Ada")
    proposed(workspace, review)
    with pytest.raises(InputError, match="Amend the policy before"):
        open_sealed(workspace, review.id, who="Ada")
    assert now(workspace, review).openings == ()


def test_other_data_open_nothing(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    with pytest.raises(InputError, match="Propose a point first"):
        open_sealed(workspace, review.id, who="Ada")
    proposed(workspace, review)
    prepared = prepared_for(workspace, review)
    fewer = replace(prepared.dataset, fingerprint="0" * 64)
    with pytest.raises(InputError, match="not those of this review"):
        open_sealed(workspace, review.id, who="Ada", prepared=replace(prepared, dataset=fewer))
    assert now(workspace, review).openings == ()


def test_the_level_is_spent_over_openings_and_reviews(fresh: tuple[Path, Review]) -> None:
    workspace, one = fresh
    other = twin_of(workspace, one)
    for review in (one, other):
        lock_policy(workspace, review.id, policy_of(openings=2), who="Ada")
    assert left(workspace, one) == 2
    levels = []
    for i, review in enumerate((one, other, one, one)):
        proposed(workspace, review, threshold=(0.3, 0.4, 0.5, 0.6)[i], alone=True)
        found = open_sealed(workspace, review.id, who="Ada")
        assert found.openings == i + 1
        levels.append(None if found.certificate is None else found.certificate.level)
        assert "is spent" in found.why or found.certificate is not None
        assert left(workspace, one) == (1, 0, 0, 0)[i]
    assert levels == [0.025, 0.025, None, None]


def test_two_reviews_opening_at_once_share_what_is_left(fresh: tuple[Path, Review]) -> None:
    workspace, one = fresh
    other = twin_of(workspace, one)
    for review in (one, other):
        lock_policy(workspace, review.id, policy_of(openings=1), who="Ada")
        proposed(workspace, review)
    both = (one, other)
    told = at_once(*(lambda r=r: open_sealed(workspace, r.id, who="Ada") for r in both))
    assert told == ["", ""]
    certificates = [measured.certificate for r in both
                    if (measured := standing_measurement(now(workspace, r)))]  # fmt: skip
    assert sorted(c is None for c in certificates) == [False, True]
    assert left(workspace, one) == 0


def test_a_policy_written_after_another_review_saw_the_rows_certifies_nothing(
    fresh: tuple[Path, Review],
) -> None:
    workspace, one = fresh
    other = twin_of(workspace, one)
    lock_policy(workspace, one.id, policy_of(openings=2), who="Ada")
    proposed(workspace, one)
    assert open_sealed(workspace, one.id, who="Ada").certificate is not None
    lock_policy(workspace, other.id, policy_of(0.8, openings=2), who="Ada")
    assert left(workspace, other) == 0
    proposed(workspace, other)
    found = open_sealed(workspace, other.id, who="Ada")
    assert found.certificate is None
    assert "after these rows had been seen" in found.why


def test_a_policy_amended_after_the_opening_certifies_nothing(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    frontier = frontier_of_review(workspace, review.id)
    lock_policy(workspace, review.id, policy_of(openings=3), who="Ada")
    proposed(workspace, review)
    assert open_sealed(workspace, review.id, who="Ada").certificate is not None
    amend_policy(workspace, review.id, policy_of(0.01, openings=3), why="Stricter.", who="Ada")
    # What was tested is not what holds: the old certificate is not one of the new policy.
    found = standing_measurement(now(workspace, review))
    assert found is not None
    assert found.certificate is None
    assert "amended" in found.why
    decision = conclude(workspace, review.id, frontier=frontier, who="Ada")
    assert decision is not None
    assert not decision.certified
    assert "amended after the sealed rows had been opened" in decision.provenance or (
        "Exploratory" in decision.provenance
    )
    proposed(workspace, review, threshold=0.4)
    again = open_sealed(workspace, review.id, who="Ada")
    assert again.certificate is None
    assert "amended after" in again.why
    assert left(workspace, review) == 0


def test_a_look_without_a_policy_leaves_nothing_to_spend(fresh: tuple[Path, Review]) -> None:
    workspace, one = fresh
    other = twin_of(workspace, one)
    lock_policy(workspace, other.id, policy_of(), who="Ada")
    assert left(workspace, one) == 0  # it has no policy
    for threshold in (0.4, 0.5):
        proposed(workspace, one, threshold=threshold)
        open_sealed(workspace, one.id, who="Ada")
    # Never below nothing: the page says how many openings are left.
    assert left(workspace, other) == 0
