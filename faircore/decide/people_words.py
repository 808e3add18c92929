"""Changed decisions in words: the plain sentence first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from faircore.numerals import number, percent

CHANCE = 0.05


def whole_sentence(row: pd.Series[Any], unit: str, per: int) -> str:
    """Of everybody: how many decisions change, which way, and what that is worth."""
    gained, lost = row["gained"], row["lost"]
    told = (
        f"Of {per:,} applicants, {_total(gained, lost)} change: {_people(gained)} selected who "
        f"{_were(gained)} refused, {_people(lost)} refused who {_were(lost)} selected."
    )
    parts = [
        f"{percent(share)} of those who {verb} have the good outcome"
        for share, verb in ((row["gained_good"], "gain"), (row["lost_good"], "lose"))
        if not pd.isna(share)
    ]
    told += f" {'; '.join(parts)}." if parts else ""
    if "worth" in row and not pd.isna(row["worth"]):
        of = f" {unit}" if unit else ""
        told += (
            f" Worth per {per:,}: {_signed(row['worth'])}{of} "
            f"({_signed(row['worth_low'])} to {_signed(row['worth_high'])})."
        )
    return told


def group_sentences(table: pd.DataFrame, per: int) -> list[str]:
    """One for each group that is shown, the worst affected first; the others in a last one."""
    shown = table[table["gained"].notna()]
    order = shown["net"].sort_values(kind="stable").index
    told = [_group(str(name), shown.loc[name], per) for name in order]
    few = [str(name) for name in table.index[table["gained"].isna() & (table["people"] != 0)]]
    return [*told, *([f"Too few people to judge: {', '.join(few)}."] if few else [])]


def _group(name: str, row: pd.Series[Any], per: int) -> str:
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
        f"{name}: of {per:,} applicants, {_number(gained)} gain a yes and {_number(lost)} lose "
        f"one; {change} ({_signed(row['net_low'])} to {_signed(row['net_high'])}).{chance}"
    )


def _number(value: float) -> str:
    return "under 1" if 0 < value < 0.95 else number(value, 0)


def _signed(value: float) -> str:
    return number(value, 0, signed=True)


def _total(gained: float, lost: float) -> str:
    """The sum of the two numbers as they are written, so that the sentence adds up."""
    total = round(gained) + round(lost) if min(gained, lost) >= 0.95 else gained + lost
    return f"{_number(total)} decision{'' if round(total) == 1 else 's'}"


def _people(value: float) -> str:
    one = round(value) == 1 and value >= 0.95
    return f"{_number(value)} {'person is' if one else 'people are'}"


def _were(value: float) -> str:
    return "was" if round(value) == 1 and value >= 0.95 else "were"
