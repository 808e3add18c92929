"""What several commands ask for, and how it is read."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faircore.errors import FaircoreError, InputError
from faircore.files import write_whole

if TYPE_CHECKING:
    from faircore.data import DataSpec, Table
    from faircore.frontier import Limit


def add_roles(parser: argparse.ArgumentParser) -> None:
    """Ask for a table and what its columns mean."""
    parser.add_argument("file", nargs="?", help="CSV, Parquet or Excel file")
    parser.add_argument("--sample", help="adult, german_credit or lending, instead of a file")
    parser.add_argument("--roles", help="column roles as JSON, instead of guessing them")
    parser.add_argument("--target", help="outcome column")
    parser.add_argument("--positive", help="value of the outcome that is the good one")
    parser.add_argument("--sensitive", action="append", help="attribute to be fair about; repeat")
    parser.add_argument(
        "--bins", action="append", type=bins, default=[],
        help="edges of the groups of a number: age=25,45,65; repeat",
    )  # fmt: skip
    parser.add_argument("--cross", action="append", help="attributes to cross: race,sex; repeat")


def read_rows(options: argparse.Namespace) -> tuple[Table, DataSpec]:
    """Read the file or sample that is named, and its roles."""
    from faircore.data import guess_spec, load_sample, read_table

    stated = options.sample or options.roles
    if stated and (options.target or options.sensitive):
        what = "--sample" if options.sample else "--roles"
        raise InputError(f"{what} brings its own --target and --sensitive. Leave one of them out.")
    if options.sample:
        table, spec = load_sample(options.sample)
        return table, changed(options, spec)
    if options.file is None:
        raise FaircoreError("Name a file to read, or a sample with --sample adult.")
    table = read_table(options.file)
    if options.roles:
        return table, changed(options, read_roles(options.roles))
    guess = guess_spec(table, target=options.target, sensitive=options.sensitive)
    return table, changed(options, guess)


def read_roles(path: str) -> DataSpec:
    """Roles from a JSON file."""
    from faircore.data import DataSpec

    try:
        return DataSpec.from_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The roles cannot be read from {path!r}. Name a JSON file in UTF-8."
        ) from error


def read_model(path: str) -> bytes:
    """Bytes of a model file."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"The model {path!r} cannot be read: {error.strerror}. Name a skops or ONNX file."
        ) from error


def changed(options: argparse.Namespace, spec: DataSpec) -> DataSpec:
    """Roles with what the command line says of them."""
    from faircore.data import Sensitive

    edges = dict(options.bins)
    unknown = sorted(set(edges) - set(spec.attributes))
    if unknown:
        raise InputError(
            f"--bins names {unknown[0]!r}, which is not sensitive here. Name it with --sensitive, "
            "or leave its bins out."
        )
    changes: dict[str, object] = {}
    if options.positive:
        changes["positive"] = options.positive
    if options.cross:
        changes["intersections"] = crossings(options)
    if edges:
        changes["sensitive"] = tuple(
            Sensitive(a.column, edges.get(a.column, a.bins)) for a in spec.sensitive
        )
    return spec.with_(**changes)


def crossings(options: argparse.Namespace) -> tuple[tuple[str, ...], ...]:
    """The intersections asked for."""
    return tuple(tuple(part.strip() for part in c.split(",")) for c in options.cross or ())


def bins(text: str) -> tuple[str, tuple[float, ...]]:
    """A column and its edges: ``age=25,45``."""
    column, _, edges = text.rpartition("=")
    if not column:
        raise argparse.ArgumentTypeError("give a column and its edges, such as age=25,45,65")
    return column, numbers(edges)


def writable(path: str) -> None:
    """Refuse a path whose folder is missing or closed."""
    parent = Path(path).absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{path!r} cannot be written: its folder is missing or closed to you.")


def write_json(path: str, content: dict[str, Any]) -> None:
    """Write a file that any reader of JSON reads; what it cannot say is refused, never written."""
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    try:
        write_whole(Path(path), text.encode())
    except OSError as error:
        raise InputError(f"{path!r}: {error.strerror}. Name a file you may write.") from error


def limit(text: str) -> Limit:
    """A limit as ``name=value``."""
    from faircore.frontier import Limit

    name, _, value = text.partition("=")
    try:
        at = float(value)
    except ValueError:
        raise InputError(
            f"--limit {text!r} names no number. Write an objective and the worst value allowed: "
            "--limit demographic_parity_difference=0.05."
        ) from None
    return Limit(name, at)


def numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between them."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            "give numbers with commas between them, such as 0,0.5,1"
        ) from None


def integers(text: str) -> tuple[int, ...]:
    """Whole numbers with commas between them."""
    try:
        return tuple(int(part) for part in text.split(",") if part)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "give whole numbers with commas between them, such as 64,32"
        ) from None
