"""How each chosen method learns: the settings most people leave as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from faircore.methods import METHODS
from faircore.penalties import PENALTIES, PenaltyOptions

HIDDEN: dict[str, tuple[int, ...]] = {
    "None (logistic regression)": (),
    "One layer of 64": (64,),
    "Two layers, 64 and 32": (64, 32),
}
VERSUS = {"overall": "everybody", "pairs": "each other group"}
RAMPS = {"linear": "evenly", "cosine": "gently", "step": "all at once"}
LOOKS = {"output": "the score", "representation": "the last hidden layer"}
KINDS = {"trees": "Boosted trees", "network": "A network"}
DECIDES = {
    "mean": "the mean of their scores",
    "vote": "their votes",
    "drawn": "one of them, by lot",
}
DRAWS = {"uniform": "at random", "preferential": "the doubtful first"}
UNSEEN = {"pooled": "as everybody", "refuse": "is refused"}
REPAIRS = [name for name, method in METHODS.items() if method.stage == "before"]
CUTS = [name for name, method in METHODS.items() if method.stage == "after" and not method.fixed]


def configs(
    chosen: list[str],
    sources: Mapping[str, str],
    penalty: str,
    *,
    several: bool,
    learns: bool,
) -> dict[str, Any] | None:
    """Ask for the configuration of each method; ``None`` with a word when one cannot be.

    Parameters
    ----------
    chosen : list of str
    sources : mapping of reference to name
        Models there are already, for what works around one.
    penalty : str
        The goal.
    several : bool
        Whether there are several seeds, so that a seed must decide something.
    learns : bool
        Whether there are features to learn from.
    """
    found: dict[str, Any] = {}
    around = {*REPAIRS, *CUTS, "reductions", "existing"} & {*chosen}
    base = _base(chosen, sources, penalty, learns=learns) if around else {}
    trees = "boosted" in chosen or base.get("kind") == "trees"
    networks = {"regularized", "lagrangian", "adversarial"} & {*chosen}
    shared = _network_settings() if networks or base.get("kind") == "network" else {}
    charged = _penalty_settings() if "regularized" in chosen else {}
    if charged and charged["warmup_epochs"] >= shared["epochs"]:
        st.error("The warm-up must end before training does. Make it shorter, or add passes.")
        return None
    grown = _tree_settings(several=several) if trees else {}
    plain = {
        "kind": base.get("kind") or "trees",
        "trees": grown if base.get("kind") == "trees" else {},
        "network": shared if base.get("kind") == "network" else {},
    }
    for name in chosen:
        if name == "regularized":
            found[name] = METHODS[name].config(**(shared | charged))
            continue
        config = _config(name, shared, grown, base, plain)
        if config is None:
            return None
        found[name] = config
    return found


def _base(
    chosen: list[str], sources: Mapping[str, str], penalty: str, *, learns: bool
) -> dict[str, Any]:
    """What repairs, mixtures and thresholds work around."""
    st.markdown("**The model that is repaired, mixed or cut**")
    one, two, three, last = st.columns(4)
    own = KINDS if learns and {*chosen} - {"existing"} else {}
    for_cuts = sources if {*CUTS, "existing"} & {*chosen} else {}
    picked = one.selectbox(
        "Model to work around",
        list(own),
        format_func=KINDS.__getitem__,
        help="Trained here for accuracy alone.",
    ) if own else ""  # fmt: skip
    found: dict[str, Any] = {"kind": picked, "source": "own", "existing": ""}
    if for_cuts:
        choices = (["own"] if learns and {*CUTS} & {*chosen} else []) + list(for_cuts)
        source = two.selectbox(
            "Score that is cut or compared",
            choices,
            index=len(choices) - len(for_cuts),
            format_func=lambda s: "The model to work around" if s == "own" else for_cuts[s],
        )
        found |= {"source": source, "existing": source if source != "own" else next(iter(for_cuts))}
    elif "existing" in chosen:
        two.caption("There is no model to compare with yet. Bring one below.")
    if "reductions" in chosen:
        found["mixture"] = three.selectbox(
            "The mixture decides by", list(DECIDES), format_func=DECIDES.__getitem__,
            help="The limit is promised for lots alone; the other two give everybody the same "
            "answer every time, and the gap they reach is measured.",
        )  # fmt: skip
    if "resampled" in chosen:
        found["how"] = last.selectbox("Resample", list(DRAWS), format_func=DRAWS.__getitem__)
    if {*CUTS} & {*chosen}:
        found |= _cut_settings(penalty)
    elif {"repaired", "decorrelated"} & {*chosen}:
        found["unseen"] = three.selectbox(
            "A group not seen", list(UNSEEN), format_func=UNSEEN.__getitem__
        )
    return found


def _cut_settings(penalty: str) -> dict[str, Any]:
    one, two, three, four = st.columns(4)
    costs = {
        "cost_false_yes": one.number_input("Cost of a wrong yes", 0.01, 1e3, 1.0, step=0.5),
        "cost_false_no": two.number_input("Cost of a wrong no", 0.01, 1e3, 1.0, step=0.5),
    }
    smallest = three.number_input(
        "Rows for a cut of its own", 0, 10_000, 20, help="Smaller groups share one cut."
    )
    unseen = four.selectbox("A group not seen", list(UNSEEN), format_func=UNSEEN.__getitem__)
    by_lot = st.checkbox(
        "People near a cut may be decided by lot",
        value=penalty == "equalized_odds",
        key=f"by-lot-{penalty}",
        help="On average over lots a limit is then met exactly on the rows the cuts are set on; "
        "the lots that fall can miss it where a group is small. Without lots, shares selected can "
        "be made nearly as equal; error rates cannot, but at a high cost.",
    )
    return costs | {"min_people": int(smallest), "unseen": unseen, "by_lot": by_lot}


def _config(
    name: str,
    shared: dict[str, Any],
    grown: dict[str, Any],
    base: dict[str, Any],
    plain: dict[str, Any],
) -> Any:
    """The configuration of one method; ``None`` with a word when it cannot be."""
    method = METHODS[name]
    if name == "boosted":
        return method.config(**grown)
    if name in ("lagrangian", "adversarial"):
        return _priced(shared) if name == "lagrangian" else _opponent(shared)
    if name == "existing":
        if not base["existing"]:
            st.error("Bring a model first, or leave out the comparison with one.")
            return None
        return method.config(source=base["existing"])
    asked = {k: v for k, v in base.items() if k not in ("kind", "existing")} | {"base": plain}
    return method.read_config(asked)


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


def _priced(shared: dict[str, Any]) -> Any:
    """Networks under a limit: prices need passes of their own number, so only two are shared."""
    default = METHODS["lagrangian"].config()
    training = replace(
        default.training, hidden=shared["hidden"], learning_rate=shared["learning_rate"]
    )
    return replace(default, training=training)


def _opponent(shared: dict[str, Any]) -> Any:
    st.markdown("**Opponent**")
    one, two, three, _ = st.columns(4)
    on = one.selectbox("It looks at", list(LOOKS), format_func=LOOKS.__getitem__)
    steps = int(two.number_input("Its steps per step", 1, 20, 3))
    epochs = int(three.number_input("Its passes", 4, 200, 20))
    if on == "representation" and not shared["hidden"]:
        st.error(
            "Without hidden layers there is no last hidden layer to look at. Add one, or let the "
            "opponent look at the score."
        )
        return None
    default = METHODS["adversarial"].config()
    training = replace(
        default.training,
        learning_rate=shared["learning_rate"],
        on=on,
        adversary_steps=steps,
        epochs=epochs,
    )
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


def _tree_settings(*, several: bool) -> dict[str, Any]:
    st.markdown("**Trees**")
    one, two, three, four, five = st.columns(5)
    found: dict[str, Any] = {
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
    if several:  # all rows in every tree leave a seed nothing to decide
        found["row_share"] = 0.8
        st.caption("With several seeds, each tree sees a random 80% of the rows.")
    return found


def penalty_options(penalty: str, *, crossed: bool) -> PenaltyOptions:
    """Ask how penalties compare groups."""
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
