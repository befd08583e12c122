"""pass@k (Chen et al. 2021): the chance that at least one of k programs passes, from n that were tried.

To draw k of the n programs at random is to miss all c that pass with the probability C(n − c, k) / C(n, k). Counting
instead whether any of the first k passed is right on average too, but varies more; and 1 − (1 − c/n)^k, which takes the
n as drawn anew each time, is too low on average.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlmcore.errors import VlmError


def pass_at_k(tried: int, passed: int, k: int) -> float:
    """The unbiased estimate for one problem. Errors: VlmError where k programs were not tried."""
    if not 0 <= passed <= tried or not 1 <= k <= tried:
        raise VlmError(f"{passed} of {tried} programs passed, and pass@{k} is asked for: try at least {k} a problem")
    if tried - passed < k:
        return 1.0
    return float(1 - np.prod(1 - k / np.arange(tried - passed + 1, tried + 1)))


def mean_pass_at_k(results: Sequence[Sequence[bool]], k: int) -> float:
    """Over problems; ``results``: for each problem which of its programs passed."""
    return float(np.mean([pass_at_k(len(passed), sum(passed), k) for passed in results]))
