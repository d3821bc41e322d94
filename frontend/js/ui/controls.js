/** The controls of the Experiment, made from the table of fields: each with its symbol, its range and its own message. */
import { valueAt } from "../state/experiment.js";
import { FIELD_AT, problemWith } from "../state/fields.js";
import { plain } from "../render/format.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { editsText } from "../state/store.js";
import { markLive } from "./keyboard.js";

/** @typedef {import("../state/fields.js").Field} Field */
/** @typedef {import("../state/store.js").Store} Store */
/** Where changes go through: at once, or with what else follows from them. @typedef {(changes: Record<string, unknown>, step: import("../state/store.js").Step) => void} EditGate */

/**
 * @typedef {object} Control
 * @property {string} path
 * @property {string} name                 what stands before it, HTML
 * @property {Readonly<Record<string, string>>} [words]  names of choices, where they are not the usual ones
 * @property {readonly string[]} [unoffered]  choices that come in another way than by this menu
 * @property {boolean} [hasSlider]         a logarithmic slider beside the number
 * @property {(store: Store) => number} [end]  what the slider goes up to, where that is less than may be typed
 * @property {(store: Store) => boolean} [isShown]
 */

const WORDS = Object.freeze({
  elman: "Elman", gru: "GRU", lstm: "LSTM", attention: "Attention",
  tanh: "tanh", relu: "ReLU", linear: "linear", gaussian: "Gaussian", orthogonal: "orthogonal", identity: "identity",
  rotation: "rotation", antisymmetric: "antisymmetric", symmetric: "symmetric", sparse: "sparse", delay_line: "delay line", ring: "ring",
  impulse: "impulse at t = 1", constant: "constant", sine: "sine", noise: "noise",
  silence: "silence", file: "from a file", text: "text", values: "numbers", zeros: "zero", random: "random", last: "at the last step", every: "at every step",
  mse: "½‖y − target‖²", cross_entropy: "cross-entropy of y",
});

const inputIs = (/** @type {string[]} */ ...kinds) => (/** @type {Store} */ store) => kinds.includes(store.experiment.input.kind);

const isDrawn = (/** @type {Store} */ store) => store.experiment.weights.file === null;

const hasClasses = (/** @type {Store} */ store) => store.experiment.output.kind === "classes";
const isGenerating = (/** @type {Store} */ store) => store.experiment.generation.after !== null;

/** @type {ReadonlyArray<{name: string, title: string, controls: readonly Control[], summary?: (experiment: import("../state/experiment.js").Experiment) => string}>} summary: a group that is folded shows it */
const GROUPS = Object.freeze([
  { name: "network", title: "Network", controls: [
    { path: "cell.kind", name: "cell", unoffered: ["attention"] },
    { path: "cell.activation", name: "activation φ", isShown: (store) => store.experiment.cell.kind === "elman" },
    { path: "cell.hidden_size", name: "units H", hasSlider: true },
    { path: "recurrent.ensemble", name: "W<sub>hh</sub> drawn", isShown: isDrawn },
    { path: "recurrent.seed", name: "seed", isShown: isDrawn },
  ] },
  { name: "input", title: "Input and start", controls: [
    // Numbers come with a link, a file by being opened; there is nothing to choose until they have.
    { path: "input.kind", name: "input x<sub>t</sub>", unoffered: ["values", "file"] },
    { path: "input.tokens", name: "tokens", words: { word: "words", character: "characters" }, isShown: inputIs("text") },
    { path: "input.embedding", name: "embedding", words: { one_hot: "one-hot", random: "random vectors" }, isShown: inputIs("text") },
    { path: "input.amplitude", name: "amplitude", isShown: inputIs("impulse", "constant", "sine", "noise", "text") },
    { path: "input.period", name: "period, steps", isShown: inputIs("sine") },
    { path: "initial_state.kind", name: "start h<sub>0</sub>", unoffered: ["values"] },
    { path: "initial_state.scale", name: "scale of h<sub>0</sub>", isShown: (store) => store.experiment.initial_state.kind === "random" },
  ] },
  { name: "form", title: "Length, form and loss", controls: [
    { path: "steps", name: "steps T", hasSlider: true },
    { path: "generation.after", name: "given steps", hasSlider: true, end: (store) => store.experiment.steps, isShown: isGenerating },
    { path: "generation.seed", name: "seed of draws", isShown: (store) => isGenerating(store) && hasClasses(store) },
    { path: "output.kind", name: "outputs y<sub>t</sub>", words: { values: "numbers", classes: "classes: softmax" } },
    { path: "output.temperature", name: "temperature τ", isShown: hasClasses },
    { path: "loss.kind", name: "loss L", words: { linear: "cᵀh: travel alone" } },
    { path: "loss.at", name: "L sits", isShown: isGenerating },
  ] },
  { name: "sizes", title: "Sizes", summary: ({ batch_size: B, steps: T, cell: { input_size: D, output_size: O, layers } }) => `x [B, T, D] = [${[B, T, D].map((size) => size.toLocaleString("en")).join(", ")}]; O = ${O.toLocaleString("en")}${layers > 1 ? `; ${layers} layers` : ""}`, controls: [
    { path: "batch_size", name: "sequences B" },
    { path: "cell.input_size", name: "inputs D" },
    { path: "cell.output_size", name: "outputs O" },
    { path: "cell.layers", name: "layers" },
    { path: "dtype", name: "numbers" },
  ] },
]);

/** @typedef {ReturnType<typeof mountControls>} Controls */

/**
 * @param {HTMLElement} element @param {Store} store
 * @param {{onNewDraw: () => void, edit: EditGate}} actions @param {AbortSignal} signal
 */
export function mountControls(element, store, { onNewDraw, edit }, signal) {
  /** @type {Map<string, FieldRow>} */
  const rows = new Map();
  /** @type {Array<() => void>} */
  const summaries = [];
  for (const { name, title, controls, summary } of GROUPS) {
    const group = document.createElement("fieldset");
    group.dataset.group = name;
    group.innerHTML = summary ? `<details><summary><span class="group-title">${title}</span> <span class="group-summary"></span></summary></details>` : `<legend>${title}</legend>`;
    const inside = group.querySelector("details") ?? group;
    for (const control of controls) {
      const row = new FieldRow(control, store, edit, signal);
      rows.set(control.path, row);
      inside.append(row.element);
    }
    element.append(group);
    const text = /** @type {HTMLElement | null} */ (group.querySelector(".group-summary"));
    if (summary) summaries.push(() => writeText(text ?? undefined, summary(store.experiment)));
  }
  const draw = document.createElement("button");
  draw.type = "button";
  draw.className = "new-draw";
  draw.textContent = "new draw";
  draw.title = "draw W_hh anew with the next seed (n)";
  draw.addEventListener("click", onNewDraw, { signal });
  rows.get("recurrent.seed")?.element.querySelector(".field-input")?.append(draw);

  const show = () => {
    rows.forEach((row) => row.show());
    summaries.forEach((write) => write());
  };
  store.subscribe((change) => change === "experiment" && show(), signal);
  show();
  return {
    /** What this server has: choices it lacks are taken away, sizes are bounded. @param {import("../net/wire.js").Hello} hello */
    setCapabilities({ limits, capabilities }) {
      rows.get("recurrent.ensemble")?.limitChoices(capabilities.ensembles);
      rows.get("cell.kind")?.limitChoices(capabilities.cells);
      rows.get("cell.activation")?.limitChoices(capabilities.activations);
      rows.get("input.kind")?.limitChoices(capabilities.inputs);
      rows.get("cell.hidden_size")?.limitMax(limits.max_hidden);
      rows.get("steps")?.limitMax(limits.max_steps);
      rows.get("generation.after")?.limitMax(limits.max_steps);
      rows.get("batch_size")?.limitMax(limits.max_batch);
      rows.get("cell.input_size")?.limitMax(limits.max_input);
      rows.get("cell.output_size")?.limitMax(limits.max_output);
      rows.get("cell.layers")?.limitMax(limits.max_layers);
      show();
    },
    /** Puts the server's message beside the field it speaks of, where there is one. @param {string | null} path @param {string} message */
    explain(path, message) {
      const row = path === null ? undefined : rows.get(path);
      const folded = row?.element.closest("details");
      if (folded) folded.open = true;
      row?.refuse(message);
    },
    /** Only these values are to be had. @param {string} path @param {readonly (string | number)[]} values */
    limitTo: (path, values) => rows.get(path)?.limitTo(values),
    /** The elements that set a field. @param {string} path @returns {readonly Element[]} */
    inputsOf: (path) => [...(rows.get(path)?.element.querySelectorAll("input, select") ?? [])],
    /** A run went through: what a server refused before is settled. */
    clearRefusals: () => rows.forEach((row) => row.refuse("")),
  };
}

class FieldRow {
  /** @type {HTMLInputElement | HTMLSelectElement} */
  #input;
  /** @type {HTMLInputElement | null} */
  #slider = null;
  #hint;
  #max;
  #store;
  #edit;
  #control;
  #isRefused = false;
  /** The only values there are, where they are few. @type {readonly (string | number)[] | null} */
  #values = null;
  /** Operations on weights that the present step of this field has left out. */
  #lost = 0;
  /** What the hint says now: the problem, "" for the range; null where it must be written anew. @type {string | null} */
  #said = null;
  #field;

  /** @param {Control} control @param {Store} store @param {EditGate} edit @param {AbortSignal} signal */
  constructor(control, store, edit, signal) {
    this.#edit = edit;
    const field = FIELD_AT.get(control.path);
    if (!field) throw new Error(`no field ${control.path}`);
    this.#field = field;
    this.#control = control;
    this.#store = store;
    this.#max = field.max ?? Infinity;
    const id = `field-${control.path.replace(/[._]/g, "-")}`;
    this.element = document.createElement("div");
    this.element.className = "field";
    this.element.innerHTML = `<label for="${id}">${control.name}</label><div class="field-input"></div><small class="field-hint" id="${id}-hint"></small>`;
    this.#hint = /** @type {HTMLElement} */ (this.element.querySelector(".field-hint"));
    const box = /** @type {HTMLElement} */ (this.element.querySelector(".field-input"));
    this.#input = field.type === "choice" ? choiceInput(field, control) : numberInput(field);
    this.#input.id = id;
    this.#input.setAttribute("aria-describedby", `${id}-hint`);
    if (control.hasSlider) {
      this.#slider = logSlider(field);
      box.append(this.#slider);
      this.#slider.addEventListener("input", () => this.#take(this.#fromSlider()), { signal });
      this.#slider.addEventListener("change", () => store.endStep(), { signal });
    }
    box.append(this.#input);
    this.#input.addEventListener("input", () => this.#take(this.#read()), { signal });
    this.#input.addEventListener("change", () => store.endStep(), { signal });
    this.#input.addEventListener("blur", () => this.#isFit(this.#read()) || this.#restore(), { signal });
  }

  /** @param {readonly string[]} choices */
  limitChoices(choices) {
    for (const option of this.#input instanceof HTMLSelectElement ? [...this.#input.options] : []) {
      if (!choices.includes(option.value)) option.remove();
    }
  }

  /** @param {readonly (string | number)[]} values */
  limitTo(values) {
    this.limitChoices(values.map(String));
    this.#values = values;
    this.#said = null;
    this.explain("");
  }

  /** @param {number} max */
  limitMax(max) {
    this.#max = Math.min(this.#field.max ?? Infinity, max);
    if (this.#input instanceof HTMLInputElement) this.#input.max = String(this.#max);
    this.#said = null;
    this.explain("");
  }

  show() {
    const isHidden = this.#control.isShown ? !this.#control.isShown(this.#store) : false;
    writeHidden(this.element, isHidden);
    const value = valueAt(this.#store.experiment, this.#field.path);
    const position = String(Math.round(this.#position(Number(value))));
    if (this.#slider && this.#slider.value !== position) this.#slider.value = position;
    // Its own value is a place on a log scale, which says nothing.
    if (this.#slider) writeAttribute(this.#slider, "aria-valuetext", Number(value).toLocaleString("en"));
    this.#remark();
    if (this.#input === document.activeElement && this.#read() === value) return;
    if (this.#input === document.activeElement && this.#input instanceof HTMLInputElement && !this.#isFit(this.#read())) return;
    this.#restore();
  }

  /** @param {string} problem  "" shows the range again */
  explain(problem) {
    if (problem === this.#said) return;
    this.#said = problem;
    writeText(this.#hint, problem || this.#range());
    writeAttribute(this.#hint, "class", problem === "" ? "field-hint" : "field-hint field-problem");
    writeAttribute(this.#input, "aria-invalid", String(problem !== ""));
  }

  /** The server's word on the field, which stands until a run goes through. @param {string} problem  "" takes it back */
  refuse(problem) {
    if (!problem && !this.#isRefused) return;
    this.#isRefused = problem !== "";
    this.explain(problem);
  }

  /** What the present step has cost, in the place of the range. */
  #remark() {
    const lost = this.#store.lostTo(this.#field.path);
    if (lost === this.#lost) return;
    this.#lost = lost;
    if (this.#said === "") this.#said = null;
    if (this.#said === null) this.explain("");
  }

  #range() {
    if (this.#lost) return `${editsText(this.#lost)} of weights left out; undo brings ${this.#lost === 1 ? "it" : "them"} back`;
    const { min = -Infinity, type } = this.#field;
    if (type === "choice") return "";
    if (this.#values) return this.#values.join(", ");
    const isOpen = this.#max >= 1e9;
    if (isOpen) return min < 0 ? "any number" : min > 0 && min < 1 ? "above 0" : `${plain(min)} or more`;
    return `${plain(min)} to ${this.#max.toLocaleString("en")}`;
  }

  #restore() {
    const value = String(valueAt(this.#store.experiment, this.#field.path) ?? "");
    const input = this.#input;
    if (input instanceof HTMLSelectElement && ![...input.options].some((option) => option.value === value)) input.add(new Option(wordFor(this.#control, value), value));
    if (input.value !== value) input.value = value;
    this.explain("");
  }

  /** @param {unknown} value */
  #isFit(value) {
    return problemWith(this.#field, value) === null && !(typeof value === "number" && value > this.#max);
  }

  /** @param {unknown} value */
  #take(value) {
    if (!this.#isFit(value)) return this.explain(this.#problem(value));
    this.explain("");
    const { path, symbol, label } = this.#field;
    this.#edit({ [path]: value }, { label: `${symbol ?? label} → ${typeof value === "number" ? plain(value, 6) : value}`, merge: path });
  }

  /** @param {unknown} value */
  #problem(value) {
    const got = this.#input.value === "" ? "no number" : `${value}`;
    const kind = this.#field.type === "integer" ? "a whole number" : "a number";
    const { min, max } = this.#field;
    return `got ${got}; expected ${kind} from ${plain(min ?? -Infinity)} to ${Number.isFinite(max) ? plain(this.#max, 7) : "∞"}.`;
  }

  #read() {
    const { type } = this.#field;
    if (type === "choice") return this.#input.value;
    return this.#input.value.trim() === "" ? NaN : Number(this.#input.value);
  }

  #fromSlider() {
    const { min = 1 } = this.#field;
    return Math.round(min * (this.#end / min) ** (Number(this.#slider?.value) / 100));
  }

  /** @param {number} value */
  #position(value) {
    const { min = 1 } = this.#field;
    const position = (100 * Math.log(value / min)) / Math.log(this.#end / min);
    return Number.isFinite(position) ? position : 0;
  }

  /** What the slider goes up to. */
  get #end() {
    return Math.min(this.#max, this.#control.end?.(this.#store) ?? Infinity);
  }
}

/** @param {Control} control @param {string} value */
const wordFor = ({ words }, value) => words?.[value] ?? WORDS[/** @type {keyof typeof WORDS} */ (value)] ?? value;

/** @param {Field} field @param {Control} control */
function choiceInput({ choices = [] }, control) {
  const select = document.createElement("select");
  for (const choice of choices) if (!control.unoffered?.includes(choice)) select.add(new Option(wordFor(control, choice), choice));
  return select;
}

/** @param {Field} field */
function numberInput({ type, min, max }) {
  const input = document.createElement("input");
  markLive(input);
  input.type = "number";
  input.step = type === "integer" ? "1" : "any";
  if (min !== undefined) input.min = String(min);
  if (max !== undefined) input.max = String(max);
  return input;
}

/** @param {Field} field */
function logSlider({ label }) {
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: "0", max: "100", step: "1" });
  slider.setAttribute("aria-label", `${label}, slider`);
  return slider;
}
