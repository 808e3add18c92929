"""What to train: the goal, the methods, how strongly, and the details of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from faircore.methods import METHODS, Method
from faircore.penalties import PENALTIES, PenaltyOptions
from faircore.plans import SweepPlan, SweepSpec
from pages.components.loading import SPLIT_SEED

HIDDEN: dict[str, tuple[int, ...]] = {
    "None (logistic regression)": (),
    "One layer of 64": (64,),
    "Two layers, 64 and 32": (64, 32),
}

VERSUS = {"overall": "everybody", "pairs": "each other group"}
RAMPS = {"linear": "evenly", "cosine": "gently", "step": "all at once"}
LOOKS = {"output": "the score", "representation": "the last hidden layer"}


def plan_form(partitions: list[str]) -> SweepPlan | None:
    """Ask what to train; ``None`` while the answers contradict each other."""
    left, right = st.columns(2)
    penalty = left.selectbox(
        "What fair means here", list(PENALTIES), key="goal",
        format_func=lambda p: PENALTIES[p].title,
    )  # fmt: skip
    left.caption(PENALTIES[penalty].sentence)
    between = right.multiselect("Between the groups of", partitions, default=partitions[:1])
    right.caption("Attributes crossed with × are groups of their own.")
    st.markdown("##### How to get there")
    able = [name for name, method in METHODS.items() if penalty in method.goals]
    chosen = [name for name in able if _offer(name, METHODS[name], penalty)]
    unable = [METHODS[name].title for name in METHODS if name not in able]
    if unable:
        st.caption(f"Not for this goal: {'; '.join(unable)}.")
    if not chosen:
        st.error("Choose at least one way to get there.")
        return None
    if not between:
        st.error("Choose at least one attribute to be fair between.")
        return None
    seeds = st.columns(4)[0].number_input(
        "Seeds", 1, 20, 1, help="Each strength is trained from several starts, to see the luck."
    )
    with st.expander("How each of them learns"):
        shared = _network_settings() if set(chosen) - {"boosted"} else {}
        configs = {name: _config(name, shared, several=seeds > 1) for name in chosen}
    with st.expander("How groups are compared while learning"):
        options = _options(penalty, crossed=any(" × " in name for name in between))
    if any(config is None for config in configs.values()):
        return None
    sweeps = []
    for name in chosen:
        strengths = _strengths(name, penalty)
        if strengths is None:
            return None
        sweeps.append(
            SweepSpec(
                strengths=strengths,
                seeds=tuple(range(int(seeds))),
                method=name,
                penalty=penalty,
                partitions=tuple(between) if len(between) < len(partitions) else (),
                config=configs[name],
                options=options if METHODS[name].takes_options else PenaltyOptions(),
                split_seed=SPLIT_SEED,
            )
        )
    return SweepPlan(tuple(sweeps))


def _offer(name: str, method: Method, penalty: str) -> bool:
    """One method with its range of strengths, side by side; whether it is wanted."""
    what, low, high, steps = st.columns([4, 2, 2, 2], vertical_alignment="top")
    wanted = what.checkbox(f"**{method.title}**", value=name == "regularized", key=f"use-{name}")
    what.caption(method.sentence)
    if not wanted:
        return False
    weakest, strongest = method.strengths(penalty)
    scale, unit, step = (100, ", points", 0.5) if method.targets else (1, "", 0.1)
    first, last = (
        ("Widest gap", "Narrowest gap") if method.targets else ("Weakest λ", "Strongest λ")
    )
    low.number_input(
        f"{first}{unit}",
        0.0,
        1e4,
        weakest * scale,
        step=step,
        format="%g",
        key=f"low-{name}-{penalty}",
    )
    high.number_input(
        f"{last}{unit}",
        0.0,
        1e4,
        strongest * scale,
        step=step,
        format="%g",
        key=f"high-{name}-{penalty}",
    )
    steps.number_input("Models", 2, 200, 6 if method.targets else 12, key=f"steps-{name}")
    return True


def _strengths(name: str, penalty: str) -> tuple[float, ...] | None:
    """A geometric grid between both ends; ``None`` with a word when they make none."""
    method = METHODS[name]
    low, high = (st.session_state[f"{end}-{name}-{penalty}"] for end in ("low", "high"))
    if method.targets:
        low, high = low / 100, high / 100
        if not 0 < high < low <= 1:
            st.error(
                "The narrowest gap must be above 0 and below the widest, which is at most 100 "
                "points. Change one of them."
            )
            return None
    elif not 0 < low < high:
        st.error("The weakest penalty must be above 0 and below the strongest. Change one of them.")
        return None
    grid = np.geomspace(low, high, int(st.session_state[f"steps-{name}"]))
    return tuple(float(f"{s:.4g}") for s in grid)


def _network_settings() -> dict[str, Any]:
    """What all networks share."""
    st.markdown("**Networks**")
    one, two, three, four = st.columns(4)
    hidden = one.selectbox("Hidden layers", list(HIDDEN), index=1)
    return {
        "hidden": HIDDEN[hidden],
        "epochs": int(two.number_input("Passes over the data", 1, 200, 20)),
        "learning_rate": three.number_input(
            "Learning rate", 1e-5, 1.0, 0.002, step=0.001, format="%g"
        ),
        "patience": int(
            four.number_input(
                "Patience", 1, 200, 5, help="Passes without improvement after which a model stops."
            )
        ),
    }


def _config(name: str, shared: dict[str, Any], *, several: bool) -> Any:
    """The configuration of one method; ``None`` with a word when it cannot be."""
    method = METHODS[name]
    own: dict[str, Any] = {}
    if name == "regularized":
        own = _penalty_settings()
        if own["warmup_epochs"] >= shared["epochs"]:
            st.error("The warm-up must end before training does. Make it shorter, or add passes.")
            return None
    elif name == "boosted":
        own = _tree_settings()
        if several:  # all rows in every tree leave a seed nothing to decide
            own["row_share"] = 0.8
            st.caption("With several seeds, each tree sees a random 80 % of the rows.")
    elif name == "adversarial":
        st.markdown("**Opponent**")
        one, two, three, _ = st.columns(4)
        own = {
            "on": one.selectbox("It looks at", list(LOOKS), format_func=LOOKS.__getitem__),
            "adversary_steps": int(two.number_input("Its steps per step", 1, 20, 3)),
            "epochs": int(three.number_input("Its passes", 4, 200, 20)),
        }
    if name == "boosted":
        return method.config(**own)
    if name == "regularized":
        return method.config(**(shared | own))
    # Multipliers and opponents need passes of their own number, so only these two are shared.
    default, rate = method.config(), {"learning_rate": shared["learning_rate"]}
    if name == "lagrangian":
        return replace(default, training=replace(default.training, hidden=shared["hidden"], **rate))
    if own["on"] == "representation" and not shared["hidden"]:
        st.error(
            "Without hidden layers there is no last hidden layer to look at. Add one, or let the "
            "opponent look at the score."
        )
        return None
    training = replace(default.training, **rate, **own)
    return replace(default, hidden=shared["hidden"], training=training)


def _penalty_settings() -> dict[str, Any]:
    one, two, three, _ = st.columns(4)
    return {
        "warmup_epochs": int(
            one.number_input(
                "Warm-up passes", 0, 199, 0,
                help="The penalty rises to its strength over these passes.",
            )
        ),
        "ramp": two.selectbox("It rises", list(RAMPS), format_func=RAMPS.__getitem__),
        "sharpness": three.number_input(
            "Sharpness", 0.5, 10.0, 1.0, step=0.5,
            help="Above 1, the penalty looks at scores as if they were nearly decisions.",
        ),
    }  # fmt: skip


def _tree_settings() -> dict[str, Any]:
    st.markdown("**Trees**")
    one, two, three, four, five = st.columns(5)
    return {
        "n_rounds": int(one.number_input("Trees at most", 10, 5000, 200, step=50)),
        "n_leaves": int(two.number_input("Leaves of a tree", 2, 1024, 31)),
        "learning_rate": three.number_input(
            "Step of a tree", 0.001, 1.0, 0.1, step=0.01, format="%g"
        ),
        "min_rows": int(four.number_input("Rows in a leaf", 1, 10_000, 20)),
        "patience": int(
            five.number_input(
                "Rounds to wait",
                0,
                5000,
                20,
                help="Rounds without improvement after which a model stops; 0 never stops it.",
            )
        ),
    }


def _options(penalty: str, *, crossed: bool) -> PenaltyOptions:
    usual = 0 if PENALTIES[penalty].by_share else 20
    one, two, three, four = st.columns(4)
    versus = one.selectbox(
        "Compare a group with", list(VERSUS), format_func=VERSUS.__getitem__,
        help="Everybody is the usual choice; with few groups, each other group follows the "
        "widest gap more closely.",
    )  # fmt: skip
    small = two.number_input(
        "A group counts half at, rows", 0, 10_000,
        usual, key=f"small-{penalty}",
        help="Rows learned from at a time: of a batch, or all of them for trees. Fewer rows count "
        "less, so that noise does not steer. 0 trusts every group in full.",
    )  # fmt: skip
    weight = three.number_input(
        "Weight of crossed groups", 0.0, 10.0, 1.0, step=0.1, disabled=not crossed,
        help="Below 1, each attribute alone comes first.",
    )  # fmt: skip
    memory = four.number_input(
        "Memory of earlier batches", 0.0, 0.99, 0.0, step=0.1,
        help="Above 0, rates of groups that are rare in a batch are carried from batch to batch. "
        "Trees look at all rows at once and need none.",
    )  # fmt: skip
    return PenaltyOptions(
        versus=versus,
        small_group=None if small == usual else float(small),
        crossed_weight=float(weight),
        memory=float(memory),
    )
