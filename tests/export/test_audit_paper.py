from __future__ import annotations

import json
import re
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faircore.audit import METRICS, GroupReport, Wording, group_report, headlines
from faircore.errors import InputError
from faircore.export.audit_paper import AuditPaper, write_paper

LOANS = Wording("who would repay", "who would not repay", "approved", "turned down")


class Page(HTMLParser):
    """What a browser would fetch, and the text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.quiet = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.quiet += tag in ("script", "style")
        for name, value in attrs:
            if name in ("src", "href", "data", "action", "srcset", "poster", "background"):
                self.fetched.append(value or "")
            if name == "style" and "url(" in (value or ""):
                self.fetched.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.quiet -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.quiet:
            self.text.append(data)


def made(
    names: list[str] | None = None, *, n: int = 900, decisions: bool = False, **options: Any
) -> GroupReport:
    """Four groups, the last of six people; the first is selected rarely."""
    rng = np.random.default_rng(0)
    names = names or ["a", "b", "c", "x"]
    # The third group is the smallest that is large enough: it hides with the fourth.
    g = np.array(names)[np.r_[np.arange(n - 6) % 8 % 5 % 3, [3] * 6]]
    y = rng.integers(0, 2, n)
    s = np.clip(rng.normal(0.4 + 0.2 * y - 0.15 * (g == names[0]), 0.2), 0.01, 0.99)
    what = {"y_pred": s > 0.5} if decisions else {"y_score": s}
    return group_report(y, **what, sensitive_features={"sex": g}, **options)


def paper(report: GroupReport, **options: Any) -> AuditPaper:
    return AuditPaper(report, "Loans", "loans.csv", **options)


def test_json_has_everything_and_is_read_back() -> None:
    report = made()
    text = paper(report, wording=LOANS).to_json()
    assert not re.search(r"\b(NaN|Infinity)\b", text)
    document = json.loads(text)
    assert json.dumps(document, ensure_ascii=False, indent=1) == text
    assert (document["title"], document["source"]) == ("Loans", "loans.csv")
    assert document["people"] == 900
    assert document["reference"] == "everybody"
    assert document["headlines"] == headlines(report, wording=LOANS)
    assert any("approved" in sentence for sentence in document["headlines"])
    rows = {(r["partition"], r["group"], r["metric"]): r for r in document["groups"]}
    assert len(rows) == len(report.by_group)
    for key, row in report.by_group.iterrows():
        for column in ("value", "low", "high", "gap", "p_value", "stands_out"):
            written, own = rows[key][column], row[column]
            assert (written is None) if own != own else written == pytest.approx(own)
    found = {r["measure"]: r["value"] for r in document["disparities"]}
    own = report.disparities.loc["sex", "value"]
    assert found == {k: None if v != v else pytest.approx(v) for k, v in own.items()}
    assert {r["group"] for r in document["calibration"]} == {"a", "b", "c", "x"}
    assert "calibration" in paper(made(decisions=True)).to_dict()


def test_a_named_reference_is_said() -> None:
    report = made(reference={"sex": "b"})
    assert paper(report).to_dict()["reference"] == {"sex": "b"}
    assert "compared with b (sex)" in " ".join(Page(paper(report).to_html()).text)


def test_no_row_is_in_the_paper() -> None:
    report = made()
    text = paper(report).to_json()
    document = json.loads(text)

    def longest(value: Any) -> int:
        if isinstance(value, dict):
            return max(map(longest, value.values()), default=0)
        if isinstance(value, list):
            return max(len(value), max(map(longest, value), default=0))
        return 0

    assert longest(document) <= max(4 * len(METRICS), 100) < 900
    assert len(paper(made(n=1800)).to_json()) < 1.2 * len(text)
    # Scores have sixteen digits; those of a row would be found as they are.
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 900)
    s = rng.normal(0.4 + 0.2 * y, 0.2)
    assert not any(repr(float(v)) in text for v in s[:100])


def test_the_page_opens_without_a_network() -> None:
    html = paper(made()).to_html()
    page = Page(html)
    assert html.startswith("<!doctype html>")
    assert [f for f in page.fetched if not f.startswith("#")] == []
    assert not {"link", "iframe", "img", "object", "embed", "base"} & set(page.tags)
    assert "@import" not in html.split("</style>")[0]
    assert "url(" not in html.split("</style>")[0]
    assert page.tags.count("script") > 3
    assert page.quiet == 0


def test_the_page_says_what_was_found() -> None:
    report = made()
    html = paper(report, wording=LOANS).to_html()
    text = " ".join(Page(html).text)
    for sentence in headlines(report, wording=LOANS):
        assert sentence in text
    assert "Loans" in text
    assert "loans.csv, 900 people" in text
    value = report.table("sex")["selection_rate"]["a"]
    low, high = (report.table("sex", c)["selection_rate"]["a"] for c in ("low", "high"))
    assert f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]" in text
    assert "nan" not in text.lower().split()
    equal = group_report(
        np.tile([0, 1], 100), np.tile([0, 0, 1, 1], 50),
        sensitive_features={"sex": ["a"] * 100 + ["b"] * 100},
    )  # fmt: skip
    assert "No group differs" in paper(equal).to_html()


def test_confidence_is_said_as_it_is() -> None:
    for confidence, text in ((0.95, "95%"), (0.9, "90%"), (0.995, "99.5%")):
        said = " ".join(Page(paper(made(confidence=confidence)).to_html()).text)
        assert f"at once, {text}." in said


@pytest.mark.parametrize(
    "name",
    ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a & b", "\"><b>'",
     "**bold** | _x_", "%{x} {y}"],
)  # fmt: skip
def test_names_are_text(name: str) -> None:
    report = made([name, "b", "c", "x"])
    safe = Page(paper(made()).to_html())
    html = AuditPaper(report, f"Loans {name}", f"{name}.csv").to_html()
    page = Page(html)
    assert page.tags == safe.tags
    assert page.fetched == safe.fetched
    assert f"Loans {name}" in page.text
    assert any(name in told for told in page.text if "people in group" in told)
    body = html.split("<body>")[1]
    if escape(name) != name:
        assert "<img src=x" not in body
        assert "<script>alert" not in body
    assert name in unescape(body)
    assert json.loads(AuditPaper(report, name, name).to_json())["title"] == name
    # Texts know nothing of HTML.
    assert any(f"group {name}" in s for s in paper(report).to_dict()["headlines"])


def test_a_small_group_is_named_and_nothing_more() -> None:
    report = made()
    hidden = [g for g, h in zip(report.partition("sex").group_names, report.hidden, strict=True)
              if h]  # fmt: skip
    assert hidden == ["c", "x"]
    html = paper(report).to_html()
    for name in hidden:
        for row in re.findall(rf"<tr><td>{name}</td>(.*?)</tr>", html):
            assert set(re.findall(r"<td>(.*?)</td>", row)) == {"–"}
    document = paper(report).to_dict()
    for row in document["groups"]:
        if row["group"] in hidden:
            assert {v for k, v in row.items() if k not in ("partition", "group", "metric")} <= {
                None,
                False,
            }
    for row in document["disparities"]:
        assert not {row["lowest"], row["highest"]} & set(hidden)
    for sentence in [*document["headlines"], *document["words"]["sex"]]:
        assert not any(f"group {name}" in sentence for name in hidden)


def test_further_checks_are_told_in_both() -> None:
    further = {"outcome": {"answers": {"proxy": "yes", "judged": "no"}}}
    one = paper(made(), further=further)
    assert json.loads(one.to_json())["further"] == further
    assert "stand-in" in " ".join(Page(one.to_html()).text)


@pytest.mark.parametrize("value", [float("nan"), np.float64("nan"), np.float64(0.5), np.int64(2)])
def test_numbers_of_further_checks_are_plain(value: Any) -> None:
    text = paper(made(), further={"other": {"value": value, "list": [value]}}).to_json()
    found = json.loads(text)["further"]["other"]["value"]
    assert found is None if value != value else found == value


def test_a_paper_is_written_whole(tmp_path: Path) -> None:
    path = write_paper("été — ◆", tmp_path / "audit.html")
    assert path.read_text(encoding="utf-8") == "été — ◆"
    with pytest.raises(InputError, match=r"audit\.html"):
        write_paper("x", tmp_path / "absent" / "audit.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder"):
        write_paper("x", tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audit.html", "folder"]
