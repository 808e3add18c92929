"""An audit as a file: JSON for programs, one HTML page for people, both complete by themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from faircore.audit import (
    MEASURES,
    METRICS,
    USUAL,
    GroupReport,
    Wording,
    chance,
    figure_text,
    headlines,
    impossibility,
    inequality_sentence,
    measure_text,
    verdict,
)
from faircore.audit.check_words import TITLES, check_sentences
from faircore.errors import InputError
from faircore.files import plain, write_whole
from faircore.numerals import percent
from faircore.plots import group_intervals, impossibility_figure
from faircore.plots.colors import SAVED_COLORS

PICTURED = ("selection_rate", "true_positive_rate", "false_positive_rate")
"""Figures of which the page has a picture for each partition."""

_ACROSS = 5  # figures in one table

_STYLE = """
body{font:16px/1.55 system-ui,sans-serif;color:#22221f;background:#fff;max-width:60rem;
margin:2.5rem auto;padding:0 1.2rem}
h1{font-size:1.7rem;margin:0 0 .3rem}h2{font-size:1.25rem;margin:2.4rem 0 .6rem}
table{border-collapse:collapse;font-size:.88rem;width:100%;margin:.6rem 0 1.2rem}
th,td{padding:.3rem .6rem;border-bottom:1px solid #e3e2dd;text-align:right;vertical-align:top}
td{white-space:nowrap}th:first-child,td:first-child{text-align:left;white-space:normal}
thead th{border-bottom:1px solid #8a8a84}
.quiet{color:#63635e;font-size:.9rem}.out{font-weight:600}
@media print{body{margin:0}h2{break-after:avoid}table,.figure{break-inside:avoid}}
"""


@dataclass(frozen=True, eq=False)
class AuditPaper:
    """What goes into the file.

    Attributes
    ----------
    report : GroupReport
    title : str
        What was audited.
    source : str
        Where the rows came from.
    wording : Wording
    further : dict
        Results of other checks as plain data: proxies, switches, similar people, the outcome.
    rows : str
        Which rows were counted, in a sentence.
    """

    report: GroupReport
    title: str
    source: str
    wording: Wording = USUAL
    further: dict[str, Any] | None = None
    rows: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data; what is undefined, too few or withheld is ``None``."""
        report = self.report
        return {
            "faircore_audit": 1,
            "title": self.title,
            "source": self.source,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "rows": self.rows,
            "people": report.tally.n_rows,
            "weighted": report.tally.weighted,
            "confidence": report.confidence,
            "min_people": report.min_people,
            "reference": report.reference or "everybody",
            "headlines": headlines(report, wording=self.wording),
            "overall": _records(report.overall),
            "groups": _records(report.by_group),
            "disparities": _records(report.disparities),
            "words": {p.name: self._words(p.name) for p in report.partitions},
            "calibration": _records(report.calibration) if len(report.calibration) else [],
            "further": plain(self.further or {}),
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)

    def to_html(self) -> str:
        """One page that opens without a network; every text from the data is escaped."""
        report = self.report
        found = headlines(report, wording=self.wording)
        told = (
            _list(found)
            if found
            else "<p>No group differs from the others by more than chance.</p>"
        )
        sections = [self._partition(partition.name) for partition in report.partitions]
        reference = (
            "everybody"
            if not report.reference
            else ", ".join(f"{g} ({p})" for p, g in report.reference.items())
            + ("" if len(report.reference) == len(report.partitions) else ", elsewhere everybody")
        )
        return (
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
            f"<title>{escape(self.title)}</title><style>{_STYLE}</style>{_plotly()}</head><body>"
            f"<h1>{escape(self.title)}</h1><p class='quiet'>{escape(self.source)}, "
            f"{report.tally.n_rows:,} people. Groups are compared with {escape(reference)}; "
            "limits hold for all groups of a comparison at once, "
            f"{percent(report.confidence, None)}. Fewer than {report.min_people:.0f} people are "
            "not judged, nor is a group shown that would give them away. "
            f"{escape(self.rows)} Made on {datetime.now(UTC):%d %B %Y}.</p>"
            f"<h2>What stands out</h2>{told}<p class='quiet'>Named here is what remains with all "
            "groups and figures considered together: one in twenty may be a false alarm. A group "
            "that is not named is not proven to be treated fairly. Below, each row is judged by "
            "itself: of 20 between equal groups one says “more than chance”. A ratio of selection "
            f"below .80 breaks the four-fifths rule.</p>{''.join(sections)}"
            f"{self._checks()}"
            "</body></html>"
        )

    def _words(self, name: str) -> list[str]:
        """Every inequality of a partition in a sentence."""
        return [
            inequality_sentence(self.report, name, found, wording=self.wording)
            for found in self.report.inequalities[name]
        ]

    def _checks(self) -> str:
        """Further checks, in sentences."""
        parts = []
        for part, title in TITLES.items():
            found = (self.further or {}).get(part)
            if found:
                sentences = check_sentences(part, found)
                parts.append(f"<h2>{escape(title)}</h2>{_list(sentences)}")
        return "".join(parts)

    def _partition(self, name: str) -> str:
        report = self.report
        parts = [
            f"<h2>{escape(name)}</h2>",
            _disparity_table(report, name),
            f"<details><summary>In words</summary>{_list(self._words(name))}</details>",
        ]
        parts += [_figure(group_intervals(report, name, metric)) for metric in PICTURED]
        parts += [
            "<p class='quiet'>A dot is a group's figure, the thin line its interval, the grey bar "
            "where chance alone would put a group of its size. A diamond outside its bar stands "
            "out.</p>",
            _group_tables(report, name),
        ]
        limits = impossibility(report.tally, name, min_people=report.min_people)
        if limits is not None:
            parts.append("<p>What equalising one rate would do to the others:</p>")
            parts.append(_figure(impossibility_figure(limits)))
        return "".join(parts)


def write_paper(text: str, path: str | Path) -> Path:
    """Write a file whole or not at all.

    Raises
    ------
    InputError
        When the folder is missing or closed.
    """
    path = Path(path)
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise InputError(
            f"The audit could not be written to {path.name!r}: {error.strerror}. Choose a folder "
            "that exists and may be written to."
        ) from error
    return path


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(k): plain(v) for k, v in row.items()} for row in frame.reset_index().to_dict("records")
    ]


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script>"


def _figure(figure: Any) -> str:
    figure.update_layout(template="plotly_white", colorway=SAVED_COLORS)
    drawn = figure.to_html(
        full_html=False, include_plotlyjs=False, config={"displayModeBar": False}
    )
    return f"<div class='figure'>{drawn}</div>"


def _disparity_table(report: GroupReport, name: str) -> str:
    rows = []
    names = report.partition(name).group_names
    for found in report.inequalities[name]:
        pair = f"{names[found.lowest]} – {names[found.highest]}" if found.lowest >= 0 else "–"
        cells = [
            MEASURES[found.measure].title,
            measure_text(found.measure, found.value),
            measure_text(found.measure, found.by_chance),
            chance(found.p_value),
            verdict(found),
            pair,
        ]
        out = " class='out'" if verdict(found) == "more than chance" else ""
        rows.append(f"<tr{out}>" + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>")
    return _table(
        ["Measure", "Found", "By chance alone", "p-value", "Verdict", "Lowest – highest"], rows
    )


def _group_tables(report: GroupReport, name: str) -> str:
    """Every figure of every group, a few columns at a time so that nothing is cut on paper."""
    metrics = [m for m in METRICS if m in report.estimates.of]
    return "".join(
        _group_table(report, name, metrics[start : start + _ACROSS])
        for start in range(0, len(metrics), _ACROSS)
    )


def _group_table(report: GroupReport, name: str, metrics: list[str]) -> str:
    value, low, high, out = (
        report.table(name, column) for column in ("value", "low", "high", "stands_out")
    )
    rows = []
    for group in report.partition(name).group_names:
        cells = [group]
        for metric in metrics:
            shown = (float(t[metric][group]) for t in (value, low, high))
            cells.append(figure_text(metric, *shown, out=bool(out[metric][group])))
        rows.append("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>")
    units = [f"{METRICS[m].title}{', %' if METRICS[m].percent else ''}" for m in metrics]
    return _table(["Group", *units], rows)


def _list(sentences: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def _table(heads: list[str], rows: list[str]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
