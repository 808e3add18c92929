"""Train: choose the penalty, its strengths and seeds; launch; watch."""

from __future__ import annotations

import numpy as np
import streamlit as st

from faircore.errors import FaircoreError
from faircore.jobs import Job, start_sweep
from faircore.methods import METHODS
from faircore.penalties import PENALTIES
from faircore.records import Review
from faircore.sweep import SweepSpec
from faircore.training import TrainingConfig
from faircore.workspace import default_workspace
from pages.components.loading import SPLIT_SEED, intact
from pages.components.session import require_review, reviews, session

HIDDEN = {
    "None (logistic regression)": (),
    "One layer of 64": (64,),
    "Two layers, 64 and 32": (64, 32),
}


def sweep_form(partitions: list[str]) -> SweepSpec | None:
    """Ask what to train; ``None`` while the answers contradict each other."""
    method = METHODS["regularized"]
    st.subheader(method.title)
    st.write(method.sentence)
    left, right = st.columns(2)
    penalty = left.selectbox(
        "What fair means here", list(PENALTIES), format_func=lambda p: PENALTIES[p].title
    )
    left.caption(PENALTIES[penalty].sentence)
    between = right.multiselect("Between the groups of", partitions, default=partitions[:1])
    first, second, third = st.columns(3)
    low = first.number_input("Weakest penalty (λ)", 0.0, 1000.0, 0.1, step=0.1, format="%g")
    high = second.number_input("Strongest penalty (λ)", 0.0, 1000.0, 3.0, step=0.5, format="%g")
    steps = third.number_input("Number of strengths", 2, 200, 12)
    fourth, fifth, sixth = st.columns(3)
    hidden = fourth.selectbox("Hidden layers", list(HIDDEN), index=1)
    seeds = fifth.number_input(
        "Seeds", 1, 20, 1, help="Each strength is trained from several starts, to see the luck."
    )
    epochs = sixth.number_input("Passes over the data", 1, 200, 20)
    with st.expander("More settings"):
        one, two, three, four = st.columns(4)
        warmup = one.number_input(
            "Warm-up passes", 0, 199, 0, help="The penalty rises to its strength over these passes."
        )
        sharpness = two.number_input(
            "Sharpness", 0.5, 10.0, 1.0, step=0.5,
            help="Above 1, the penalty looks at scores as if they were nearly decisions.",
        )  # fmt: skip
        rate = three.number_input("Learning rate", 1e-5, 1.0, 0.002, step=0.001, format="%g")
        patience = four.number_input(
            "Patience", 1, 200, 5, help="Passes without improvement after which a model stops."
        )
    if warmup >= epochs:
        st.error("The warm-up must end before training does. Make it shorter, or add passes.")
        return None
    if not 0 < low < high:
        st.error("The weakest penalty must be above 0 and below the strongest. Change one of them.")
        return None
    if not between:
        st.error("Choose at least one attribute to be fair between.")
        return None
    grid = np.geomspace(low, high, int(steps))
    return SweepSpec(
        strengths=tuple(float(f"{s:.4g}") for s in grid),
        seeds=tuple(range(int(seeds))),
        penalty=penalty,
        partitions=tuple(between) if len(between) < len(partitions) else (),
        config=TrainingConfig(
            hidden=HIDDEN[hidden],
            epochs=int(epochs),
            learning_rate=rate,
            patience=int(patience),
            warmup_epochs=int(warmup),
            sharpness=sharpness,
        ),
        split_seed=SPLIT_SEED,
    )


def stored(review: Review, spec: SweepSpec) -> int:
    """How many of a sweep's models are trained already, and intact."""
    return len(intact(spec.trial_id(review.fingerprint, *trial) for trial in spec.trials))


def launch(review: Review, spec: SweepSpec) -> None:
    """Start a sweep in a process of its own; one that is answered from the store needs none."""
    try:
        if stored(review, spec) == len(spec.trials):
            reviews().add_sweep(review.id, spec.to_json())
        else:
            start_sweep(default_workspace(), review.id, spec)
        session().watched = spec.to_json()
    except FaircoreError as error:
        st.error(str(error))


@st.fragment(run_every=0.5)
def watch(review: Review, spec: SweepSpec) -> None:
    """Show how the running sweep stands; ends with a run of the whole page."""
    job = Job(default_workspace(), review.id, spec)
    state = job.state()
    if state.done:
        st.rerun()
    ready = stored(review, spec)
    st.progress(
        min(state.share, 1.0),
        text=f"{ready} of {state.wanted} models ready · {state.seconds:.0f} s",
    )
    with st.container(horizontal=True):
        if ready and st.button("See those that are ready"):
            st.switch_page("frontier.py")
        st.button("Stop", on_click=job.cancel)


def outcome(review: Review, spec: SweepSpec) -> None:
    """What became of the sweep that was launched last."""
    state = Job(default_workspace(), review.id, spec).state()
    ready, wanted = stored(review, spec), len(spec.trials)
    if state.state == "failed":
        st.error(state.message)
    elif state.state == "cancelled":
        st.info(f"Stopped. The {ready} models that were finished are kept; launch again to go on.")
    elif ready < wanted:
        st.warning(
            f"The training process ended before it was done. {ready} of {wanted} models are kept; "
            "launch again and only the rest is trained."
        )
    else:
        st.success(f"All {wanted} models are ready.")
    if ready and st.button("Compare the models", type="primary"):
        st.switch_page("frontier.py")


def latest(review: Review) -> None:
    """The sweep launched last, above the form: it is what one has come back to see."""
    text = session().watched or (review.sweeps[-1] if review.sweeps else "")
    if not text:
        return
    spec = SweepSpec.from_json(text)
    st.subheader("Latest sweep")
    between = ", ".join(spec.partitions) or "all groups"
    st.caption(
        f"{PENALTIES[spec.penalty].title}, between {between} · {len(spec.trials)} models, λ from "
        f"{spec.strengths[0]:g} to {spec.strengths[-1]:g}"
    )
    if Job(default_workspace(), review.id, spec).state().done:
        outcome(review, spec)
    else:
        watch(review, spec)
    st.divider()


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Train")
    if not review.data_spec.features:
        st.write(
            "This review has no features to learn from: it audits an existing system. Start a "
            "review with features to train models."
        )
        if st.button("See the audit", type="primary"):
            st.switch_page("audit.py")
        st.stop()
    st.write(
        "Each strength λ gives one model: 0 cares for accuracy alone, more pays more accuracy for "
        "a smaller gap. You compare them on the next page."
    )
    latest(review)
    spec = sweep_form([" × ".join(p) for p in review.data_spec.partitions])
    if spec is None:
        return
    done, wanted = stored(review, spec), len(spec.trials)
    note = f"{wanted} models, λ = 0 included."
    if done:
        note += f" {done} of them are trained already and will not be trained again."
    st.caption(note)
    st.button("Launch", type="primary", on_click=launch, args=(review, spec))


main()
