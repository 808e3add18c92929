"""Changed decisions in words: the plain sentence first."""

from __future__ import annotations

from typing import Any

import pandas as pd

CHANCE = 0.05
PER = "1,000"


def whole_sentence(row: pd.Series[Any], unit: str) -> str:
    """Of everybody: how many decisions change, which way, and what that is worth."""
    gained, lost = row["gained"], row["lost"]
    both = _number(round(gained) + round(lost))  # the sum of what is told
    told = (
        f"Of {PER} applicants, {both} decisions change: {_are(gained)} selected "
        f"who {_were(gained)} refused, {_are(lost)} refused who {_were(lost)} selected."
    )
    parts = [
        f"{100 * share:.0f} % of those who {verb} have the good outcome"
        for share, verb in ((row["gained_good"], "gain"), (row["lost_good"], "lose"))
        if not pd.isna(share)
    ]
    told += f" {'; '.join(parts)}." if parts else ""
    if "worth" in row and not pd.isna(row["worth"]):
        of = f" {unit}" if unit else ""
        told += (
            f" Worth per {PER}: {row['worth']:+,.0f}{of} "
            f"({row['worth_low']:+,.0f} to {row['worth_high']:+,.0f})."
        ).replace("-", "−")
    return told


def group_sentences(table: pd.DataFrame) -> list[str]:
    """One for each group that is shown, the worst affected first."""
    shown = table[table["gained"].notna()]  # neither withheld nor empty
    order = shown["net"].sort_values(kind="stable").index
    return [_group(str(name), shown.loc[name]) for name in order]


def _group(name: str, row: pd.Series[Any]) -> str:
    gained, lost, net = row["gained"], row["lost"], row["net"]
    if not gained and not lost:
        return f"{name}: no decision changes."
    more = "more" if net > 0 else "fewer"
    change = (
        "as many gain as lose"
        if round(abs(net)) == 0
        else f"{_number(abs(net))} {more} are selected"
    )
    chance = " This may be chance." if row["p_value"] >= CHANCE else ""
    return (
        f"{name}: of {PER} applicants, {_number(gained)} gain a yes and {_number(lost)} lose one; "
        f"{change} ({_signed(row['net_low'])} to {_signed(row['net_high'])}).{chance}"
    )


def _number(value: float) -> str:
    return "under 1" if 0 < value < 0.95 else f"{value:,.0f}"


def _signed(value: float) -> str:
    return f"{value:+,.0f}".replace("-", "−")


def _are(value: float) -> str:
    return f"{_number(value)} {'is' if round(value) == 1 else 'are'}"


def _were(value: float) -> str:
    return "was" if round(value) == 1 else "were"
