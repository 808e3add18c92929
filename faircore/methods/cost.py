"""How fast this machine is beside the one the methods were timed on."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

_REFERENCE_SECONDS = 0.0019
"""What :func:`_probe` took on the reference machine, one core, nothing else running."""


@cache
def machine_speed() -> float:
    """Speed of one core here beside the reference, measured once in a few hundredths of a second.

    An estimate of minutes need not be better than a factor of two.
    """
    with threadpool_limits(1):
        return _REFERENCE_SECONDS / min(_probe() for _ in range(5))


def _probe() -> float:
    """Seconds of a product and of passes over an array, as a training step has both."""
    a = np.ones((384, 384), np.float32)
    b = np.ones(400_000, np.float32)
    started = time.perf_counter()
    a @ a
    for _ in range(4):
        np.tanh(b, out=b)
    return time.perf_counter() - started
