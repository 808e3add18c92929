"""What becomes of a launch: progress, learning curves, and how it ended."""

from __future__ import annotations

import streamlit as st

from faircore.jobs import Job, read_curves
from faircore.penalties import PENALTIES
from faircore.plans import SweepPlan
from faircore.plots import METHOD_NAMES
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.learning import learning_curves
from pages.components.loading import intact
from pages.components.session import session
from pages.components.words import plain


def stored(review: Review, plan: SweepPlan) -> int:
    """How many of a plan's models are trained already, and intact."""
    return len(intact(plan.trial_ids(review.fingerprint)))


def latest(review: Review) -> None:
    """What was launched last, above the form: it is what one has come back to see."""
    text = session().watched or (review.sweeps[-1] if review.sweeps else "")
    if not text:
        return
    plan = SweepPlan.from_json(text)
    first = plan.sweeps[0]
    st.subheader("Latest training")
    between = plain(", ".join(first.partitions)) or "all groups"
    methods = ", ".join(METHOD_NAMES[spec.method].lower() for spec in plan.sweeps)
    st.caption(
        f"{PENALTIES[first.penalty].title}, between {between} · {plan.n_steps:,} models: {methods}"
    )
    if Job(default_workspace(), review.id, plan).state().done:
        _outcome(review, plan)
    else:
        _watch(review, plan)
    st.divider()


@st.fragment(run_every=0.7)
def _watch(review: Review, plan: SweepPlan) -> None:
    """Show how the running training stands; ends with a run of the whole page."""
    job = Job(default_workspace(), review.id, plan)
    state = job.state()
    if state.done:
        st.rerun()
    ready = stored(review, plan)
    st.progress(
        min(state.share, 1.0),
        text=f"{ready:,} of {state.wanted:,} models ready · {state.seconds:.0f} s",
    )
    with st.container(horizontal=True):
        if ready and st.button("See those that are ready"):
            st.switch_page("frontier.py")
        st.button("Stop", on_click=job.cancel)
    curves = read_curves(job.folder)
    names = {i: name for i, name in trial_names(review, plan).items() if i in curves}
    if not names:
        return
    # The one that asks for the most is the one that is hardest to train.
    options = list(names)
    trial = st.selectbox(
        "Learning curves of", options, index=len(options) - 1, key="curves-of",
        format_func=lambda i: names.get(i, i),
    )  # fmt: skip
    if trial in curves:
        learning_curves(
            curves[trial], key="curves", alt=f"Loss and gap after each pass of {names[trial]}"
        )


def _outcome(review: Review, plan: SweepPlan) -> None:
    state = Job(default_workspace(), review.id, plan).state()
    ready, wanted = stored(review, plan), len(plan.trial_ids(review.fingerprint))
    if state.state == "failed":
        st.error(state.message)
    elif state.state == "cancelled":
        st.info(
            f"Stopped. The {ready:,} models that were finished are kept; launch again to go on."
        )
    elif ready < wanted:
        st.warning(
            f"The training process ended before it was done. {ready:,} of {wanted:,} models are "
            "kept; launch again and only the rest is trained."
        )
    else:
        st.success(f"All {wanted:,} models are ready.")
    if ready and st.button("Compare the models", type="primary"):
        st.switch_page("frontier.py")


def trial_names(review: Review, plan: SweepPlan) -> dict[str, str]:
    """What each trial of a plan is called, by its id."""
    names = {}
    for spec in plan.sweeps:
        asked = sorted(spec.trials, key=lambda trial, plain=spec.kind.plain: abs(trial[0] - plain))
        for strength, seed in asked:
            name = f"{METHOD_NAMES[spec.method]} · {spec.kind.strength_text(strength)}"
            if len(spec.seeds) > 1:
                name += f" · seed {seed}"
            names[spec.trial_id(review.fingerprint, strength, seed)] = name
    return names
