// The messages between server and page. Made by `make types`; not edited by hand.

export type Message =
  | Analyse
  | Cancel
  | Done
  | EmbedOptions
  | ErrorMessage
  | FoundFile
  | Hello
  | Lesson
  | LessonEntry
  | Measure
  | Run
  | TokenCount;

/**
 * Asks for what is computed behind the panels. A newer message of this kind, or a run, on the
 * same socket supersedes it: it belongs on a socket of its own.
 *
 * Frames, as wanted: `conditions` (eigenvalues, condition_numbers); `powers`
 * (log10_largest_power over the first steps, largest_power_step); `jacobian`
 * (jacobian_eigenvalues [H, 2] of ∂h_t/∂h_{t-1}, of an lstm [2H, 2] of (h, c); slopes [H],
 * what the units multiply by: φ'(a_t), or the gate that keeps; of layers one after the other,
 * the bottom first); `state_space` (trajectory [n, 2], times [n], shares [2], others [K, n, 2],
 * fixed_points [K, 4], search [4], of two units field, field_across, field_upwards, nullclines, of
 * one unit curve; see `portrait`); `race` (log10_distance [K, n], fate [K], log10_factor [K],
 * forgotten [K]; see `raced`); `lyapunov` (exponents [k], standard_errors [k], steps [2],
 * ln_moduli, dimension [1], entropy_rate [1]; see `exponents`);
 * `matrix_powers` (log10_norm_powers, ‖W_hh^t‖ of t = 1 to T), then, up to 128 units, `kreiss`
 * (kreiss_constant [1], infinite above ρ = 1); `influence` of the view's window (edges [n + 1]
 * of its bins, from 0; log10_influence [n, n], row t and column k: the largest log10
 * ‖∂h_t/∂x_k‖ of each bin); and `atlas` again and again, coarse to fine, until every radius
 * was there: radii [k], log10_norm_h and log10_grad_h [k, bins].
 */
export interface Analyse {
  type: "analyse";
  /**
   * Number of this analysis, counted together with the runs of the socket.
   */
  id: number;
  experiment: Experiment;
  /**
   * What is computed.
   *
   * @maxItems 9
   */
  wants: (
    | "conditions"
    | "powers"
    | "jacobian"
    | "state_space"
    | "race"
    | "lyapunov"
    | "matrix_powers"
    | "influence"
    | "atlas"
  )[];
  /**
   * The atlas's bins of time, of which each gives its largest value; null: every step.
   */
  view?: View | null;
  /**
   * The step of the Jacobian, 1 to T.
   */
  t?: number;
  /**
   * How many starts are followed in state_space, and in race, where it is two or more; the first
   * is the h_0 of the Experiment.
   */
  starts?: number;
  /**
   * Where the further ones lie: far, in opposite pairs around 0, or 10^-6 from the first.
   */
  start_distance?: "far" | "near";
  /**
   * The two units that the state space shows, from 0; null: its two principal components.
   */
  plane?: [unknown, unknown] | null;
  /**
   * How many spectral radii the atlas has, evenly from 0 to 2.
   */
  radii?: number;
}
/**
 * Everything that is on the screen. `{}` is the default picture.
 */
export interface Experiment {
  /**
   * Version of this document's format.
   */
  version?: 1;
  cell?: Cell;
  weights?: WeightsFile;
  recurrent?: Recurrent;
  input_weights?: InputWeights;
  bias?: Bias;
  readout?: Readout;
  output_bias?: OutputBias;
  output?: Output;
  generation?: Generation;
  input?: Impulse | Constant | Sine | Noise | Silence | InputValues | InputFile | TextInput;
  initial_state?: Zeros | RandomState | StateValues;
  loss?: LinearLoss | MeanSquaredLoss | CrossEntropyLoss;
  /**
   * T, the number of steps; 1 to the server's --max-steps.
   */
  steps?: number;
  /**
   * B, the number of sequences run side by side; 1 to the server's --max-batch.
   */
  batch_size?: number;
  /**
   * Precision of weights, states and swept gradients; norms are float64 always.
   */
  dtype?: "float32" | "float64";
}
/**
 * The recurrent cell and its sizes.
 */
export interface Cell {
  /**
   * Which cell: elman is h_t = φ(W_xh x_t + W_hh h_{t-1} + b_h); gru and lstm are PyTorch's,
   * their gates stacked along the rows of the weights, r z n and i f g o. attention is no recurrent
   * cell but its contrast: one head of causal self-attention over e_t = W_xh x_t + b_h, its output
   * in the place of h_t, W_q W_k W_v stacked in the place of W_hh.
   */
  kind?: "elman" | "gru" | "lstm" | "attention";
  /**
   * The activation φ of an elman cell; gru and lstm have their own.
   */
  activation?: "tanh" | "relu" | "linear";
  /**
   * D, the number of inputs; 1 to the server's --max-input.
   */
  input_size?: number;
  /**
   * H, the number of hidden units; 1 to the server's --max-hidden.
   */
  hidden_size?: number;
  /**
   * O, the number of outputs; 1 to the server's --max-output.
   */
  output_size?: number;
  /**
   * Layers on top of one another, each fed by the states of the one below, as PyTorch's
   * num_layers; 1 to the server's --max-layers. Edits are those of the first layer.
   */
  layers?: number;
}
/**
 * Weights that were brought along instead of drawn: a layer of an uploaded file.
 */
export interface WeightsFile {
  /**
   * SHA-256 of the file; null means that all weights are drawn.
   */
  file?: string | null;
  /**
   * Which of the file's recurrent layers, from 0.
   */
  layer?: number;
}
/**
 * How W_hh is drawn, scaled and edited.
 */
export interface Recurrent {
  /**
   * The matrix that is drawn: entries of gaussian, symmetric and antisymmetric are N(0, 1/H).
   */
  ensemble?:
    | "gaussian"
    | "orthogonal"
    | "identity"
    | "rotation"
    | "antisymmetric"
    | "symmetric"
    | "sparse"
    | "delay_line"
    | "ring";
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed?: number;
  /**
   * ρ that W_hh is rescaled to, 0 or more; null with gain null means 1.
   */
  spectral_radius?: number | null;
  /**
   * Factor on the draw, without rescaling to a radius, 0 or more; not with spectral_radius.
   */
  gain?: number | null;
  /**
   * Operations on W_hh as it was drawn and scaled, or loaded, in order. In gru and lstm those on
   * eigenvalues and normality are of the candidate's block, n or g, and a radius is that block's.
   */
  edits?: (SetWeight | ZeroBlock | MoveEigenvalue | ChangeNormality | RescaleToRadius)[];
}
/**
 * Sets one weight to a number; it stays until a later operation.
 */
export interface SetWeight {
  op?: "set";
  /**
   * Row, from 0: the unit that receives.
   */
  i: number;
  /**
   * Column, from 0: the unit that sends.
   */
  j: number;
  /**
   * The new weight.
   */
  value: number;
}
/**
 * Sets a block of weights to 0: rows, columns, or where they cross.
 */
export interface ZeroBlock {
  op: "zero";
  /**
   * First row and the row after the last, from 0; null means every row.
   */
  rows?: [unknown, unknown] | null;
  /**
   * First column and the column after the last, from 0; null means every column.
   */
  columns?: [unknown, unknown] | null;
}
/**
 * Moves one real eigenvalue, or a conjugate pair, of W_hh; the other eigenvalues stay.
 *
 * A pair moved onto the real axis becomes the two reals to ± half_gap; a real eigenvalue moved
 * off it becomes a pair together with the nearest other real one.
 */
export interface MoveEigenvalue {
  op: "eigenvalue";
  /**
   * Re and Im of the eigenvalue that is moved; the nearest one is taken.
   *
   * @minItems 2
   * @maxItems 2
   */
  at: [unknown, unknown];
  /**
   * Re and Im of where it goes; its conjugate goes to the conjugate.
   *
   * @minItems 2
   * @maxItems 2
   */
  to: [unknown, unknown];
  /**
   * Where a pair becomes two reals, half of their distance; 0 is the least that can be told.
   */
  half_gap?: number;
  /**
   * What stays: the eigenvectors, or the orthonormal vectors of the Schur form, with which the
   * weights change about as much as the eigenvalue does.
   */
  keep?: "eigenvectors" | "schur_vectors";
}
/**
 * Scales what is not normal in W_hh: the same eigenvalues, another fate.
 */
export interface ChangeNormality {
  op: "normality";
  /**
   * 0 makes W_hh normal, 1 leaves it alone, 2 doubles its departure from normality.
   */
  alpha: number;
}
/**
 * Multiplies W_hh by the factor that gives it a spectral radius.
 */
export interface RescaleToRadius {
  op: "radius";
  /**
   * ρ of the result, 0 or more.
   */
  spectral_radius: number;
}
/**
 * How W_xh is drawn, scale · N(0, 1/D), and edited.
 */
export interface InputWeights {
  /**
   * Factor on the draw, 0 or more.
   */
  scale?: number;
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed?: number;
  /**
   * Operations on W_xh as it was drawn or loaded, in order.
   */
  edits?: (SetWeight | ZeroBlock)[];
}
/**
 * How b_h is drawn, scale · N(0, 1), zero by default, and edited.
 *
 * With gru it has 4H entries: those of r, z and n, and b_hn, which stands inside r ⊙ (…).
 */
export interface Bias {
  /**
   * Factor on the draw, 0 or more.
   */
  scale?: number;
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed?: number;
  /**
   * Added to the bias of the gate that keeps: b_f of lstm, b_z of gru; not used by elman.
   */
  forget?: number;
  /**
   * Operations on b_h as it was drawn or loaded, in order.
   */
  edits?: (SetEntry | ZeroEntries)[];
}
/**
 * Sets one entry of a vector to a number.
 */
export interface SetEntry {
  op?: "set";
  /**
   * Entry, from 0.
   */
  i: number;
  /**
   * The new value.
   */
  value: number;
}
/**
 * Sets entries of a vector to 0.
 */
export interface ZeroEntries {
  op: "zero";
  /**
   * First entry and the entry after the last, from 0; null means every one.
   */
  rows?: [unknown, unknown] | null;
}
/**
 * How W_hy is drawn, scale · N(0, 1/H), and edited.
 */
export interface Readout {
  /**
   * Factor on the draw, 0 or more.
   */
  scale?: number;
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed?: number;
  /**
   * Operations on W_hy as it was drawn or loaded, in order.
   */
  edits?: (SetWeight | ZeroBlock)[];
}
/**
 * How b_y, which is zero unless it was loaded, is edited.
 */
export interface OutputBias {
  /**
   * Operations on b_y, in order.
   */
  edits?: (SetEntry | ZeroEntries)[];
}
/**
 * What the outputs are: numbers, or the logits of classes.
 */
export interface Output {
  /**
   * With classes p(x_{t+1} | x_1 … x_t) = softmax(y_t / temperature) is told at every step.
   */
  kind?: "values" | "classes";
  /**
   * Of the softmax, 0 or more; 0 is its limit, the most likely class alone.
   */
  temperature?: number;
}
/**
 * The network's own outputs as its input: y_t is fed back as x_{t+1}.
 *
 * Outputs that are classes are fed back as the one-hot vector of a class drawn from p.
 */
export interface Generation {
  /**
   * Steps whose input is given, 1 or more; then the network generates. null: it never does.
   */
  after?: number | null;
  /**
   * Seed of what is drawn; 0 to 2^53 - 1.
   */
  seed?: number;
}
/**
 * One push: the amplitude at index 0, then nothing.
 */
export interface Impulse {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude?: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed?: number;
  kind?: "impulse";
}
/**
 * The amplitude at every step.
 */
export interface Constant {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude?: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed?: number;
  kind: "constant";
}
/**
 * A sine wave that starts at 0.
 */
export interface Sine {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude?: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed?: number;
  kind: "sine";
  /**
   * Length of one period in steps, above 0.
   */
  period?: number;
}
/**
 * White noise N(0, amplitude²).
 */
export interface Noise {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude?: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed?: number;
  kind: "noise";
}
/**
 * No input at all.
 */
export interface Silence {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude?: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed?: number;
  kind: "silence";
}
/**
 * The input as numbers.
 */
export interface InputValues {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude?: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed?: number;
  kind: "values";
  /**
   * x, T rows of D numbers, the same for every sequence of a batch.
   */
  values: number[][];
}
/**
 * The input from an uploaded file: its first `steps` steps and `batch_size` sequences.
 */
export interface InputFile {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude?: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed?: number;
  kind: "file";
  /**
   * SHA-256 of the file, which holds [T, D] or [B, T, D] numbers.
   */
  file: string;
}
/**
 * A text, one token a step: the first `steps` of them, and silence after the last.
 */
export interface TextInput {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude?: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed?: number;
  kind: "text";
  /**
   * What is read, up to the server's --max-text; at least one visible sign.
   */
  text?: string;
  /**
   * What a token is. A word is a run of letters and digits, whether written large or small, and
   * each other visible sign is a token too; a character is what a reader sees as one, spaces
   * included. Tokens have their places in the vocabulary by first appearance.
   */
  tokens?: "word" | "character";
  /**
   * A token's vector. one_hot is the amplitude at its place in the vocabulary, which input_size
   * must have room for; random is drawn from the seed, N(0, amplitude²/D).
   */
  embedding?: "one_hot" | "random";
}
/**
 * h_0 = 0.
 */
export interface Zeros {
  kind?: "zeros";
}
/**
 * h_0 = scale · N(0, 1).
 */
export interface RandomState {
  kind: "random";
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed?: number;
  /**
   * Factor on the draw, 0 or more.
   */
  scale?: number;
}
/**
 * h_0 as numbers.
 */
export interface StateValues {
  kind: "values";
  /**
   * h_0, H numbers, the same for every sequence of a batch.
   */
  values: number[];
}
/**
 * cᵀh_t with a fixed unit direction c: shows how gradients travel, and nothing else.
 */
export interface LinearLoss {
  /**
   * Where the loss sits: at the last step, or the sum over every step.
   */
  at?: "last" | "every";
  kind?: "linear";
}
/**
 * ½‖y_t - target_t‖².
 */
export interface MeanSquaredLoss {
  /**
   * Where the loss sits: at the last step, or the sum over every step.
   */
  at?: "last" | "every";
  kind: "mse";
  /**
   * O numbers for every step, or T rows of O numbers; null means zero.
   */
  target?: (number[] | number[][]) | null;
}
/**
 * -log p_t[target_t] with p_t = softmax(y_t), whatever the temperature.
 */
export interface CrossEntropyLoss {
  /**
   * Where the loss sits: at the last step, or the sum over every step.
   */
  at?: "last" | "every";
  kind: "cross_entropy";
  /**
   * The class that is right, from 0: one for every step, or T of them; null means class 0.
   */
  target?: (number | number[]) | null;
}
/**
 * What the page can show: these steps, in no more than `columns` columns.
 */
export interface View {
  /**
   * First step shown, from 0.
   */
  t0: number;
  /**
   * Step after the last one shown; above t0, at most T.
   */
  t1: number;
  /**
   * Number of columns; bin k of n = min(columns, t1 - t0) starts at t0 + ⌊k(t1 - t0)/n⌋.
   */
  columns: number;
}
/**
 * Stops run `id`; it ends in `done` with the status cancelled. An ended run stays as it is.
 */
export interface Cancel {
  type: "cancel";
  id: number;
}
/**
 * The end of a run. What was not measured, or is not finite, is null.
 */
export interface Done {
  type: "done";
  /**
   * The run; null in the answer of POST /api/run.
   */
  id: number | null;
  status: "complete" | "superseded" | "cancelled";
  timings: Timings | null;
  /**
   * Index, from 0, of the first step with an entry of h beyond the run's dtype.
   */
  first_nonfinite_step: number | null;
  notes: Note[];
  diagnosis: Diagnosis | null;
  /**
   * Measured ρ of the W_hh in force.
   */
  spectral_radius: number | null;
  /**
   * Measured σ_max of the W_hh in force.
   */
  largest_singular_value: number | null;
  /**
   * √(‖W‖_F² - Σ|λ|²) of the W_hh in force; 0 for a normal matrix.
   */
  henrici_departure: number | null;
  /**
   * Measured spectral radius of W_hh + W_xh W_hy, where an elman cell feeds its outputs back.
   */
  closed_loop_radius: number | null;
  /**
   * The whole Experiment in force, with spectral_radius the number in force.
   */
  experiment: CompleteExperiment | null;
}
/**
 * Computing time in milliseconds; waiting for the reader counts in `total_ms` alone.
 */
export interface Timings {
  build_ms: number;
  spectrum_ms: number;
  forward_ms: number;
  backward_ms: number;
  total_ms: number;
}
/**
 * Something the reader should know about the result.
 */
export interface Note {
  code: string;
  message: string;
}
/**
 * The verdict of a run; with a batch, of the mean over its sequences of log10 norms.
 */
export interface Diagnosis {
  states: StatesVerdict;
  /**
   * Of a run that generates: what became of ‖h_t‖ while the input was given,
   */
  fed: StatesVerdict | null;
  /**
   * and from then on, while outputs were fed back.
   */
  generating: StatesVerdict | null;
  gradients: GradientsVerdict;
  shares: StepShares;
  /**
   * Null for gru and lstm, whose gates no singular value of one matrix speaks for.
   */
  certificate: Certificate | null;
  float_end: FloatEnd;
}
/**
 * What became of ‖h_t‖ from h_1 to h_T.
 */
export interface StatesVerdict {
  /**
   * Geometric mean factor per step, as a power of ten.
   */
  log10_factor: number | null;
  /**
   * Change from the first to the last, in decades.
   */
  log10_change: number | null;
  /**
   * vanish from -1 decade, explode from +1, else live; zero if it is exactly 0 from some step.
   */
  fate: ("vanish" | "explode" | "live" | "zero") | null;
  /**
   * Steps after which it is exactly 0.
   */
  zero_after: number | null;
  /**
   * The first norm on the way that is not 0.
   */
  log10_start: number | null;
  /**
   * Steps before that norm.
   */
  start_after: number | null;
}
/**
 * What became of ‖∂L/∂h_t‖ from h_T back to h_1.
 */
export interface GradientsVerdict {
  /**
   * Geometric mean factor per step, as a power of ten.
   */
  log10_factor: number | null;
  /**
   * Change from the first to the last, in decades.
   */
  log10_change: number | null;
  /**
   * vanish from -1 decade, explode from +1, else live; zero if it is exactly 0 from some step.
   */
  fate: ("vanish" | "explode" | "live" | "zero") | null;
  /**
   * Steps after which it is exactly 0.
   */
  zero_after: number | null;
  /**
   * The first norm on the way that is not 0.
   */
  log10_start: number | null;
  /**
   * Steps before that norm.
   */
  start_after: number | null;
  /**
   * The part of the factor that the activation's slope takes, as a power of ten; null where
   * losses at every step join the gradient on its way.
   */
  log10_saturation: number | null;
  /**
   * The part of the factor that W_hhᵀ gives, likewise.
   */
  log10_linear_gain: number | null;
  /**
   * The change that steps_to_threshold counts to, in decades: -6, or 6 where it explodes.
   */
  threshold_log10: number;
  /**
   * Smallest distance from the end at which the gradient has changed by that much.
   */
  steps_to_threshold: number | null;
}
/**
 * How the steps share in ∂L/∂W_hh, which is the sum of their contributions; of layers on
 * layers the top one's. With norms: those of the terms add up to more than that of the sum.
 */
export interface StepShares {
  /**
   * The sum of the norms of all steps' contributions, as a power of ten; null where it is 0.
   */
  log10_sum: number | null;
  /**
   * The largest of these norms.
   */
  log10_largest: number | null;
  /**
   * The last step that has it, from 0.
   */
  largest_step: number | null;
  /**
   * The fewest steps whose norms together are half of the sum.
   */
  steps_of_half: number;
}
/**
 * What the largest singular value alone proves.
 */
export interface Certificate {
  /**
   * Largest slope of the activation.
   */
  gamma: number;
  /**
   * Largest singular value of W_hh.
   */
  sigma_max: number | null;
  /**
   * σ_max γ < 1: every gradient must vanish.
   */
  must_vanish: boolean;
  /**
   * σ_max γ > 1: without it nothing can explode.
   */
  can_explode: boolean;
}
/**
 * Where the run's dtype ends.
 */
export interface FloatEnd {
  dtype: "float32" | "float64";
  /**
   * Largest number, as a power of ten.
   */
  log10_max: number;
  /**
   * Smallest number above 0, as a power of ten.
   */
  log10_tiny: number;
}
/**
 * Everything that is on the screen. `{}` is the default picture.
 */
export interface CompleteExperiment {
  /**
   * Version of this document's format.
   */
  version: 1;
  cell: CompleteCell;
  weights: CompleteWeightsFile;
  recurrent: CompleteRecurrent;
  input_weights: CompleteInputWeights;
  bias: CompleteBias;
  readout: CompleteReadout;
  output_bias: CompleteOutputBias;
  output: CompleteOutput;
  generation: CompleteGeneration;
  input:
    | CompleteImpulse
    | CompleteConstant
    | CompleteSine
    | CompleteNoise
    | CompleteSilence
    | CompleteInputValues
    | CompleteInputFile
    | CompleteTextInput;
  initial_state: CompleteZeros | CompleteRandomState | StateValues;
  loss: CompleteLinearLoss | CompleteMeanSquaredLoss | CompleteCrossEntropyLoss;
  /**
   * T, the number of steps; 1 to the server's --max-steps.
   */
  steps: number;
  /**
   * B, the number of sequences run side by side; 1 to the server's --max-batch.
   */
  batch_size: number;
  /**
   * Precision of weights, states and swept gradients; norms are float64 always.
   */
  dtype: "float32" | "float64";
}
/**
 * The recurrent cell and its sizes.
 */
export interface CompleteCell {
  /**
   * Which cell: elman is h_t = φ(W_xh x_t + W_hh h_{t-1} + b_h); gru and lstm are PyTorch's,
   * their gates stacked along the rows of the weights, r z n and i f g o. attention is no recurrent
   * cell but its contrast: one head of causal self-attention over e_t = W_xh x_t + b_h, its output
   * in the place of h_t, W_q W_k W_v stacked in the place of W_hh.
   */
  kind: "elman" | "gru" | "lstm" | "attention";
  /**
   * The activation φ of an elman cell; gru and lstm have their own.
   */
  activation: "tanh" | "relu" | "linear";
  /**
   * D, the number of inputs; 1 to the server's --max-input.
   */
  input_size: number;
  /**
   * H, the number of hidden units; 1 to the server's --max-hidden.
   */
  hidden_size: number;
  /**
   * O, the number of outputs; 1 to the server's --max-output.
   */
  output_size: number;
  /**
   * Layers on top of one another, each fed by the states of the one below, as PyTorch's
   * num_layers; 1 to the server's --max-layers. Edits are those of the first layer.
   */
  layers: number;
}
/**
 * Weights that were brought along instead of drawn: a layer of an uploaded file.
 */
export interface CompleteWeightsFile {
  /**
   * SHA-256 of the file; null means that all weights are drawn.
   */
  file: string | null;
  /**
   * Which of the file's recurrent layers, from 0.
   */
  layer: number;
}
/**
 * How W_hh is drawn, scaled and edited.
 */
export interface CompleteRecurrent {
  /**
   * The matrix that is drawn: entries of gaussian, symmetric and antisymmetric are N(0, 1/H).
   */
  ensemble:
    | "gaussian"
    | "orthogonal"
    | "identity"
    | "rotation"
    | "antisymmetric"
    | "symmetric"
    | "sparse"
    | "delay_line"
    | "ring";
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed: number;
  /**
   * ρ that W_hh is rescaled to, 0 or more; null with gain null means 1.
   */
  spectral_radius: number | null;
  /**
   * Factor on the draw, without rescaling to a radius, 0 or more; not with spectral_radius.
   */
  gain: number | null;
  /**
   * Operations on W_hh as it was drawn and scaled, or loaded, in order. In gru and lstm those on
   * eigenvalues and normality are of the candidate's block, n or g, and a radius is that block's.
   */
  edits: (
    | CompleteSetWeight
    | CompleteZeroBlock
    | CompleteMoveEigenvalue
    | ChangeNormality
    | RescaleToRadius
  )[];
}
/**
 * Sets one weight to a number; it stays until a later operation.
 */
export interface CompleteSetWeight {
  op: "set";
  /**
   * Row, from 0: the unit that receives.
   */
  i: number;
  /**
   * Column, from 0: the unit that sends.
   */
  j: number;
  /**
   * The new weight.
   */
  value: number;
}
/**
 * Sets a block of weights to 0: rows, columns, or where they cross.
 */
export interface CompleteZeroBlock {
  op: "zero";
  /**
   * First row and the row after the last, from 0; null means every row.
   */
  rows: [unknown, unknown] | null;
  /**
   * First column and the column after the last, from 0; null means every column.
   */
  columns: [unknown, unknown] | null;
}
/**
 * Moves one real eigenvalue, or a conjugate pair, of W_hh; the other eigenvalues stay.
 *
 * A pair moved onto the real axis becomes the two reals to ± half_gap; a real eigenvalue moved
 * off it becomes a pair together with the nearest other real one.
 */
export interface CompleteMoveEigenvalue {
  op: "eigenvalue";
  /**
   * Re and Im of the eigenvalue that is moved; the nearest one is taken.
   *
   * @minItems 2
   * @maxItems 2
   */
  at: [unknown, unknown];
  /**
   * Re and Im of where it goes; its conjugate goes to the conjugate.
   *
   * @minItems 2
   * @maxItems 2
   */
  to: [unknown, unknown];
  /**
   * Where a pair becomes two reals, half of their distance; 0 is the least that can be told.
   */
  half_gap: number;
  /**
   * What stays: the eigenvectors, or the orthonormal vectors of the Schur form, with which the
   * weights change about as much as the eigenvalue does.
   */
  keep: "eigenvectors" | "schur_vectors";
}
/**
 * How W_xh is drawn, scale · N(0, 1/D), and edited.
 */
export interface CompleteInputWeights {
  /**
   * Factor on the draw, 0 or more.
   */
  scale: number;
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed: number;
  /**
   * Operations on W_xh as it was drawn or loaded, in order.
   */
  edits: (CompleteSetWeight | CompleteZeroBlock)[];
}
/**
 * How b_h is drawn, scale · N(0, 1), zero by default, and edited.
 *
 * With gru it has 4H entries: those of r, z and n, and b_hn, which stands inside r ⊙ (…).
 */
export interface CompleteBias {
  /**
   * Factor on the draw, 0 or more.
   */
  scale: number;
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed: number;
  /**
   * Added to the bias of the gate that keeps: b_f of lstm, b_z of gru; not used by elman.
   */
  forget: number;
  /**
   * Operations on b_h as it was drawn or loaded, in order.
   */
  edits: (CompleteSetEntry | CompleteZeroEntries)[];
}
/**
 * Sets one entry of a vector to a number.
 */
export interface CompleteSetEntry {
  op: "set";
  /**
   * Entry, from 0.
   */
  i: number;
  /**
   * The new value.
   */
  value: number;
}
/**
 * Sets entries of a vector to 0.
 */
export interface CompleteZeroEntries {
  op: "zero";
  /**
   * First entry and the entry after the last, from 0; null means every one.
   */
  rows: [unknown, unknown] | null;
}
/**
 * How W_hy is drawn, scale · N(0, 1/H), and edited.
 */
export interface CompleteReadout {
  /**
   * Factor on the draw, 0 or more.
   */
  scale: number;
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed: number;
  /**
   * Operations on W_hy as it was drawn or loaded, in order.
   */
  edits: (CompleteSetWeight | CompleteZeroBlock)[];
}
/**
 * How b_y, which is zero unless it was loaded, is edited.
 */
export interface CompleteOutputBias {
  /**
   * Operations on b_y, in order.
   */
  edits: (CompleteSetEntry | CompleteZeroEntries)[];
}
/**
 * What the outputs are: numbers, or the logits of classes.
 */
export interface CompleteOutput {
  /**
   * With classes p(x_{t+1} | x_1 … x_t) = softmax(y_t / temperature) is told at every step.
   */
  kind: "values" | "classes";
  /**
   * Of the softmax, 0 or more; 0 is its limit, the most likely class alone.
   */
  temperature: number;
}
/**
 * The network's own outputs as its input: y_t is fed back as x_{t+1}.
 *
 * Outputs that are classes are fed back as the one-hot vector of a class drawn from p.
 */
export interface CompleteGeneration {
  /**
   * Steps whose input is given, 1 or more; then the network generates. null: it never does.
   */
  after: number | null;
  /**
   * Seed of what is drawn; 0 to 2^53 - 1.
   */
  seed: number;
}
/**
 * One push: the amplitude at index 0, then nothing.
 */
export interface CompleteImpulse {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed: number;
  kind: "impulse";
}
/**
 * The amplitude at every step.
 */
export interface CompleteConstant {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed: number;
  kind: "constant";
}
/**
 * A sine wave that starts at 0.
 */
export interface CompleteSine {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed: number;
  kind: "sine";
  /**
   * Length of one period in steps, above 0.
   */
  period: number;
}
/**
 * White noise N(0, amplitude²).
 */
export interface CompleteNoise {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed: number;
  kind: "noise";
}
/**
 * No input at all.
 */
export interface CompleteSilence {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed: number;
  kind: "silence";
}
/**
 * The input as numbers.
 */
export interface CompleteInputValues {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed: number;
  kind: "values";
  /**
   * x, T rows of D numbers, the same for every sequence of a batch.
   */
  values: number[][];
}
/**
 * The input from an uploaded file: its first `steps` steps and `batch_size` sequences.
 */
export interface CompleteInputFile {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed: number;
  kind: "file";
  /**
   * SHA-256 of the file, which holds [T, D] or [B, T, D] numbers.
   */
  file: string;
}
/**
 * A text, one token a step: the first `steps` of them, and silence after the last.
 */
export interface CompleteTextInput {
  /**
   * Size of the input; every input component gets the same, of a text every token. Not used by
   * silence, values, file.
   */
  amplitude: number;
  /**
   * Seed of the noise, or of a random embedding, 0 to 2^53 - 1; other kinds keep it unused.
   */
  seed: number;
  kind: "text";
  /**
   * What is read, up to the server's --max-text; at least one visible sign.
   */
  text: string;
  /**
   * What a token is. A word is a run of letters and digits, whether written large or small, and
   * each other visible sign is a token too; a character is what a reader sees as one, spaces
   * included. Tokens have their places in the vocabulary by first appearance.
   */
  tokens: "word" | "character";
  /**
   * A token's vector. one_hot is the amplitude at its place in the vocabulary, which input_size
   * must have room for; random is drawn from the seed, N(0, amplitude²/D).
   */
  embedding: "one_hot" | "random";
}
/**
 * h_0 = 0.
 */
export interface CompleteZeros {
  kind: "zeros";
}
/**
 * h_0 = scale · N(0, 1).
 */
export interface CompleteRandomState {
  kind: "random";
  /**
   * Seed of the draw; 0 to 2^53 - 1.
   */
  seed: number;
  /**
   * Factor on the draw, 0 or more.
   */
  scale: number;
}
/**
 * cᵀh_t with a fixed unit direction c: shows how gradients travel, and nothing else.
 */
export interface CompleteLinearLoss {
  /**
   * Where the loss sits: at the last step, or the sum over every step.
   */
  at: "last" | "every";
  kind: "linear";
}
/**
 * ½‖y_t - target_t‖².
 */
export interface CompleteMeanSquaredLoss {
  /**
   * Where the loss sits: at the last step, or the sum over every step.
   */
  at: "last" | "every";
  kind: "mse";
  /**
   * O numbers for every step, or T rows of O numbers; null means zero.
   */
  target: (number[] | number[][]) | null;
}
/**
 * -log p_t[target_t] with p_t = softmax(y_t), whatever the temperature.
 */
export interface CompleteCrossEntropyLoss {
  /**
   * Where the loss sits: at the last step, or the sum over every step.
   */
  at: "last" | "every";
  kind: "cross_entropy";
  /**
   * The class that is right, from 0: one for every step, or T of them; null means class 0.
   */
  target: (number | number[]) | null;
}
/**
 * What an embed shows, and what a hand may do there.
 */
export interface EmbedOptions {
  /**
   * What is shown: places, or views, which bring their place along.
   *
   * @maxItems 64
   */
  view: (
    | "verdict"
    | "equation"
    | "top"
    | "bottom"
    | "side"
    | "corner"
    | "time"
    | "readout"
    | "hidden_states"
    | "unrolled"
    | "influence"
    | "dimensions"
    | "atlas"
    | "norms"
    | "powers"
    | "race"
    | "cost"
    | "eigenvalues"
    | "state_space"
    | "lyapunov"
    | "weights"
  )[];
  /**
   * What can be set: `none`, `min` (ρ and the clock), `full`, or controls by name.
   *
   * @maxItems 64
   */
  controls: (
    | "none"
    | "min"
    | "full"
    | "rho"
    | "cell"
    | "phi"
    | "H"
    | "ensemble"
    | "seed"
    | "forget"
    | "input"
    | "text"
    | "tokens"
    | "embedding"
    | "amplitude"
    | "period"
    | "h0"
    | "h0scale"
    | "T"
    | "generate"
    | "sample"
    | "y"
    | "temperature"
    | "loss"
    | "at"
    | "B"
    | "D"
    | "O"
    | "layers"
    | "dtype"
    | "clock"
    | "alpha"
    | "compare"
    | "form"
  )[];
  /**
   * What of all this is left out again; also the title, the menus in the panels' titles, the
   * way back (`reset`) and the way to the whole page (`link`).
   *
   * @maxItems 64
   */
  hide: (
    | "verdict"
    | "equation"
    | "top"
    | "bottom"
    | "side"
    | "corner"
    | "time"
    | "readout"
    | "hidden_states"
    | "unrolled"
    | "influence"
    | "dimensions"
    | "atlas"
    | "norms"
    | "powers"
    | "race"
    | "cost"
    | "eigenvalues"
    | "state_space"
    | "lyapunov"
    | "weights"
    | "rho"
    | "cell"
    | "phi"
    | "H"
    | "ensemble"
    | "seed"
    | "forget"
    | "input"
    | "text"
    | "tokens"
    | "embedding"
    | "amplitude"
    | "period"
    | "h0"
    | "h0scale"
    | "T"
    | "generate"
    | "sample"
    | "y"
    | "temperature"
    | "loss"
    | "at"
    | "B"
    | "D"
    | "O"
    | "layers"
    | "dtype"
    | "clock"
    | "alpha"
    | "compare"
    | "form"
    | "title"
    | "menus"
    | "reset"
    | "link"
  )[];
  /**
   * Fields that no hand can change, by their names in links; `weights` is every operation on
   * them, `all` is everything. The cursor stays free.
   *
   * @maxItems 64
   */
  lock: (
    | "all"
    | "weights"
    | "rho"
    | "cell"
    | "phi"
    | "H"
    | "ensemble"
    | "seed"
    | "forget"
    | "input"
    | "text"
    | "tokens"
    | "embedding"
    | "amplitude"
    | "period"
    | "h0"
    | "h0scale"
    | "T"
    | "generate"
    | "sample"
    | "y"
    | "temperature"
    | "loss"
    | "at"
    | "B"
    | "D"
    | "O"
    | "layers"
    | "dtype"
    | "gain"
    | "Wxh"
    | "bias"
  )[];
  /**
   * Colours and sizes; `auto` is light or dark, as the reader's system is.
   */
  theme: "auto" | "light" | "dark" | "projector";
  /**
   * When it plays by itself: with its slide, with its first picture, or never. Never where the
   * reader wants less motion.
   */
  autoplay: "slide" | "always" | "never";
  /**
   * Whether it plays on from the start after the last step.
   */
  loop: boolean;
  /**
   * Step at which it opens, if its link names none.
   */
  t: number | null;
  /**
   * Speed of the clock, × 20 steps a second.
   */
  speed: number;
  /**
   * Name of the lesson that is opened, if its link names none.
   */
  lesson: string | null;
  /**
   * Step of that lesson.
   */
  step: number | null;
  /**
   * A line above it all, and the document's title.
   */
  title: string;
  /**
   * Size of all type and lines; 1.5 for the back rows.
   */
  scale: number;
}
/**
 * Why a message or a run was refused. All seven keys are always there.
 */
export interface ErrorMessage {
  type: "error";
  /**
   * The run this ends; null on HTTP, and where none is.
   */
  id: number | null;
  /**
   * One of a closed list, for programs.
   */
  code:
    | "invalid_json"
    | "invalid_field"
    | "over_limit"
    | "not_text"
    | "invalid_file"
    | "unknown_file"
    | "no_storage"
    | "forbidden_origin"
    | "forbidden_host"
    | "forbidden_client"
    | "not_found"
    | "method_not_allowed"
    | "busy"
    | "internal";
  /**
   * One sentence for people: what, got, expected, what to do.
   */
  message: string;
  /**
   * Dotted path of the field, e.g. cell.hidden_size.
   */
  field: string | null;
  /**
   * The refused value, shortened where it is long.
   */
  got: string | number | boolean | null;
  /**
   * What would have been accepted.
   */
  expected: string | null;
}
/**
 * The answer to an upload: what was found.
 */
export interface FoundFile {
  type: "file";
  /**
   * SHA-256 of the file, by which Experiments name it.
   */
  file: string;
  format: "safetensors" | "npz" | "npy" | "json" | "csv";
  layers: FoundLayer[];
  /**
   * Modules of several layers, all of which can be run on top of one another.
   */
  stacks: FoundLayer[];
  input: FoundInput | null;
  /**
   * Tensors that nothing is made of.
   */
  left_out: FoundTensor[];
}
/**
 * One recurrent layer of the file.
 */
export interface FoundLayer {
  /**
   * Its number, as weights.layer counts.
   */
  layer: number;
  /**
   * What the file calls it.
   */
  name: string;
  /**
   * PyTorch's module of that kind.
   */
  module: string;
  /**
   * D; null where the file has no W_xh: then it is drawn.
   */
  input_size: number | null;
  /**
   * H.
   */
  hidden_size: number;
  /**
   * O; null where the file has no readout: then it is drawn.
   */
  output_size: number | null;
  tensors: FoundTensor[];
  /**
   * Why it can't be opened here; null where it can.
   */
  problem: string | null;
  /**
   * Dotted path → value: the change of an Experiment that opens it.
   */
  changes: {
    [k: string]: string | number | unknown[] | null;
  };
}
/**
 * One tensor of the file.
 */
export interface FoundTensor {
  name: string;
  shape: number[];
  dtype: string;
  /**
   * What it is taken for, W_xh, W_hh, b_h, W_hy or b_y; null: it is left out.
   */
  symbol: string | null;
}
/**
 * The file as an input.
 */
export interface FoundInput {
  /**
   * T.
   */
  steps: number;
  /**
   * D.
   */
  input_size: number;
  /**
   * B.
   */
  batch_size: number;
  /**
   * Dotted path → value: the change of an Experiment that uses it.
   */
  changes: {
    [k: string]: string | number | unknown[] | null;
  };
}
/**
 * The first message on every socket.
 */
export interface Hello {
  type: "hello";
  protocol: number;
  /**
   * Version of the Rhoscope that serves this.
   */
  version: string;
  device: "cpu" | "cuda";
  dtype_default: "float32" | "float64";
  limits: Limits;
  capabilities: Capabilities;
}
/**
 * What this server accepts; each is a flag of the command and an environment variable.
 */
export interface Limits {
  max_hidden: number;
  max_steps: number;
  max_attention_steps: number;
  max_input: number;
  max_output: number;
  max_batch: number;
  max_layers: number;
  max_edits: number;
  max_text: number;
  max_message_bytes: number;
  max_result_bytes: number;
  max_memory_bytes: number;
  max_sessions: number;
  max_upload_bytes: number;
}
/**
 * The choices that this server has for the fields of the Experiment.
 */
export interface Capabilities {
  cells: string[];
  activations: string[];
  ensembles: string[];
  inputs: string[];
  initial_states: string[];
  losses: string[];
  edits: string[];
  dtypes: string[];
}
/**
 * A whole lesson.
 */
export interface Lesson {
  type: "lesson";
  name: string;
  title: string;
  section: string;
  summary: string;
  is_gallery: boolean;
  steps: LessonStep[];
}
/**
 * One step: what is said, and what is looked at.
 */
export interface LessonStep {
  /**
   * A few words; may be empty.
   */
  title: string;
  /**
   * One line of HTML; in a gallery what one should see. May be empty.
   */
  summary: string;
  /**
   * The prose, as HTML. A link in it, such as #rho=1.2, is a change of what is shown.
   */
  text: string;
  /**
   * Link to the step's own Experiment and panels, whole, with its "#".
   */
  hash: string;
  /**
   * The panels to look at; the others step back. None: all are as they are.
   */
  look: ("verdict" | "top" | "bottom" | "side" | "weights" | "time" | "readout")[];
  question: Question | null;
}
/**
 * What the class predicts before it looks.
 */
export interface Question {
  /**
   * The question, as HTML.
   */
  ask: string;
  /**
   * What may be predicted, as HTML; two to nine.
   */
  choices: string[];
  /**
   * Which of them is right, counted from 1.
   */
  answer: number;
  /**
   * What is said once the class has looked, as HTML; may be empty.
   */
  after: string;
  /**
   * What is covered until then.
   */
  covers: ("verdict" | "top" | "bottom" | "side" | "weights" | "time" | "readout")[];
}
/**
 * A lesson in the list of lessons.
 */
export interface LessonEntry {
  type: "lesson_entry";
  /**
   * The folder's name, as links have it: #lesson=NAME&step=1.
   */
  name: string;
  title: string;
  /**
   * Of which section of a chapter it is; lessons of one section stand together.
   */
  section: string;
  /**
   * One line of HTML.
   */
  summary: string;
  /**
   * How many steps it has.
   */
  steps: number;
  /**
   * Of a gallery: its steps, which are presets that can be opened one by one.
   */
  cases: Case[] | null;
}
/**
 * One step of a gallery, as the list of lessons tells it.
 */
export interface Case {
  title: string;
  summary: string;
}
/**
 * Asks how long runs of the Experiment's network take on this machine, against H and against T.
 * A newer message on the same socket supersedes it: it belongs on a socket of its own. Nothing of
 * it is kept: asked again, it measures again.
 *
 * Frames: first `measurement` (hidden_sizes [n], lengths [m], attention_lengths [k], what will be
 * timed; visits [1], how many frames follow at most); then one a visit to a size, the smallest
 * runs first and all sizes once a round: `over_hidden_size`, `over_steps` and
 * `attention_over_steps`. Each has hidden_size [1], steps [1]; of every run of that size so far
 * forward_s and whole_s [runs], seconds forward, and forward and backward; and of its series so
 * far, by the least of each size: fit_forward and fit_whole [5], the exponent, its standard error
 * (NaN of two sizes), log10 of the factor, the smallest size of the fit and how many there are;
 * local_forward and local_whole, the exponents between successive sizes. One thread computes.
 *
 * Timed against T is the network itself; against H, and attention beside it, one of the same
 * kind, activation, sizes, batch, dtype and loss, drawn with W_hh ~ N(0, 1/H). Inputs are given,
 * also where the form is generation; values and targets of a certain length are left out.
 */
export interface Measure {
  type: "measure";
  /**
   * Number of this measurement, counted together with the runs of the socket.
   */
  id: number;
  experiment: Experiment;
  /**
   * Which H, or none; null leaves the choice to the server: 2ᵏ and 3 · 2ᵏ within its limits,
   * and the Experiment's own.
   */
  hidden_sizes?: number[] | null;
  /**
   * Which T, likewise; attention is timed at those of them that it may have here.
   */
  lengths?: number[] | null;
  /**
   * How often every size is visited. A visit to a quick one takes several runs.
   */
  rounds?: number;
}
/**
 * Asks for a run. A newer run supersedes an older one.
 */
export interface Run {
  type: "run";
  /**
   * Number of this run on this socket; each is larger than the one before.
   */
  id: number;
  experiment: Experiment;
  /**
   * Null or absent: every step is sent.
   */
  view?: View | null;
  /**
   * Sends W_hh in a frame of its own, `matrix`, as its draw (W_hh_drawn, float64) where it has
   * no edits; its factor, W_hh_scale, comes with the spectrum. Then W_hh is W_hh_scale · W_hh_drawn
   * rounded to the run's dtype, and a changed ρ sends no matrix.
   */
  split_weights?: boolean;
  /**
   * Tensors that are not sent: W_hh in all its parts, eigenvalues also those of the closed loop;
   * a frame of which nothing is left isn't either.
   *
   * @maxItems 22
   */
  omit?: (
    | "W_xh"
    | "b_h"
    | "W_hy"
    | "b_y"
    | "W_hh"
    | "eigenvalues"
    | "singular_values"
    | "x"
    | "h_0"
    | "token_index"
    | "y"
    | "p"
    | "log10_grad_W_xh"
    | "cotangent"
    | "i"
    | "f"
    | "g"
    | "o"
    | "c"
    | "r"
    | "z"
    | "n"
  )[];
}
/**
 * What T and D must be for every token of a text to have its step and its component.
 */
export interface TokenCount {
  type: "token_count";
  /**
   * Tokens in the text: steps, T. 0 where there is nothing to see, which can't be run.
   */
  count: number;
  /**
   * Different ones among them: with one_hot the least input_size, D.
   */
  vocabulary_size: number;
}
