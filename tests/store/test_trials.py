from __future__ import annotations

import pickle
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from faircore.errors import StoreError
from faircore.store import TrialStore

ONE, OTHER = "ab" * 16, "cd" * 16
FILES = ("checksums.json", "cubes.safetensors", "model.safetensors", "record.json")


def _put(store: TrialStore, trial_id: str, number: float = 1.0) -> None:
    store.put(
        trial_id,
        {"strength": number, "history": [(1, 0.5, float("nan"))], "failure": None},
        cubes={"select": np.full((101, 2, 2, 2), number), "train": np.zeros((1, 1, 2, 2))},
        model={"weight.0": np.full((1, 3), number, np.float32)},
    )


def _intact(store: TrialStore, trial_id: str) -> bool:
    return store.get(trial_id) is not None


@pytest.fixture
def store(tmp_path: Path) -> TrialStore:
    found = TrialStore(tmp_path / "trials")
    _put(found, ONE, 1.0)
    _put(found, OTHER, 2.0)
    return found


def test_what_was_put_comes_back(store: TrialStore) -> None:
    stored = store.get(ONE)
    assert stored is not None
    assert stored.record["strength"] == 1.0
    assert stored.record["history"][0][:2] == [1, 0.5]
    assert np.isnan(stored.record["history"][0][2])
    assert stored.cubes["select"].dtype == np.float64
    assert stored.cubes["select"].shape == (101, 2, 2, 2)
    assert stored.model["weight.0"].dtype == np.float32
    assert sorted(f.name for f in store.folder(ONE).iterdir()) == list(FILES)
    assert not list((store.root / "partial").iterdir())


def test_views_and_empty_models_are_stored_as_they_read(tmp_path: Path) -> None:
    store = TrialStore(tmp_path)
    turned = np.arange(24.0).reshape(2, 3, 4).T
    store.put(ONE, {}, cubes={"select": turned, "train": turned[::2]}, model={})
    stored = store.get(ONE)
    assert stored is not None
    assert stored.model == {}
    np.testing.assert_array_equal(stored.cubes["select"], turned)
    np.testing.assert_array_equal(stored.cubes["train"], turned[::2])


def test_a_finished_trial_is_never_replaced(store: TrialStore) -> None:
    _put(store, ONE, 9.0)
    stored = store.get(ONE)
    assert stored is not None
    assert stored.record["strength"] == 1.0


def test_a_trial_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert TrialStore(tmp_path / "nowhere").get(ONE) is None
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_noticed_wherever_it_is(store: TrialStore, name: str) -> None:
    path = store.folder(ONE) / name
    whole = path.read_bytes()
    positions = np.unique(np.linspace(0, len(whole) - 1, 60).astype(int))
    for position in positions:
        damaged = bytearray(whole)
        damaged[position] ^= 0x01
        path.write_bytes(damaged)
        assert store.get(ONE) is None, position
    path.write_bytes(whole)
    assert _intact(store, ONE)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["cut", "emptied", "lengthened", "removed", "swapped"])
def test_damage_is_noticed_and_repaired_by_storing_again(
    store: TrialStore, name: str, damage: str
) -> None:
    path, other = store.folder(ONE) / name, store.folder(OTHER) / name
    whole = path.read_bytes()
    if damage == "removed":
        path.unlink()
    elif damage == "swapped":
        path.write_bytes(other.read_bytes())
    else:
        path.write_bytes({"cut": whole[:-1], "emptied": b"", "lengthened": whole + b"\n\0"}[damage])
    assert store.get(ONE) is None
    assert _intact(store, OTHER)
    _put(store, ONE, 3.0)
    stored = store.get(ONE)
    assert stored is not None
    assert stored.record["strength"] == 3.0


def test_the_folder_of_another_trial_is_not_taken_for_this_one(store: TrialStore) -> None:
    shutil.rmtree(store.folder(ONE))
    shutil.copytree(store.folder(OTHER), store.folder(ONE))
    assert store.get(ONE) is None


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "7", '"trial"', '{"trial": 1}', "[" * 100_000, "\ufeff{}", '{"sha256": 3}'],
)
def test_checksums_that_make_no_sense_are_damage(store: TrialStore, text: str) -> None:
    (store.folder(ONE) / "checksums.json").write_text(text, encoding="utf-8")
    assert store.get(ONE) is None


class _Bomb:
    exploded = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (setattr, (_Bomb, "exploded", True))


@pytest.mark.parametrize("name", [*FILES, "model.pkl"])
def test_nothing_is_ever_unpickled(store: TrialStore, name: str) -> None:
    (store.folder(ONE) / name).write_bytes(pickle.dumps(_Bomb()))
    assert _intact(store, ONE) == (name == "model.pkl")
    assert not _Bomb.exploded


def test_a_half_written_trial_is_not_a_trial(store: TrialStore) -> None:
    partial = store.root / "partial" / "left-by-a-crash"
    shutil.copytree(store.folder(ONE), partial)
    shutil.rmtree(store.folder(ONE))
    assert store.get(ONE) is None
    _put(store, ONE)
    assert _intact(store, ONE)


def test_a_workspace_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="workspace"):
        _put(TrialStore(tmp_path / "file"), ONE)


def test_two_sweeps_may_finish_the_same_trial_at_once(tmp_path: Path) -> None:
    store, n = TrialStore(tmp_path / "trials"), 6
    failures: list[BaseException] = []
    for i in range(25):
        barrier = threading.Barrier(n)

        def finish(i: int = i, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            try:
                _put(store, f"{i:032x}")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=finish) for _ in range(n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert _intact(store, f"{i:032x}")
    assert failures == []


@pytest.mark.parametrize("name", FILES)
def test_without_the_model_its_bytes_alone_go_unchecked(store: TrialStore, name: str) -> None:
    path = store.folder(ONE) / name
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    stored = store.get(ONE, model=False)
    assert (stored is not None) == (name == "model.safetensors")
    assert stored is None or (stored.model == {} and stored.record["strength"] == 1.0)
    assert store.get(ONE) is None
    path.unlink()
    assert store.get(ONE, model=False) is None
    assert (store.written(ONE) is None) == (name == "checksums.json")
