"""The command line: ``faircore audit | calibrate | sweep | frontier | certify | …``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from faircore.cli import audit, calibrate, certify, reviews
from faircore.errors import FaircoreError
from faircore.workspace import make_workspace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    The exit code is 0; 1 when an audit or a calibration finds a limit broken, or nothing can be
    certified; 2 when something the
    user gave cannot be used.
    """
    options = _parser().parse_args(arguments)
    try:
        if "workspace" in options:
            options.workspace = make_workspace(options.workspace)
        return int(options.run(options) or 0)
    except FaircoreError as error:
        print(f"faircore: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read our output has heard enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("faircore: stopped; every finished model is kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="faircore", description=__doc__)
    commands = parser.add_subparsers(required=True)
    audit.add_command(commands)
    calibrate.add_command(commands)
    reviews.add_commands(commands)
    certify.add_command(commands)
    return parser
