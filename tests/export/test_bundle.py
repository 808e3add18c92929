from __future__ import annotations

import hashlib
import json
import struct
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faircore.data import Dataset, Table, build_dataset, load_sample, make_lending
from faircore.decide import Decision, OperatingPoint, decide
from faircore.errors import BundleError
from faircore.export.bundle import Bundle, export_bundle, load_bundle
from faircore.export.chosen import bundle_of_review
from faircore.export.reader import RowReader
from faircore.metrics import confusion_counts
from faircore.records import Review, ReviewStore, frontier_of_review
from faircore.shelf import read_predictor
from faircore.training import Prepared
from tests.conftest import make_trained

PARTS = ("bundle.json", "encoder.json", "model.safetensors", "model_card.md")


def choose(workspace: Path, review: Review, *, threshold: float = 0.6) -> Decision:
    frontier = frontier_of_review(workspace, review.id)
    point = OperatingPoint(frontier.candidates[-1].id, threshold)
    return decide(workspace, review.id, point, frontier=frontier, who="Ada", reason="Enough.")


@pytest.fixture(scope="module")
def decided(
    lending: tuple[Table, Dataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Review, Decision]:
    made = make_trained(tmp_path_factory.mktemp("decided"), *lending)
    return *made, choose(*made)


@pytest.fixture(scope="module")
def bundle(decided: tuple[Path, Review, Decision]) -> Bundle:
    workspace, review, _ = decided
    return bundle_of_review(workspace, review.id)


@pytest.fixture
def exported(bundle: Bundle, tmp_path: Path) -> Path:
    return export_bundle(bundle, tmp_path / "bundle.zip")


def rebuild(path: Path, **changes: bytes | None) -> Path:
    """Write the parts of a bundle again, some changed or left out, with matching hashes."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in PARTS}
    named = {name.replace(".", "_"): name for name in PARTS}
    for key, data in changes.items():
        if data is None:
            del parts[named[key]]
        else:
            parts[named[key]] = data
    if "bundle.json" in parts and "bundle_json" not in changes:
        head = json.loads(parts["bundle.json"])
        head["sha256"] = {
            name: hashlib.sha256(data).hexdigest()
            for name, data in parts.items()
            if name != "bundle.json"
        }
        parts["bundle.json"] = json.dumps(head).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def head_with(path: Path, **changes: object) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return json.dumps({**json.loads(archive.read("bundle.json")), **changes}).encode()


def test_a_loaded_bundle_scores_as_the_stored_model(
    decided: tuple[Path, Review, Decision], exported: Path
) -> None:
    workspace, review, decision = decided
    loaded = load_bundle(exported)
    store = ReviewStore(workspace)
    prepared = Prepared.of(store.dataset(review.id))
    network = read_predictor(decision.point.candidate, workspace=workspace)
    table, rows = store.table(review.id), prepared.rows("certify")
    sealed = Table(table.frame.iloc[rows].reset_index(drop=True), "sealed.csv")
    scored = loaded.score(sealed)
    expected = network.predict_proba(prepared.encoded("certify")).astype(np.float64)
    np.testing.assert_array_equal(scored["score"], expected)
    assert 0 < scored["decision"].sum() < len(scored)
    # Whoever holds the bundle and the sealed rows can recompute what was signed.
    counts = confusion_counts(
        prepared.dataset.y_true[rows],
        scored["decision"].to_numpy(),
        prepared.groups.take(rows),
        prepared.dataset.weights[rows],
    )
    np.testing.assert_array_equal(counts, decision.sealed_counts)


def test_the_bundle_names_what_was_decided(bundle: Bundle, exported: Path) -> None:
    loaded = load_bundle(exported)
    assert (loaded.facts, loaded.card, loaded.threshold) == (bundle.facts, bundle.card, 0.6)
    weights = b"".join(a.tobytes() for a in loaded.predictor.to_arrays().values())
    assert hashlib.sha256(weights).hexdigest() == loaded.facts["model_sha256"]
    assert loaded.facts["needs_groups"] is False


def test_a_row_at_the_threshold_is_selected(bundle: Bundle, lending: tuple[Table, object]) -> None:
    scores = bundle.score(lending[0])["score"]
    at = float(scores.iloc[17])
    decisions = replace(bundle, threshold=at).score(lending[0])["decision"]
    assert decisions.iloc[17] == 1
    np.testing.assert_array_equal(decisions, (scores >= at).astype(np.int8))


def test_equal_bundles_give_equal_bytes(bundle: Bundle, exported: Path, tmp_path: Path) -> None:
    again = export_bundle(load_bundle(exported), tmp_path / "again.zip")
    assert again.read_bytes() == exported.read_bytes()
    other = export_bundle(replace(bundle, threshold=0.61), tmp_path / "other.zip")
    assert other.read_bytes() != exported.read_bytes()
    assert sorted(p.name for p in tmp_path.glob("*.zip*")) == [
        "again.zip",
        "bundle.zip",
        "other.zip",
    ]
    assert not list(tmp_path.glob(".*"))


def test_a_review_without_a_decision_has_no_bundle(trained: tuple[Path, Review]) -> None:
    workspace, review = trained
    with pytest.raises(BundleError, match="No operating point"):
        bundle_of_review(workspace, review.id)


def test_a_flipped_bit_is_refused_or_changes_nothing(exported: Path, tmp_path: Path) -> None:
    good, data = load_bundle(exported), exported.read_bytes()
    path = tmp_path / "flipped.zip"
    refused = 0
    for position in range(0, len(data), 3):  # every third byte, another bit each time
        flipped = bytearray(data)
        flipped[position] ^= 1 << (position // 3 % 8)
        path.write_bytes(flipped)
        try:
            loaded = load_bundle(path)
        except BundleError:
            refused += 1
            continue
        except Exception as error:
            pytest.fail(f"flip at byte {position} raised {type(error).__name__}: {error}")
        # Bits of the zip that carry nothing (dates, attributes) may differ.
        assert (loaded.facts, loaded.card) == (good.facts, good.card)
        assert loaded.threshold == good.threshold
        assert loaded.reader == good.reader
    assert refused > 0.9 * len(data) / 3


def test_a_truncated_bundle_is_refused(exported: Path, tmp_path: Path) -> None:
    data, path = exported.read_bytes(), tmp_path / "short.zip"
    for length in range(0, len(data), 11):
        path.write_bytes(data[:length])
        with pytest.raises(BundleError):
            load_bundle(path)


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_is_refused(exported: Path, part: str) -> None:
    with pytest.raises(BundleError):
        load_bundle(rebuild(exported, **{part.replace(".", "_"): None}))


@pytest.mark.parametrize("part", PARTS[1:])
def test_a_swapped_part_is_refused_by_its_hash(exported: Path, part: str) -> None:
    head = head_with(exported)
    changed = {part.replace(".", "_"): b"{}", "bundle_json": head}
    with pytest.raises(BundleError, match="hash differs"):
        load_bundle(rebuild(exported, **changed))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"race,income\nBlack,77\n", b"\x00" * 99])
def test_what_is_not_a_zip_is_refused_without_repeating_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        load_bundle(path)
    assert "Black" not in str(caught.value)
    assert "77" not in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no file"):
        load_bundle(tmp_path / "none.zip")
    with pytest.raises(BundleError):
        load_bundle(tmp_path)


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_another_format_is_refused(exported: Path, number: object) -> None:
    head = head_with(exported, format=number)
    with pytest.raises(BundleError, match="format"):
        load_bundle(rebuild(exported, bundle_json=head))


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": []},
        {"sha256": "x"},
        {"threshold": "high"},
        {"threshold": None},
        {"facts": 3},
        {"facts": None},
    ],
)
def test_a_head_of_the_wrong_shape_is_refused(exported: Path, changes: dict[str, object]) -> None:
    head = head_with(exported, **changes)
    with pytest.raises(BundleError):
        load_bundle(rebuild(exported, bundle_json=head))


@pytest.mark.parametrize("threshold", [float("nan"), -1.0, 7.0])
def test_a_threshold_that_is_none_is_refused(exported: Path, threshold: float) -> None:
    head = head_with(exported, threshold=threshold)
    with pytest.raises(BundleError):
        load_bundle(rebuild(exported, bundle_json=head))


@pytest.mark.parametrize("head", [b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_head_that_is_no_object_is_refused(exported: Path, head: bytes) -> None:
    with pytest.raises(BundleError):
        load_bundle(rebuild(exported, bundle_json=head))


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder_json": b"{}"},
        {"encoder_json": b"[]"},
        {"encoder_json": b"{"},
        {"encoder_json": b"[" * 100_000},
        {"encoder_json": b'{"columns": [1]}'},
        {"encoder_json": b'{"columns": [{"kind": "number", "name": "income"}]}'},
        {"model_safetensors": b""},
        {"model_safetensors": b"\x80\x04N."},
        {"model_safetensors": struct.pack("<Q", 2) + b"{}"},
        {"model_card_md": b"\xff\xfe\xff"},
    ],
)
def test_parts_that_hold_no_model_are_refused(exported: Path, changes: dict[str, bytes]) -> None:
    with pytest.raises(BundleError):
        load_bundle(rebuild(exported, **changes))


def test_weights_that_do_not_fit_the_encoder_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    encoder = bundle.reader.encoder
    fewer = RowReader(replace(encoder, columns=encoder.columns[1:]))
    path = export_bundle(replace(bundle, reader=fewer), tmp_path / "unfit.zip")
    with pytest.raises(BundleError):
        load_bundle(path)


def test_declared_sizes_are_checked_before_unpacking(exported: Path) -> None:
    """A bomb says what it unpacks to; nothing of it is read."""
    data = bytearray(exported.read_bytes())
    start = data.index(b"PK\x01\x02")  # the central directory's first entry; its size is at +24
    struct.pack_into("<I", data, start + 24, 1 << 30)
    exported.write_bytes(data)
    with pytest.raises(BundleError, match="512 MiB"):
        load_bundle(exported)


def test_a_file_that_unpacks_to_more_than_it_says_is_refused(exported: Path) -> None:
    bomb = rebuild(exported, model_card_md=b"0" * 100_000)
    with zipfile.ZipFile(bomb) as archive:
        parts = {name: archive.read(name) for name in PARTS}
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    data = bytearray(bomb.read_bytes())
    position = -1
    for _ in PARTS:  # the last entry of the directory is the card
        position = data.index(b"PK\x01\x02", position + 1)
    struct.pack_into("<I", data, position + 24, 10)
    bomb.write_bytes(data)
    with pytest.raises(BundleError):
        load_bundle(bomb)


def test_a_bundle_that_cannot_be_written_is_said(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="could not be written"):
        export_bundle(bundle, tmp_path / "none" / "bundle.zip")
    (tmp_path / "taken.zip").mkdir()
    with pytest.raises(BundleError, match="could not be written"):
        export_bundle(bundle, tmp_path / "taken.zip")
    assert not [p for p in tmp_path.iterdir() if "partial" in p.name or p.name.startswith(".t")]


def test_two_tabs_export_the_same_bundle_at_once(bundle: Bundle, tmp_path: Path) -> None:
    path, faults = tmp_path / "bundle.zip", []
    start = threading.Barrier(4)

    def export() -> None:
        start.wait()
        for _ in range(15):
            try:
                export_bundle(bundle, path)
                load_bundle(path)
            except Exception as error:
                faults.append(repr(error))

    threads = [threading.Thread(target=export) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_no_row_of_the_data_is_in_a_bundle(tmp_path: Path) -> None:
    """Rare values of a feature, identifiers and values of single people, planted and searched."""
    frame = make_lending(1_500, seed=5)
    rare = [f"canary-employer-{i}" for i in range(40)]
    frame.loc[: len(rare) - 1, "employment"] = rare
    frame.loc[40:48, "employment"] = "canary-of-nine"  # one fewer than a level needs
    frame.loc[100:700, "employment"] = "frequent-value"
    frame["application_id"] = [f"canary-id-{i}" for i in range(len(frame))]
    frame.loc[3, "income"] = 98765.4321
    _, spec = load_sample("lending")
    table = Table.from_frame(frame, "lending.csv")
    workspace, review = make_trained(tmp_path / "w", table, build_dataset(table, spec))
    choose(workspace, review, threshold=0.5)
    path = export_bundle(bundle_of_review(workspace, review.id), tmp_path / "bundle.zip")
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(PARTS)
        unpacked = b"\n".join(archive.read(name) for name in archive.namelist())
    assert b"frequent-value" in unpacked  # the search would find something
    assert b"canary" not in unpacked
    assert b"98765" not in unpacked
    for number in (98765.4321,):
        assert struct.pack("<d", number) not in unpacked
        assert struct.pack("<f", number) not in unpacked
    assert b"canary" not in path.read_bytes()
