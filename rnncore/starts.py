"""Further starts beside one: far from it, or so near that they would be taken for the same."""

from typing import Final, Literal, get_args

import torch
from torch import Tensor

from rnncore.checks import ArgumentError, checked_choice, checked_count
from rnncore.ensembles import checked_seed, seeded_generator

Distance = Literal["far", "near"]
DISTANCES: Final = get_args(Distance)

NEAR: Final = 1e-6


def further_starts(
    origin: Tensor, count: int, *, distance: Distance = "far", seed: int = 0
) -> Tensor:
    """Seeded states to start from beside `origin`.

    far:   anywhere in the cube |s_i| ≤ max(1, max_i |origin_i|), in which all states of a tanh
           network lie. They come in pairs of opposite ones, so that a network that has a state to
           either side is seen to.
    near:  origin + 10⁻⁶ max(1, ‖origin‖) · d, each d of length 1, in pairs of opposite ones too.

    Args:
        origin: (S,); of an LSTM [h, c].
        count: K, 1 or more; more of them begin with the fewer.
        distance: "far" or "near".
        seed: of the draws.

    Returns:
        (K, S) float64 on the CPU.

    Raises:
        ValueError: `origin` is not (S,), or a choice, count or seed is wrong.

    >>> further_starts(torch.zeros(1), 2).sum().item()
    0.0
    """
    if origin.ndim != 1 or not len(origin):
        got = tuple(origin.shape)
        raise ArgumentError("origin", "has the wrong shape", got=got, expected="(S,), S 1 or more")
    checked_choice("distance", distance, DISTANCES)
    generator = seeded_generator(checked_seed("seed", seed))
    origin = origin.detach().to(device="cpu", dtype=torch.float64)
    # One draw a pair: a single large draw is laid out differently and would not begin alike.
    pairs = [
        2.0 * torch.rand(len(origin), generator=generator, dtype=torch.float64) - 1.0
        for _ in range((checked_count("count", count) + 1) // 2)
    ]
    draws = torch.stack([sign * draw for draw in pairs for sign in (1.0, -1.0)][:count])
    if distance == "far":
        return max(1.0, float(origin.abs().max())) * draws
    nearby: Tensor = origin + NEAR * max(1.0, float(origin.norm())) * draws / draws.norm(
        dim=-1, keepdim=True
    )
    return nearby
