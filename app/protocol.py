"""Every message of the socket, one model each, discriminated on `type`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.document import Document
from app.errors import LARGEST_EXACT_INTEGER, Error, Refusal
from app.experiment import Experiment
from app.refusals import from_validation
from app.verdict import Diagnosis

PROTOCOL_VERSION = 1

UnitIndex = Annotated[int, Field(ge=0)]
RunId = Annotated[int, Field(ge=0, le=LARGEST_EXACT_INTEGER)]


class View(Document):
    """What the page can show: these steps, in no more than `columns` columns."""

    t0: int = Field(ge=0)
    """First step shown, from 0."""
    t1: int = Field(ge=1)
    """Step after the last one shown; above t0, at most T."""
    columns: int = Field(ge=1)
    """Number of columns; bin k of n = min(columns, t1 - t0) starts at t0 + ⌊k(t1 - t0)/n⌋."""


GateTensor = Literal["i", "f", "g", "o", "c", "r", "z", "n"]
GATE_TENSORS = frozenset[str](get_args(GateTensor))  # of gru and lstm alone, and large
WeightTensor = Literal["W_xh", "b_h", "W_hy", "b_y"]
# What is left out with a tensor: W_hh in whichever parts it is sent, and the spectrum in force.
LEFT_OUT_WITH: dict[str, tuple[str, ...]] = {
    "W_hh": ("W_hh_drawn", "W_hh_scale", "W_qkv"),
    "eigenvalues": ("closed_loop_eigenvalues",),
}
Omissible = Literal[
    WeightTensor,
    "W_hh",
    "eigenvalues",
    "singular_values",
    "x",
    "h_0",
    "token_index",
    "y",
    "p",
    "log10_grad_W_xh",
    "cotangent",
    GateTensor,
]


class Run(Document):
    """Asks for a run. A newer run supersedes an older one."""

    type: Literal["run"]
    id: RunId
    """Number of this run on this socket; each is larger than the one before."""
    experiment: Experiment
    view: View | None = None
    """Null or absent: every step is sent."""
    split_weights: bool = False
    """Sends W_hh in a frame of its own, `matrix`, as its draw (W_hh_drawn, float64) where it has
    no edits; its factor, W_hh_scale, comes with the spectrum. Then W_hh is W_hh_scale · W_hh_drawn
    rounded to the run's dtype, and a changed ρ sends no matrix."""
    omit: list[Omissible] = Field([], max_length=len(get_args(Omissible)))
    """Tensors that are not sent: W_hh in all its parts, eigenvalues also those of the closed loop;
    a frame of which nothing is left isn't either."""

    @model_validator(mode="after")
    def _view_lies_inside(self) -> Self:
        _check_view(self.view, self.experiment.steps)
        return self


Analysis = Literal[
    "conditions",
    "powers",
    "jacobian",
    "state_space",
    "race",
    "lyapunov",
    "matrix_powers",
    "influence",
    "atlas",
]
StartDistance = Literal["far", "near"]
MOST_STARTS = 8


class Analyse(Document):
    """Asks for what is computed behind the panels. A newer message of this kind, or a run, on the
    same socket supersedes it: it belongs on a socket of its own.

    Frames, as wanted: `conditions` (eigenvalues, condition_numbers); `powers`
    (log10_largest_power over the first steps, largest_power_step); `jacobian`
    (jacobian_eigenvalues [H, 2] of ∂h_t/∂h_{t-1}, of an lstm [2H, 2] of (h, c); slopes [H],
    what the units multiply by: φ'(a_t), or the gate that keeps; of layers one after the other,
    the bottom first); `state_space` (trajectory [n, 2], times [n], shares [2], others [K, n, 2],
    fixed_points [K, 4], search [4], of two units field, field_across, field_upwards, nullclines, of
    one unit curve; see `portrait`); `race` (log10_distance [K, n], fate [K], log10_factor [K],
    forgotten [K]; see `raced`); `lyapunov` (exponents [k], standard_errors [k], steps [2],
    ln_moduli, dimension [1], entropy_rate [1]; see `exponents`);
    `matrix_powers` (log10_norm_powers, ‖W_hh^t‖ of t = 1 to T), then, up to 128 units, `kreiss`
    (kreiss_constant [1], infinite above ρ = 1); `influence` of the view's window (edges [n + 1]
    of its bins, from 0; log10_influence [n, n], row t and column k: the largest log10
    ‖∂h_t/∂x_k‖ of each bin); and `atlas` again and again, coarse to fine, until every radius
    was there: radii [k], log10_norm_h and log10_grad_h [k, bins].
    """

    type: Literal["analyse"]
    id: RunId
    """Number of this analysis, counted together with the runs of the socket."""
    experiment: Experiment
    wants: list[Analysis] = Field(max_length=len(get_args(Analysis)))
    """What is computed."""
    view: View | None = None
    """The atlas's bins of time, of which each gives its largest value; null: every step."""
    t: int = Field(1, ge=1)
    """The step of the Jacobian, 1 to T."""
    starts: int = Field(1, ge=1, le=MOST_STARTS)
    """How many starts are followed in state_space, and in race, where it is two or more; the first
    is the h_0 of the Experiment."""
    start_distance: StartDistance = "far"
    """Where the further ones lie: far, in opposite pairs around 0, or 10^-6 from the first."""
    plane: tuple[UnitIndex, UnitIndex] | None = None
    """The two units that the state space shows, from 0; null: its two principal components."""
    radii: int = Field(101, ge=2, le=1001)
    """How many spectral radii the atlas has, evenly from 0 to 2."""

    @model_validator(mode="after")
    def _view_lies_inside(self) -> Self:
        _check_view(self.view, self.experiment.steps)
        if self.t > self.experiment.steps:
            _misplaced("t", self.t, f"at most {self.experiment.steps}, the experiment's steps")
        self._check_plane()
        return self

    def _check_plane(self) -> None:
        H = self.experiment.cell.hidden_size
        for place, unit in enumerate(self.plane or ()):
            if unit >= H:
                _misplaced(f"plane.{place}", unit, f"less than {H}, the experiment's units")
        if self.plane is not None and self.plane[0] == self.plane[1]:
            _misplaced("plane.1", self.plane[1], "another unit than the first")


Size = Annotated[int, Field(ge=1)]
MOST_SIZES = 32


class Measure(Document):
    """Asks how long runs of the Experiment's network take on this machine, against H and against T.
    A newer message on the same socket supersedes it: it belongs on a socket of its own. Nothing of
    it is kept: asked again, it measures again.

    Frames: first `measurement` (hidden_sizes [n], lengths [m], attention_lengths [k], what will be
    timed; visits [1], how many frames follow at most); then one a visit to a size, the smallest
    runs first and all sizes once a round: `over_hidden_size`, `over_steps` and
    `attention_over_steps`. Each has hidden_size [1], steps [1]; of every run of that size so far
    forward_s and whole_s [runs], seconds forward, and forward and backward; and of its series so
    far, by the least of each size: fit_forward and fit_whole [5], the exponent, its standard error
    (NaN of two sizes), log10 of the factor, the smallest size of the fit and how many there are;
    local_forward and local_whole, the exponents between successive sizes. One thread computes.

    Timed against T is the network itself; against H, and attention beside it, one of the same
    kind, activation, sizes, batch, dtype and loss, drawn with W_hh ~ N(0, 1/H). Inputs are given,
    also where the form is generation; values and targets of a certain length are left out.
    """

    type: Literal["measure"]
    id: RunId
    """Number of this measurement, counted together with the runs of the socket."""
    experiment: Experiment
    hidden_sizes: list[Size] | None = Field(None, max_length=MOST_SIZES)
    """Which H, or none; null leaves the choice to the server: 2ᵏ and 3 · 2ᵏ within its limits,
    and the Experiment's own."""
    lengths: list[Size] | None = Field(None, max_length=MOST_SIZES)
    """Which T, likewise; attention is timed at those of them that it may have here."""
    rounds: int = Field(3, ge=1, le=100)
    """How often every size is visited. A visit to a quick one takes several runs."""


class Cancel(Document):
    """Stops run `id`; it ends in `done` with the status cancelled. An ended run stays as it is."""

    type: Literal["cancel"]
    id: RunId


class ServerMessage(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class Limits(ServerMessage):
    """What this server accepts; each is a flag of the command and an environment variable."""

    max_hidden: int
    max_steps: int
    max_attention_steps: int
    max_input: int
    max_output: int
    max_batch: int
    max_layers: int
    max_edits: int
    max_text: int
    max_message_bytes: int
    max_result_bytes: int
    max_memory_bytes: int
    max_sessions: int
    max_upload_bytes: int


class Capabilities(ServerMessage):
    """The choices that this server has for the fields of the Experiment."""

    cells: list[str]
    activations: list[str]
    ensembles: list[str]
    inputs: list[str]
    initial_states: list[str]
    losses: list[str]
    edits: list[str]
    dtypes: list[str]


class Hello(ServerMessage):
    """The first message on every socket."""

    type: Literal["hello"] = "hello"
    protocol: int = PROTOCOL_VERSION
    version: str
    """Version of the Rhoscope that serves this."""
    device: Literal["cpu", "cuda"]
    dtype_default: Literal["float32", "float64"] = "float32"
    limits: Limits
    capabilities: Capabilities


class Timings(ServerMessage):
    """Computing time in milliseconds; waiting for the reader counts in `total_ms` alone."""

    build_ms: float
    spectrum_ms: float
    forward_ms: float
    backward_ms: float
    total_ms: float


class Note(ServerMessage):
    """Something the reader should know about the result."""

    code: str
    message: str


class Done(ServerMessage):
    """The end of a run. What was not measured, or is not finite, is null."""

    type: Literal["done"] = "done"
    id: int | None
    """The run; null in the answer of POST /api/run."""
    status: Literal["complete", "superseded", "cancelled"]
    timings: Timings | None = None
    first_nonfinite_step: int | None = None
    """Index, from 0, of the first step with an entry of h beyond the run's dtype."""
    notes: list[Note] = Field(default_factory=list)
    diagnosis: Diagnosis | None = None
    spectral_radius: float | None = None
    """Measured ρ of the W_hh in force."""
    largest_singular_value: float | None = None
    """Measured σ_max of the W_hh in force."""
    henrici_departure: float | None = None
    """√(‖W‖_F² - Σ|λ|²) of the W_hh in force; 0 for a normal matrix."""
    closed_loop_radius: float | None = None
    """Measured spectral radius of W_hh + W_xh W_hy, where an elman cell feeds its outputs back."""
    experiment: Experiment | None = None
    """The whole Experiment in force, with spectral_radius the number in force."""


ClientMessage = Annotated[Run | Analyse | Measure | Cancel, Field(discriminator="type")]
_CLIENT: TypeAdapter[Run | Analyse | Measure | Cancel] = TypeAdapter(ClientMessage)
_EXPERIMENT: TypeAdapter[Experiment] = TypeAdapter(Experiment)


class RefusedMessage(Refusal):
    """A message that cannot be read; its error carries the id if that can be."""

    def __init__(self, refused: Refusal, text: str | bytes) -> None:
        try:
            envelope = _Envelope.model_validate_json(text)
        except ValidationError:
            envelope = _Envelope()
        super().__init__(refused.for_run(envelope.id))
        self.is_run = envelope.type in ("run", "analyse", "measure")


def _or_nothing(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


class _Envelope(BaseModel):
    """What can be read of a message that is otherwise wrong; the rest becomes no object at all."""

    model_config = ConfigDict(strict=True, extra="ignore")

    id: Annotated[RunId | None, WrapValidator(_or_nothing)] = None
    type: Annotated[str | None, WrapValidator(_or_nothing)] = None


def read_message(text: str | bytes) -> Run | Analyse | Measure | Cancel:
    """The client's message. Raises a `RefusedMessage`."""
    try:
        with _without_collecting():
            return _CLIENT.validate_json(text)
    except ValidationError as error:
        raise RefusedMessage(from_validation(error), text) from None


def read_experiment(body: bytes) -> Experiment:
    """The Experiment in a request's body. Raises a `Refusal`."""
    try:
        with _without_collecting():
            return _EXPERIMENT.validate_json(body)
    except ValidationError as error:
        raise from_validation(error) from None


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Reading makes millions of lists and no cycle; collecting in between triples its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _check_view(view: View | None, steps: int) -> None:
    if view is None:
        return
    if view.t1 > steps:
        _misplaced("view.t1", view.t1, f"at most {steps}, the experiment's steps")
    if view.t0 >= view.t1:
        _misplaced("view.t0", view.t0, f"less than view.t1, which is {view.t1}")


def _misplaced(field: str, got: int, expected: str) -> None:
    context = {
        "field": field,
        "problem": "is out of range",
        "got": got,
        "expected": expected,
        "advice": "",
    }
    raise PydanticCustomError("does_not_fit", "{field} {problem}", context)


ServerMessages = Hello | Done | Error
