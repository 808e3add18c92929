"""What the README shows is true: its Python runs, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from faircore.cli import main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


def test_there_is_python_to_run() -> None:
    assert len(blocks("python")) >= 2


def test_every_command_parses(capsys: pytest.CaptureFixture[str]) -> None:
    commands = re.findall(r"^faircore (\w+)", README, flags=re.MULTILINE)
    assert set(commands) == {
        "audit",
        "calibrate",
        "sweep",
        "frontier",
        "certify",
        "export",
        "score",
    }
    for command in commands:
        with pytest.raises(SystemExit) as stop:
            main([command, "--help"])
        assert stop.value.code == 0


def test_nothing_is_left_to_fill_in() -> None:
    assert "@@" not in README


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make ([\w-]+)`", README)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_links_and_pictures_are_there() -> None:
    links = re.findall(r"\]\(([^)#][^)]*)\)|<img src=\"([^\"]+)\"", README)
    local = {a or b for a, b in links if not (a or b).startswith("http")}
    assert len(local) >= 3
    for link in local:
        assert (ROOT / link).exists(), link
