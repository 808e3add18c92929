"""Where a review stands and what is next, after everything that can be done in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from faircore.data import Dataset, Table
from faircore.decide import Policy, lock_policy, standing_packet
from faircore.decide.packet import VOIDING
from faircore.frontier import Limit
from faircore.plans import SweepSpec
from faircore.records import Act, ReviewStore
from pages.components.header import next_step
from tests.conftest import SMALL
from tests.pages.visitor import words

SENT = (Act.SWEEP, Act.PROPOSED, Act.PACKET)
OPENED = (Act.SWEEP, Act.PROPOSED, Act.OPENED, Act.MEASURED)
REOPENS = "the analyst proposes again, or opens the sealed rows"
RESENDS = "the analyst proposes again, or sends a new packet"
TABLE = {
    (): ("data ready", "analyst and committee write the policy"),
    (Act.LOCKED,): ("policy locked", "the analyst trains models"),
    (Act.LOCKED, Act.AMENDED): ("policy locked", "the analyst trains models"),
    (Act.SWEEP,): ("models requested", "analyst and committee compare, and propose a model"),
    (Act.SWEEP, Act.LOCKED): (
        "models requested", "analyst and committee compare, and propose a model"
    ),
    SENT[:2]: ("point proposed", "the analyst opens the sealed rows"),
    SENT: ("being voted on", "the committee votes"),
    (*SENT, Act.VOTED): ("being voted on", "the committee votes"),
    (*SENT, Act.PROPOSED): ("point proposed", "the analyst opens the sealed rows"),
    (*SENT, Act.AMENDED): ("policy changed", REOPENS),
    (*SENT, Act.VOTED, Act.LOCKED): ("policy changed", REOPENS),
    (*SENT[:2], Act.AMENDED): ("policy changed", REOPENS),
    (*SENT, Act.AMENDED, Act.PACKET): ("being voted on", "the committee votes"),
    OPENED[:-1]: ("opening unfinished", "the analyst finishes opening the sealed rows"),
    OPENED: ("sealed rows opened", "the analyst sends the packet, or records the decision"),
    (*SENT, Act.OPENED, Act.MEASURED): (
        "sealed rows opened", "the analyst sends the packet, or records the decision"
    ),
    (*OPENED, Act.AMENDED): ("policy changed", RESENDS),
    (*OPENED, Act.PACKET, Act.AMENDED): ("policy changed", RESENDS),
    (*OPENED, Act.PACKET, Act.AMENDED, Act.PROPOSED): (
        "point proposed", "the analyst opens the sealed rows"
    ),
    (*OPENED, Act.PACKET, Act.DECIDED): ("decided", "the analyst downloads the bundle"),
    (*OPENED, Act.PACKET, Act.DECIDED, Act.AMENDED): (
        "decided", "the analyst downloads the bundle"
    ),
    (*OPENED, Act.PACKET, Act.DECLINED): (
        "no model chosen", "the analyst proposes something else, or leaves things as they are"
    ),
}  # fmt: skip
SWEEP = SweepSpec((0.5,), config=SMALL).to_json()


def test_every_state_has_its_next_step_here_and_on_the_page(
    lending: tuple[Table, Dataset], visit: Callable[..., AppTest], tmp_path: Path
) -> None:
    store = ReviewStore(tmp_path)
    for number, (acts, (state, following)) in enumerate(TABLE.items()):
        review = store.create(f"Review number {number}.", *lending)
        for act in acts:
            body = {"sweep": SWEEP} if act is Act.SWEEP else {}
            review = store.record(review.id, act, body, who="Ana")
        assert (review.state, next_step(review)) == (state, following), acts
    told = words(visit("reviews.py", tmp_path))
    for number, (acts, (state, following)) in enumerate(TABLE.items()):
        (box,) = (x for x in told.split("**Review number ")[1:] if x.startswith(f"{number}."))
        assert f"· {state}" in box, acts
        assert f"next: {following}" in box, acts


@pytest.mark.parametrize("act", VOIDING)
def test_no_review_without_a_standing_packet_is_voted_on(
    act: Act, lending: tuple[Table, Dataset], tmp_path: Path
) -> None:
    store = ReviewStore(tmp_path)
    review = store.create("Void", *lending)
    for done in (*SENT, act):
        review = store.record(review.id, done, {"sweep": SWEEP}, who="Ana")
    assert standing_packet(review) is None
    assert review.state != "being voted on"


def test_models_of_another_review_of_the_same_rows_are_a_warning(
    lending: tuple[Table, Dataset], visit: Callable[..., AppTest], tmp_path: Path
) -> None:
    gap = "demographic_parity_difference"
    policy = Policy(gap, (Limit(f"{gap}@race", 0.1),), reason="As an example.")
    store = ReviewStore(tmp_path)
    first, second = (store.create(name, *lending) for name in ("First", "Second"))
    lock_policy(tmp_path, first.id, policy, who="Ana")
    app = visit("policy.py", tmp_path, first.id)
    assert ["before any model" in s.value for s in app.success] == [True]
    store.add_sweep(first.id, SWEEP)
    lock_policy(tmp_path, second.id, policy, who="Ana")
    app = visit("policy.py", tmp_path, second.id)
    assert not app.success
    assert any("in 1 other review by then" in w.value for w in app.warning)
