"""Work on several cores whose results do not depend on how many there are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

In = TypeVar("In")
Out = TypeVar("Out")
_MOST = 8  # threads: each holds blocks of some megabytes


def in_threads(work: Callable[[In], Out], parts: Iterable[In]) -> list[Out]:
    """Do each part by itself, in order; matrix products use one core of their own each.

    Products this small are slower on two cores than on one, by far when the cores are busy; and
    how a product is shared out among cores changes its last bits.
    """
    with (
        _blas().limit(limits=1, user_api="blas"),
        ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST)) as pool,
    ):
        return list(pool.map(work, parts))


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    return ThreadpoolController()
