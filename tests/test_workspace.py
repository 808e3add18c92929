from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from faircore.errors import StoreError
from faircore.workspace import default_workspace


def test_the_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(tmp_path / "a" / "b"))
    path = default_workspace()
    assert path == tmp_path / "a" / "b"
    assert path.is_dir()


@pytest.mark.parametrize("value", [None, ""])
def test_without_it_the_current_folder_is_used(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if value is None:
        monkeypatch.delenv("FAIRCORE_WORKSPACE")
    else:
        monkeypatch.setenv("FAIRCORE_WORKSPACE", value)
    assert default_workspace() == tmp_path / "workspace"


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAIRCORE_WORKSPACE", "here")
    path = default_workspace()
    monkeypatch.chdir("/")
    assert path.is_absolute()
    assert path.is_dir()


def test_it_is_open_to_its_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(tmp_path / "w"))
    before = os.umask(0)
    try:
        path = default_workspace()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_what_is_in_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(tmp_path))
    (tmp_path / "kept").write_text("x")
    assert (default_workspace() / "kept").read_text() == "x"


def test_a_file_in_its_place_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").write_text("x")
    for path in (tmp_path / "taken", tmp_path / "taken" / "below"):
        monkeypatch.setenv("FAIRCORE_WORKSPACE", str(path))
        with pytest.raises(StoreError, match=r"cannot be made.*Set FAIRCORE_WORKSPACE"):
            default_workspace()


def test_a_folder_nobody_may_write_to_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(tmp_path))
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write anywhere")
        with pytest.raises(StoreError, match="cannot be written to"):
            default_workspace()
    finally:
        tmp_path.chmod(0o700)
