"""The Experiment, version 1: the one document that describes a whole picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from app import consistency

LARGEST_SEED = 2**53 - 1  # the largest integer that JSON carries exactly to every reader

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Vector = Annotated[list[float], Field(fail_fast=True)]
Rows = Annotated[list[Vector], Field(fail_fast=True)]


class Document(BaseModel):
    """Strict, closed and immutable: an unknown field or a wrong type is an error."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class Cell(Document):
    """The recurrent cell and its sizes."""

    kind: Literal["elman"] = "elman"
    """Which cell: elman is h_t = φ(W_xh x_t + W_hh h_{t-1} + b_h)."""
    activation: Literal["tanh", "relu", "linear"] = "tanh"
    """The activation φ."""
    input_size: int = Field(1, ge=1)
    """D, the number of inputs; 1 to the server's --max-input."""
    hidden_size: int = Field(64, ge=1)
    """H, the number of hidden units; 1 to the server's --max-hidden."""
    output_size: int = Field(1, ge=1)
    """O, the number of outputs; 1 to the server's --max-output."""


class SetWeight(Document):
    """Sets one weight of W_hh to a number; it stays until a later operation."""

    op: Literal["set"] = "set"
    i: int = Field(ge=0)
    """Row, from 0: the unit that receives; below H."""
    j: int = Field(ge=0)
    """Column, from 0: the unit that sends; below H."""
    value: float
    """The new weight."""


def _kind_of(default: str) -> Discriminator:
    """Chooses a union's member by `kind`; a document without it gets the default member."""

    def tag(value: Any) -> str:
        if isinstance(value, dict):
            kind = value.get("kind", default)
        else:
            kind = getattr(value, "kind", None)
        return kind if isinstance(kind, str) else "" if kind is None else repr(kind)

    return Discriminator(tag)


Edit = SetWeight  # further operations join it in a union discriminated on `op`


class Recurrent(Document):
    """How W_hh is drawn, scaled and edited."""

    ensemble: Literal[
        "gaussian",
        "orthogonal",
        "identity",
        "rotation",
        "antisymmetric",
        "symmetric",
        "sparse",
        "delay_line",
        "ring",
    ] = "gaussian"
    """The matrix that is drawn: entries of gaussian, symmetric and antisymmetric are N(0, 1/H)."""
    seed: Seed = 0
    """Seed of the draw; 0 to 2^53 - 1."""
    spectral_radius: float | None = Field(None, ge=0)
    """ρ that W_hh is rescaled to, 0 or more; null with gain null means 1."""
    gain: float | None = Field(None, ge=0)
    """Factor on the draw, without rescaling to a radius, 0 or more; not with spectral_radius."""
    edits: Annotated[list[Edit], Field(fail_fast=True)] = Field(default_factory=list)
    """Operations on the drawn and scaled matrix, in order."""


class InputWeights(Document):
    """How W_xh is drawn: scale · N(0, 1/D)."""

    scale: float = Field(1.0, ge=0)
    """Factor on the draw, 0 or more."""
    seed: Seed = 1
    """Seed of the draw; 0 to 2^53 - 1."""


class Bias(Document):
    """How b_h is drawn: scale · N(0, 1); zero by default."""

    scale: float = Field(0.0, ge=0)
    """Factor on the draw, 0 or more."""
    seed: Seed = 3
    """Seed of the draw; 0 to 2^53 - 1."""


class Readout(Document):
    """How W_hy is drawn: scale · N(0, 1/H); b_y is zero."""

    scale: float = Field(1.0, ge=0)
    """Factor on the draw, 0 or more."""
    seed: Seed = 4
    """Seed of the draw; 0 to 2^53 - 1."""


class _Input(Document):
    amplitude: float = 1.0
    """Size of the input; every input component gets the same. Not used by silence and values."""
    seed: Seed = 2
    """Seed of the noise, 0 to 2^53 - 1; other kinds keep it unused."""


class Impulse(_Input):
    """One push: the amplitude at index 0, then nothing."""

    kind: Literal["impulse"] = "impulse"


class Constant(_Input):
    """The amplitude at every step."""

    kind: Literal["constant"]


class Sine(_Input):
    """A sine wave that starts at 0."""

    kind: Literal["sine"]
    period: float = Field(20.0, gt=0)
    """Length of one period in steps, above 0."""


class Noise(_Input):
    """White noise N(0, amplitude²)."""

    kind: Literal["noise"]


class Silence(_Input):
    """No input at all."""

    kind: Literal["silence"]


class InputValues(_Input):
    """The input as numbers."""

    kind: Literal["values"]
    values: Rows
    """x, T rows of D numbers, the same for every sequence of a batch."""


Input = Annotated[
    Annotated[Impulse, Tag("impulse")]
    | Annotated[Constant, Tag("constant")]
    | Annotated[Sine, Tag("sine")]
    | Annotated[Noise, Tag("noise")]
    | Annotated[Silence, Tag("silence")]
    | Annotated[InputValues, Tag("values")],
    _kind_of("impulse"),
]


class Zeros(Document):
    """h_0 = 0."""

    kind: Literal["zeros"] = "zeros"


class RandomState(Document):
    """h_0 = scale · N(0, 1)."""

    kind: Literal["random"]
    seed: Seed = 5
    """Seed of the draw; 0 to 2^53 - 1."""
    scale: float = Field(1.0, ge=0)
    """Factor on the draw, 0 or more."""


class StateValues(Document):
    """h_0 as numbers."""

    kind: Literal["values"]
    values: Vector
    """h_0, H numbers, the same for every sequence of a batch."""


InitialState = Annotated[
    Annotated[Zeros, Tag("zeros")]
    | Annotated[RandomState, Tag("random")]
    | Annotated[StateValues, Tag("values")],
    _kind_of("zeros"),
]


class _Loss(Document):
    at: Literal["last", "every"] = "last"
    """Where the loss sits: at the last step, or the sum over every step."""


class LinearLoss(_Loss):
    """cᵀh_t with a fixed unit direction c: shows how gradients travel, and nothing else."""

    kind: Literal["linear"] = "linear"


def _target_shape(value: Any) -> str:
    return "rows" if isinstance(value, list) and value and isinstance(value[0], list) else "vector"


Target = Annotated[
    Annotated[Vector, Tag("vector")] | Annotated[Rows, Tag("rows")], Discriminator(_target_shape)
]


class MeanSquaredLoss(_Loss):
    """½‖y_t - target_t‖²."""

    kind: Literal["mse"]
    target: Target | None = None
    """O numbers for every step, or T rows of O numbers; null means zero."""


Loss = Annotated[
    Annotated[LinearLoss, Tag("linear")] | Annotated[MeanSquaredLoss, Tag("mse")],
    _kind_of("linear"),
]


def _not_true(version: Any) -> Any:
    return "true" if version is True else version  # because True == 1 in Python


class Experiment(Document):
    """Everything that is on the screen. `{}` is the default picture."""

    version: Annotated[Literal[1], BeforeValidator(_not_true)] = 1
    """Version of this document's format."""
    cell: Cell = Field(default_factory=Cell)
    recurrent: Recurrent = Field(default_factory=Recurrent)
    input_weights: InputWeights = Field(default_factory=InputWeights)
    bias: Bias = Field(default_factory=Bias)
    readout: Readout = Field(default_factory=Readout)
    input: Input = Field(default_factory=Impulse)
    initial_state: InitialState = Field(default_factory=Zeros)
    loss: Loss = Field(default_factory=LinearLoss)
    steps: int = Field(200, ge=1)
    """T, the number of steps; 1 to the server's --max-steps."""
    batch_size: int = Field(1, ge=1)
    """B, the number of sequences run side by side; 1 to the server's --max-batch."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of weights, states and swept gradients; norms are float64 always."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        consistency.check(self)
        return self
