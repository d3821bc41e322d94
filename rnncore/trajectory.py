"""The storage of a run: inputs, states, preactivations, exponents and norms of all steps."""

from math import frexp
from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.cells.elman import ElmanCell, check_sums
from rnncore.checks import (
    ArgumentError,
    cast,
    checked_count,
    checked_finite,
    checked_shape,
    is_finite,
    too_large,
)
from rnncore.chunks import block_steps
from rnncore.extended_range import (
    Exponents,
    Norms,
    log10_of,
    normalised,
    safe_norms,
    summed,
    times_power_of_two,
)
from rnncore.feedback import Feedback, given_inputs


@final
class Trajectory:
    """Time-major storage of T steps of N sequences: index t of `u` is the chapter's h_t.

    The state is h_t = u[t] · 2^exponents[t]. A step overwrites its drive W_xh x + b_h by the
    preactivation, in place. For tanh that is kept as `a`; a linear or rectified state tells its
    own slope, so there `a` is the memory of u itself.
    """

    def __init__(
        self,
        cell: ElmanCell,
        x: Tensor,
        h_0: Tensor,
        scales: Tensor | None = None,
        feedback: Feedback | None = None,
    ) -> None:
        checked_shape("x", x, ("T", cell.input_size))
        checked_shape("h_0", h_0, (cell.hidden_size,))
        leading = {"h_0": h_0.shape[:-1]}
        if scales is not None:
            leading["scales"] = scales.shape
        self.batch_shape = batch_shape(x, leading)
        self.steps = T = checked_count("T", x.shape[-2])
        self.rows = N = self.batch_shape.numel()
        H, D = cell.hidden_size, cell.input_size
        self.block = min(T, block_steps(H, N))  # steps that are computed before they are checked
        self.feedback = feedback
        self.fed = T if feedback is None else feedback.after  # steps whose input is given
        x = x.detach() if feedback is None else given_inputs(x, self.fed)
        x = cast("x", x, cell.dtype).to(cell.device).expand(*self.batch_shape, T, D)
        h_0 = cast("h_0", h_0.detach(), cell.dtype).to(cell.device).expand(*self.batch_shape, H)

        self.x = x.reshape(N, T, D).transpose(0, 1).contiguous()  # (T, N, D)
        self.u = x.new_empty(T + 1, N, H)
        self.u[0] = h_0.reshape(N, H)
        self.a = x.new_empty(T, N, H) if cell.activation == "tanh" else self.u[1:]
        self._cell = cell
        project(cell.W_xh, cell.b_h, self.x, out=self.a)
        if feedback is not None:
            self.a[self.fed :] = feedback.drive
        # On W_hh, for each row, (N, 1); None for 1.
        self.factors = None if scales is None else _factors(cell, scales, self.batch_shape)

        # Bookkeeping lives on the CPU, where the norms of every block are looked at anyway.
        self.norm = np.zeros((T + 1, N))  # ‖u‖, from index 1 on
        self.exponents = np.zeros((T + 1, N))
        # Of x; none but of what is fed back (`inputs`) or comes from a layer below.
        self.input_exponents = np.zeros((T, N))
        # Of the drives that stand in `a` before their step; None where all are 0.
        self.drive_exponents: Exponents | None = None

    @property
    def is_fan(self) -> bool:
        """Whether every sequence has a W_hh of its own, scaled by a factor of its own."""
        return self.factors is not None

    def take_inputs(self, t0: int, x: Tensor, exponents: Exponents) -> None:
        """Puts x · 2^exponents in the place of the inputs from t0 on, before their states exist.

        Args:
            t0: the first of these inputs, counted from 0.
            x: (n, N, D), finite.
            exponents: (n, N).

        Raises:
            ValueError: W_xh x + b_h leaves the dtype where the exponent is 0.
        """
        steps = slice(t0, t0 + len(x))
        self.x[steps] = x
        self.input_exponents[steps] = exponents
        project(self._cell.W_xh, self._cell.b_h, self.x[steps], out=self.a[steps])
        for t, row in np.argwhere(exponents):
            self._drive_beyond(t0 + int(t), int(row))

    def _drive_beyond(self, t: int, row: int) -> None:
        """W_xh x + b_h of an input that has an exponent, at the scale of the larger term."""
        W_xh, b_h = self._cell.W_xh.detach(), self._cell.b_h.detach()
        terms = [
            normalised(W_xh @ self.x[t, row], self.input_exponents[t, row]),
            normalised(b_h, np.zeros(())),
        ]
        self.a[t, row], k = summed(terms)
        if self.drive_exponents is None:
            self.drive_exponents = np.zeros((self.steps, self.rows))
        self.drive_exponents[t, row] = k

    def log10_norm(self, t0: int, t1: int) -> Norms:
        """log10 ‖h_t‖ of the times [t0, t1) from 0 to T, (t1 - t0, N)."""
        logs = log10_of(self.norm[t0:t1], self.exponents[t0:t1])
        if t0 == 0:
            # h_0 may lie anywhere in the dtype, so its norm needs an exponent that u does not.
            logs[0] = log10_of(*safe_norms(self.u[0]))
        return logs

    @property
    def log10_norm_x(self) -> Norms:
        """log10 ‖x_t‖ of all steps, (T, N), as far as they are known."""
        mantissa, exponent = safe_norms(self.x)
        return log10_of(mantissa, exponent + self.input_exponents)

    def h(self, t0: int, t1: int) -> Tensor:
        """h_t of the times [t0, t1) in the run's dtype, (t1 - t0, N, H): ±inf or 0 past it."""
        return times_power_of_two(self.u[t0:t1], self.exponents[t0:t1])

    def scaled(self, u: Tensor, k: Exponents, row: int) -> tuple[Tensor, Exponents]:
        """A product u · 2ᵏ with W_hh, times the row's factor; u stays of moderate size."""
        if self.factors is None:
            return u, k
        mantissa, exponent = frexp(float(self.factors[row]))
        return (u * mantissa, k + exponent) if mantissa else (torch.zeros_like(u), k)

    def sequences(self, time_major: Tensor) -> Tensor:
        """(t, N, …) → (*batch, t, …), contiguous; without a batch axis the same memory."""
        if not self.batch_shape:
            return time_major[:, 0]
        by_sequence = time_major.transpose(0, 1).contiguous()
        return by_sequence.view(*self.batch_shape, *by_sequence.shape[1:])


def batch_shape(x: Tensor, leading: dict[str, torch.Size]) -> torch.Size:
    """The batch axes of x (…, T, D) and of what is given beside it, by name."""
    shape = tuple(x.shape[:-2])
    for name, axes in leading.items():
        try:
            # NumPy's, because PyTorch's loads SymPy: half a second.
            shape = np.broadcast_shapes(shape, axes)
        except ValueError as error:
            raise ArgumentError(
                name,
                "has other batch axes than x",
                got=tuple(axes),
                expected=f"{shape}, or axes that broadcast to them",
            ) from error
    if 0 in shape:
        raise ArgumentError("x", "is an empty batch", got=tuple(x.shape), expected="1 or more")
    return torch.Size(shape)


def _factors(cell: ElmanCell, scales: Tensor, batch_shape: torch.Size) -> Tensor:
    checked_finite("scales", scales)
    largest = float(scales.detach().abs().max())
    sums = cell.W_hh.detach().to(torch.float64) * largest
    check_sums("scales · W_hh", sums.to(cell.dtype))
    rows = scales.detach().to(device=cell.device, dtype=cell.dtype).expand(batch_shape)
    return rows.reshape(-1, 1).contiguous()


def project(W_xh: Tensor, b_h: Tensor, x: Tensor, *, out: Tensor) -> None:
    """The drive W_xh x + b_h of all steps by one product: (T, N, D) → (T, N, rows of W_xh)."""
    W_xh, b_h = W_xh.detach(), b_h.detach()
    torch.addmm(b_h, x.flatten(0, 1), W_xh.mT, out=out.view(-1, W_xh.shape[0]))
    if not is_finite(out):
        largest = x.to(torch.float64).abs().amax() * W_xh.to(torch.float64).abs().sum(-1).amax()
        raise too_large("W_xh x + b_h", float(largest), out.dtype)
