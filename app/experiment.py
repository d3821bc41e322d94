"""The Experiment, version 1: the one document that describes a whole picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from app import consistency
from app.document import Document, Index, tagged
from app.edits import MatrixEdits, SquareEdits, VectorEdits

LARGEST_SEED = 2**53 - 1  # the largest integer that JSON carries exactly to every reader

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
TokenKind = Literal["word", "character"]
ContentHash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Vector = Annotated[list[float], Field(fail_fast=True)]
Rows = Annotated[list[Vector], Field(fail_fast=True)]
Classes = Annotated[list[Index], Field(fail_fast=True)]


class Cell(Document):
    """The recurrent cell and its sizes."""

    kind: Literal["elman", "gru", "lstm", "attention"] = "elman"
    """Which cell: elman is h_t = φ(W_xh x_t + W_hh h_{t-1} + b_h); gru and lstm are PyTorch's,
    their gates stacked along the rows of the weights, r z n and i f g o. attention is no recurrent
    cell but its contrast: one head of causal self-attention over e_t = W_xh x_t + b_h, its output
    in the place of h_t, W_q W_k W_v stacked in the place of W_hh."""
    activation: Literal["tanh", "relu", "linear"] = "tanh"
    """The activation φ of an elman cell; gru and lstm have their own."""
    input_size: int = Field(1, ge=1)
    """D, the number of inputs; 1 to the server's --max-input."""
    hidden_size: int = Field(64, ge=1)
    """H, the number of hidden units; 1 to the server's --max-hidden."""
    output_size: int = Field(1, ge=1)
    """O, the number of outputs; 1 to the server's --max-output."""
    layers: int = Field(1, ge=1)
    """Layers on top of one another, each fed by the states of the one below, as PyTorch's
    num_layers; 1 to the server's --max-layers. Edits are those of the first layer."""


class WeightsFile(Document):
    """Weights that were brought along instead of drawn: a layer of an uploaded file."""

    file: ContentHash | None = None
    """SHA-256 of the file; null means that all weights are drawn."""
    layer: Index = 0
    """Which of the file's recurrent layers, from 0."""


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
    edits: SquareEdits = Field(default_factory=list)
    """Operations on W_hh as it was drawn and scaled, or loaded, in order. In gru and lstm those on
    eigenvalues and normality are of the candidate's block, n or g, and a radius is that block's."""


class InputWeights(Document):
    """How W_xh is drawn, scale · N(0, 1/D), and edited."""

    scale: float = Field(1.0, ge=0)
    """Factor on the draw, 0 or more."""
    seed: Seed = 1
    """Seed of the draw; 0 to 2^53 - 1."""
    edits: MatrixEdits = Field(default_factory=list)
    """Operations on W_xh as it was drawn or loaded, in order."""


class Bias(Document):
    """How b_h is drawn, scale · N(0, 1), zero by default, and edited.

    With gru it has 4H entries: those of r, z and n, and b_hn, which stands inside r ⊙ (…).
    """

    scale: float = Field(0.0, ge=0)
    """Factor on the draw, 0 or more."""
    seed: Seed = 3
    """Seed of the draw; 0 to 2^53 - 1."""
    forget: float = 0.0
    """Added to the bias of the gate that keeps: b_f of lstm, b_z of gru; not used by elman."""
    edits: VectorEdits = Field(default_factory=list)
    """Operations on b_h as it was drawn or loaded, in order."""


class Readout(Document):
    """How W_hy is drawn, scale · N(0, 1/H), and edited."""

    scale: float = Field(1.0, ge=0)
    """Factor on the draw, 0 or more."""
    seed: Seed = 4
    """Seed of the draw; 0 to 2^53 - 1."""
    edits: MatrixEdits = Field(default_factory=list)
    """Operations on W_hy as it was drawn or loaded, in order."""


class OutputBias(Document):
    """How b_y, which is zero unless it was loaded, is edited."""

    edits: VectorEdits = Field(default_factory=list)
    """Operations on b_y, in order."""


class _Input(Document):
    amplitude: float = 1.0
    """Size of the input; every input component gets the same, of a text every token. Not used by
    silence, values, file."""
    seed: Seed = 2
    """Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused."""


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


class InputFile(_Input):
    """The input from an uploaded file: its first `steps` steps and `batch_size` sequences."""

    kind: Literal["file"]
    file: ContentHash
    """SHA-256 of the file, which holds [T, D] or [B, T, D] numbers."""


class TextInput(_Input):
    """A text, one token a step: the first `steps` of them, and silence after the last."""

    kind: Literal["text"]
    text: str = "The cat that chased the mouse was hungry."
    """What is read, up to the server's --max-text; at least one visible sign."""
    tokens: TokenKind = "word"
    """What a token is. A word is a run of letters and digits, whether written large or small, and
    each other visible sign is a token too; a character is what a reader sees as one, spaces
    included. Tokens have their places in the vocabulary by first appearance."""
    embedding: Literal["one_hot", "random"] = "one_hot"
    """A token's vector. one_hot is the amplitude at its place in the vocabulary, which input_size
    must have room for; random is drawn from the seed, N(0, amplitude²/D)."""


Input = Annotated[
    Annotated[Impulse, Tag("impulse")]
    | Annotated[Constant, Tag("constant")]
    | Annotated[Sine, Tag("sine")]
    | Annotated[Noise, Tag("noise")]
    | Annotated[Silence, Tag("silence")]
    | Annotated[InputValues, Tag("values")]
    | Annotated[InputFile, Tag("file")]
    | Annotated[TextInput, Tag("text")],
    tagged("kind", "impulse"),
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
    tagged("kind", "zeros"),
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


def _class_target_shape(value: Any) -> str:
    return "list" if isinstance(value, list) else "class"


ClassTarget = Annotated[
    Annotated[Index, Tag("class")] | Annotated[Classes, Tag("list")],
    Discriminator(_class_target_shape),
]


class CrossEntropyLoss(_Loss):
    """-log p_t[target_t] with p_t = softmax(y_t), whatever the temperature."""

    kind: Literal["cross_entropy"]
    target: ClassTarget | None = None
    """The class that is right, from 0: one for every step, or T of them; null means class 0."""


class MeanSquaredLoss(_Loss):
    """½‖y_t - target_t‖²."""

    kind: Literal["mse"]
    target: Target | None = None
    """O numbers for every step, or T rows of O numbers; null means zero."""


Loss = Annotated[
    Annotated[LinearLoss, Tag("linear")]
    | Annotated[MeanSquaredLoss, Tag("mse")]
    | Annotated[CrossEntropyLoss, Tag("cross_entropy")],
    tagged("kind", "linear"),
]


class Output(Document):
    """What the outputs are: numbers, or the logits of classes."""

    kind: Literal["values", "classes"] = "values"
    """With classes p(x_{t+1} | x_1 … x_t) = softmax(y_t / temperature) is told at every step."""
    temperature: float = Field(1.0, ge=0)
    """Of the softmax, 0 or more; 0 is its limit, the most likely class alone."""


class Generation(Document):
    """The network's own outputs as its input: y_t is fed back as x_{t+1}.

    Outputs that are classes are fed back as the one-hot vector of a class drawn from p.
    """

    after: int | None = Field(None, ge=1)
    """Steps whose input is given, 1 or more; then the network generates. null: it never does."""
    seed: Seed = 7
    """Seed of what is drawn; 0 to 2^53 - 1."""


def _not_true(version: Any) -> Any:
    return "true" if version is True else version  # because True == 1 in Python


class Experiment(Document):
    """Everything that is on the screen. `{}` is the default picture."""

    version: Annotated[Literal[1], BeforeValidator(_not_true)] = 1
    """Version of this document's format."""
    cell: Cell = Field(default_factory=Cell)
    weights: WeightsFile = Field(default_factory=WeightsFile)
    recurrent: Recurrent = Field(default_factory=Recurrent)
    input_weights: InputWeights = Field(default_factory=InputWeights)
    bias: Bias = Field(default_factory=Bias)
    readout: Readout = Field(default_factory=Readout)
    output_bias: OutputBias = Field(default_factory=OutputBias)
    output: Output = Field(default_factory=Output)
    generation: Generation = Field(default_factory=Generation)
    input: Input = Field(default_factory=Impulse)
    initial_state: InitialState = Field(default_factory=Zeros)
    loss: Loss = Field(default_factory=LinearLoss)
    steps: int = Field(200, ge=1)
    """T, the number of steps; 1 to the server's --max-steps."""
    batch_size: int = Field(1, ge=1)
    """B, the number of sequences run side by side; 1 to the server's --max-batch."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of weights, states and swept gradients; norms are float64 always."""

    @property
    def generates(self) -> bool:
        """Whether outputs are fed back in the run, as they are or as classes drawn from them."""
        return self.generation.after is not None and self.generation.after < self.steps

    @property
    def closes_loop(self) -> bool:
        """Whether outputs are fed back as they are; what is drawn is an input like any other."""
        return self.generates and self.output.kind == "values"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        consistency.check(self)
        return self
