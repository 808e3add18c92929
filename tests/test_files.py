from __future__ import annotations

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from faircore.files import locked, write_whole


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_whole(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old", durable=durable)
    write_whole(path, b"new", durable=durable)
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_disk_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old")

    def refuse(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_what_is_no_bytes_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "a.json", b"x")


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    contents = [bytes([k]) * 50_000 for k in range(4)]
    write_whole(path, contents[0], durable=False)
    stop = threading.Event()
    seen: set[bytes] = set()

    def keep_reading() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    def keep_writing(data: bytes) -> None:
        for _ in range(60):
            write_whole(path, data, durable=False)

    reader = threading.Thread(target=keep_reading)
    writers = [threading.Thread(target=keep_writing, args=(data,)) for data in contents]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()
    assert seen <= set(contents)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def _add(folder: str, times: int) -> None:
    counter = Path(folder) / "n"
    for _ in range(times):
        with locked(Path(folder) / "lock"):
            n = int(counter.read_text())
            time.sleep(0.001)  # wide open for whoever does not wait
            counter.write_text(str(n + 1))


def test_a_lock_excludes_other_processes(tmp_path: Path) -> None:
    (tmp_path / "n").write_text("0")
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_add, args=(str(tmp_path), 40)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join(30)
    assert [other.exitcode for other in others] == [0, 0, 0]
    assert (tmp_path / "n").read_text() == "120"


def test_a_lock_is_given_back_after_a_fault(tmp_path: Path) -> None:
    def fail() -> None:
        with locked(tmp_path / "lock"):
            raise ValueError("fault")

    with pytest.raises(ValueError, match="fault"):
        fail()
    entered = threading.Event()

    def enter() -> None:
        with locked(tmp_path / "lock"):
            entered.set()

    threading.Thread(target=enter, daemon=True).start()
    assert entered.wait(5)
