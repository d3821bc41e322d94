"""Where a backward sweep writes down what it finds."""

from typing import final

import numpy as np

from rnncore.extended_range import LOG10_2, Exponents, Norms


@final
class GradientLogs:
    """What a sweep finds out, log10 and float64; -inf where nothing comes through.

    The ratios are kept beside the norms: where a saturated network takes 10³⁰ decades a step,
    no difference of two norms would say what W_hh did.
    """

    def __init__(self, T: int, N: int, *, is_fan: bool) -> None:
        self.delta, self.v, self.saturation, self.linear_gain = np.full((4, T, N), -np.inf)
        # In a fan every sequence has a matrix of its own, and pays for it alone.
        self.share_hh, self.share_xh = np.full((2, T, N) if is_fan else (2, T), -np.inf)
        # Of v, (T, N), where a sweep keeps more of it than its norm.
        self.exponents: Exponents | None = None

    def record(
        self,
        where: slice | tuple[int, int],
        swept: Norms,
        *,
        above: Exponents,
        damping: Exponents,
        gain: Exponents | float = 0.0,
    ) -> None:
        """Keeps ‖δ‖ = n₀ 2^above, ‖v‖ = n₁ 2^(above + damping), ‖w‖ = n₂ 2^(… + gain).

        Args:
            where: steps, or a step and a row.
            swept: the three n, (3, …).
        """
        if self.exponents is not None:
            self.exponents[where] = above + damping
        delta, v, w = np.log10(swept)
        self.delta[where] = delta + above * LOG10_2
        self.v[where] = v + (above + damping) * LOG10_2
        self.saturation[where] = np.where(swept[1] > 0, v - delta + damping * LOG10_2, -np.inf)
        self.linear_gain[where] = np.where(swept[2] > 0, w - v + gain * LOG10_2, -np.inf)
