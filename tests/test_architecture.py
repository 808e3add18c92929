"""The direction of dependencies, from the source: a wrong import fails here by name."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A module imports its own package or one on a line above its own. Packages on one line do not
# know each other.
LAYERS = [
    {"errors"},
    {"files", "numerals", "workspace"},
    {"data"},
    {"groups"},
    {"metrics", "predictors"},
    {"audit", "calibrators", "frontier", "penalties", "repair", "thresholds"},
    {"plots", "reductions", "store", "training"},
    {"estimators"},
    {"methods"},
    {"plans", "shelf"},
    {"sweep"},
    {"pareto", "records"},
    {"decide", "jobs"},
    {"export"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
LIGHT = {"torch", "lightgbm", "shap", "onnx", "streamlit", "plotly", "sklearn", "fairlearn"}
MAX_LINES = 300


def imports(path: Path) -> list[tuple[int, str]]:
    """Line and absolute name of everything a file imports, inside functions too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found.append((node.lineno, node.module or ""))
            if node.module == "faircore":
                found += [(node.lineno, f"faircore.{alias.name}") for alias in node.names]
    return found


ENGINE = sorted((ROOT / "faircore").rglob("*.py"))
PAGES = sorted((ROOT / "pages").rglob("*.py"))


def package(path: Path) -> str:
    """First name below faircore of an engine file."""
    return path.relative_to(ROOT / "faircore").parts[0].removesuffix(".py")


def test_every_package_has_a_place() -> None:
    assert {package(p) for p in ENGINE} - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("path", ENGINE, ids=lambda p: str(p.relative_to(ROOT)))
def test_engine_imports_downwards(path: Path) -> None:
    own = package(path)
    if own == "__init__":  # the facade may name everything; it imports on first use
        return
    wrong = []
    for line, name in imports(path):
        top, _, rest = name.partition(".")
        assert top not in ("streamlit", "pages", "app"), f"{path.name}:{line} imports {name}"
        if top == "faircore" and rest:
            other = rest.split(".")[0]
            if other != own and LEVEL[other] >= LEVEL[own]:
                wrong.append(f"line {line}: {own} imports {name}")
    assert not wrong


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_pages_do_no_training_and_no_sql(path: Path) -> None:
    for line, name in imports(path):
        assert name.split(".")[0] not in {"torch", "duckdb", "sqlalchemy", "sklearn"}, (
            f"{path.name}:{line} imports {name}"
        )


@pytest.mark.parametrize(
    "path", [*ENGINE, *PAGES, ROOT / "app.py"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_file_fits_in_the_head(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= MAX_LINES


def run(code: str) -> str:
    """Standard output of a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def test_importing_faircore_is_light() -> None:
    loaded = run("import sys, faircore; print(*sys.modules)").split()
    assert not LIGHT & set(loaded)


def test_scoring_does_not_load_what_trains() -> None:
    loaded = run("import sys, faircore.export.scoring; print(*sys.modules)").split()
    assert not {"torch", "streamlit", "plotly", "sklearn"} & set(loaded)


def test_public_names_resolve_and_are_listed() -> None:
    import faircore

    for name in faircore.__all__:
        assert getattr(faircore, name) is not None
    assert set(faircore.__all__) <= set(dir(faircore))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = faircore.nonsense  # type: ignore[attr-defined]
