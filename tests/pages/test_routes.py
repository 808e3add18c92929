from __future__ import annotations

import asyncio
import io
import re
import shutil
import sqlite3
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from faircore.decide import OperatingPoint, decide
from faircore.export.bundle import export_bundle, load_bundle
from faircore.export.chosen import bundle_of_review
from faircore.records import Review, ReviewStore, frontier_of_review
from pages.routes import ROUTES


class Client:
    """Asks the routes as a server would, without one."""

    def request(self, method: str, path: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(Starlette(routes=ROUTES))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path)

        # In a thread of its own: the browser tests may have left a loop running in this one.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(ask())).result()

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def decided(fresh: tuple[Path, Review], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Review]:
    workspace, review = fresh
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(workspace))
    choose(workspace, review, 0)
    lay(workspace, review)
    return fresh


def rename(workspace: Path, review: Review, name: str) -> None:
    """Give a review another name behind the record's back."""
    with closing(sqlite3.connect(workspace / "records.sqlite")) as raw, raw:
        raw.execute("DROP TRIGGER reviews_no_update")
        raw.execute("UPDATE reviews SET name = ? WHERE id = ?", (name, review.id))


def choose(workspace: Path, review: Review, k: int) -> str:
    frontier = frontier_of_review(workspace, review.id)
    point = OperatingPoint(frontier.candidates[k].id, 0.5)
    decide(workspace, review.id, point, frontier=frontier, who="Ada", reason="r")
    return point.candidate


def lay(workspace: Path, review: Review) -> Path:
    """Put the bundle where the Export page puts it."""
    store = ReviewStore(workspace)
    path = store.bundle_path(store.get(review.id))
    return export_bundle(bundle_of_review(workspace, review.id), path)


def test_a_decided_review_sends_its_bundle(decided: tuple[Path, Review], client: Client) -> None:
    workspace, review = decided
    answer = client.get(f"/files/bundle/{review.id}")
    assert answer.status_code == 200
    store = ReviewStore(workspace)
    assert answer.content == store.bundle_path(store.get(review.id)).read_bytes()
    assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == 'attachment; filename="lending-trial.zip"'


@pytest.mark.parametrize(
    "path",
    ["000000000000", "..", "../records.sqlite", "%2e%2e%2freviews", "..%2f..%2fetc%2fpasswd", "%00",
     "0123456789ab%0a", "0123456789AB", "*", "%F0%9F%98%80", ""],
)  # fmt: skip
def test_what_is_no_review_is_not_found(
    path: str, decided: tuple[Path, Review], client: Client
) -> None:
    answer = client.get(f"/files/bundle/{path}")
    assert answer.status_code == 404
    assert str(decided[0]) not in answer.text


def test_an_undecided_review_has_nothing_to_send(
    fresh: tuple[Path, Review], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = fresh
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(workspace))
    for n in range(3):
        (ReviewStore(workspace).path(review.id) / f"bundle-{n}.zip").write_bytes(b"left behind")
    answer = client.get(f"/files/bundle/{review.id}")
    assert answer.status_code == 404
    assert "left behind" not in answer.text


def test_a_damaged_record_sends_nothing(decided: tuple[Path, Review], client: Client) -> None:
    workspace, review = decided
    (workspace / "records.sqlite").write_bytes(b"no database" * 1000)
    assert client.get(f"/files/bundle/{review.id}").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_sent_there(
    method: str, decided: tuple[Path, Review], client: Client
) -> None:
    assert client.request(method, f"/files/bundle/{decided[1].id}").status_code == 405


def test_a_superseded_model_is_never_sent(
    decided: tuple[Path, Review], client: Client, tmp_path: Path
) -> None:
    """Whoever kept the link must not get the model that was decided against."""
    workspace, review = decided
    chosen = choose(workspace, review, 5)  # and nobody has opened the Export page since
    answer = client.get(f"/files/bundle/{review.id}")
    if answer.status_code == 404:
        return
    (tmp_path / "got.zip").write_bytes(answer.content)
    assert load_bundle(tmp_path / "got.zip").facts["candidate"] == chosen


@pytest.mark.parametrize("name", ['a"; filename="evil.exe', "a\r\nSet-Cookie: x=1", "Ärzte", "///"])
def test_a_name_never_becomes_a_header(
    name: str, decided: tuple[Path, Review], client: Client
) -> None:
    workspace, review = decided
    rename(workspace, review, name)
    answer = client.get(f"/files/bundle/{review.id}")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    sent = answer.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="[a-z0-9-]+\.zip"', sent)


# --- the audit


@pytest.fixture
def audited(
    trained: tuple[Path, Review], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Review]:
    """A review with a written audit, as the Audit page leaves it."""
    workspace = tmp_path / "audited"
    shutil.copytree(trained[0], workspace)
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(workspace))
    store = ReviewStore(workspace)
    for suffix in ("html", "json"):
        store.audit_path(trained[1], suffix).write_text(f"the {suffix}")
    return workspace, trained[1]


@pytest.mark.parametrize(
    ("suffix", "kind"), [("html", "text/html; charset=utf-8"), ("json", "application/json")]
)
def test_a_written_audit_is_sent(
    suffix: str, kind: str, audited: tuple[Path, Review], client: Client
) -> None:
    answer = client.get(f"/files/audit/{audited[1].id}.{suffix}")
    assert (answer.status_code, answer.text) == (200, f"the {suffix}")
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    # Attached, so that a page made from somebody's data never runs beside the dashboard.
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="lending-trial-audit.{suffix}"'
    )


@pytest.mark.parametrize(
    "path",
    ["000000000000.html", "{id}", "{id}.", "{id}.HTML", "{id}.zip", "{id}.html.json",
     "{id}.html%00",
     "{id}%00.html", "{id}.html%0a", "{id}%0a.html", "{id}/audit.html",
     "../{id}.html", "..%2f..%2freviews%2f{id}.html", "{id}%2f..%2f{id}.html", "{id}.%2e%2e%2fx",
     "*.html", "%F0%9F%98%80.html", ".html", "records.sqlite", "{id}%2ftable.parquet",
     "{ID}.html", ""],
)  # fmt: skip
def test_what_is_no_audit_is_not_found(
    path: str, audited: tuple[Path, Review], client: Client
) -> None:
    workspace, review = audited
    asked = path.replace("{id}", review.id).replace("{ID}", f"{review.id.upper()}X")
    answer = client.get(f"/files/audit/{asked}")
    assert answer.status_code == 404
    assert str(workspace) not in answer.text
    assert "the html" not in answer.text


def test_an_audit_nobody_wrote_is_not_found(
    trained: tuple[Path, Review], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(trained[0]))
    for suffix in ("html", "json"):
        assert client.get(f"/files/audit/{trained[1].id}.{suffix}").status_code == 404


def test_a_damaged_record_sends_no_audit(audited: tuple[Path, Review], client: Client) -> None:
    workspace, review = audited
    (workspace / "records.sqlite").write_bytes(b"no database" * 1000)
    assert client.get(f"/files/audit/{review.id}.html").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_no_audit_can_be_sent_there(
    method: str, audited: tuple[Path, Review], client: Client
) -> None:
    assert client.request(method, f"/files/audit/{audited[1].id}.html").status_code == 405


@pytest.mark.parametrize("name", ['a"; filename="evil.exe', "a\r\nSet-Cookie: x=1", "Ärzte", "///"])
def test_a_name_never_becomes_a_header_of_an_audit(
    name: str, audited: tuple[Path, Review], client: Client
) -> None:
    workspace, review = audited
    rename(workspace, review, name)
    answer = client.get(f"/files/audit/{review.id}.html")
    assert "set-cookie" not in answer.headers
    sent = answer.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="[a-z0-9-]+-audit\.html"', sent)
