/**
 * What is computed behind the panels, on a socket of its own: condition numbers, the growth of
 * powers, the atlas. Asked for once the page rests, given up as soon as a hand moves.
 */
import { difference, withFields } from "../state/experiment.js";
import { Atlas } from "./atlas.js";
import { readFrame } from "./tensors.js";

/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {import("./run.js").Window} Window */
/** @typedef {NonNullable<import("./wire.js").Analyse["wants"]>[number]} Want */
/** @typedef {import("../render/scene.js").Scene} Scene */

/** More multiplications than this would keep a core busy for seconds. */
export const MOST_PRODUCTS = 2e10;
export const RADII = 101;
/** Steps, or bins of steps, on either side of an influence map. */
const MAP_COLUMNS = 256;
/** What a hand that is already moving may still ask: milliseconds up to so many units. */
const QUICK_UNITS = 128;

/** Where the scene has the answers that consist of tensors and words. */
const FIELDS = Object.freeze(/** @type {const} */ ({ state_space: "stateSpace", race: "race", lyapunov: "lyapunov" }));

export class Analyst {
  #stream;
  #scene;
  #onChange;
  #signal;
  /** @type {import("./socket.js").Line | null} opened with the first question: a page that asks nothing takes no seat */
  #socket = null;
  #nextId = 1;
  /** The question that is under way. @type {{id: number, want: Want, message: object, key: string, experiment: Experiment, window: Window, options: string} | null} */
  #asked = null;
  /** What is still to be asked, the most urgent first. @type {readonly Want[]} */
  #wants = [];
  /** @type {Window} */
  #window = { t0: 0, t1: 0, columns: 0 };

  /** @param {import("./socket.js").Stream} stream @param {Scene} scene @param {() => void} onChange @param {AbortSignal} signal */
  constructor(stream, scene, onChange, signal) {
    this.#stream = stream;
    this.#scene = scene;
    this.#onChange = onChange;
    this.#signal = signal;
  }

  /** Asks for what is wanted and not here yet, one after the other. @param {readonly Want[]} wants the most urgent first @param {Window} window of the atlas */
  ask(wants, window) {
    this.#wants = wants;
    this.#window = window;
    this.#next();
  }

  #next() {
    const window = this.#window;
    const want = this.#wants.find((each) => this.#isMissing(each));
    if (!want) return;
    const { experiment } = this.#scene.store;
    const message = { type: "analyse", experiment: difference(want === "atlas" ? atEveryRadius(experiment) : experiment), wants: [want], view: want === "influence" ? this.#mapWindow() : window, radii: RADII, ...(want === "jacobian" ? { t: this.#scene.store.view.t } : {}), ...this.#optionsOf(want) };
    const key = JSON.stringify(message);
    if (this.#asked?.key === key) return;
    const id = this.#nextId++;
    this.#asked = { id, want, message: { ...message, id }, key, experiment, window, options: JSON.stringify(this.#optionsOf(want)) };
    if (this.#socket) this.#socket.send(this.#asked.message);
    else this.#open();
  }

  /** The map is of the steps that are shown, in no more columns than it has room for. @returns {Window} */
  #mapWindow() {
    const { store: { experiment, view } } = this.#scene;
    const [t0, t1] = view.span ?? [0, experiment.steps];
    return { t0, t1, columns: Math.min(t1 - t0, MAP_COLUMNS) };
  }

  /** What of the View decides the answer. @param {Want} want @returns {{starts?: number, start_distance?: "far" | "near", plane?: readonly [number, number] | null}} */
  #optionsOf(want) {
    const { starts: { count: starts, distance: start_distance }, plane } = this.#scene.store.view;
    if (want === "state_space") return { starts, start_distance, plane };
    return want === "race" ? { starts, start_distance } : {};
  }

  /** @param {Want} want */
  #isMissing(want) {
    const { store: { experiment }, conditions, powers, atlas, influence, matrixPowers, jacobian } = this.#scene;
    if (want === "conditions") return conditions?.of !== experiment;
    if (want === "powers") return !powers;
    if (want === "jacobian") return jacobian?.of !== experiment || jacobian.t !== this.#scene.store.view.t;
    if (want === "state_space" || want === "race" || want === "lyapunov") {
      const known = this.#scene[FIELDS[want]];
      return known?.of !== experiment || known.asked !== JSON.stringify(this.#optionsOf(want));
    }
    if (want === "matrix_powers") return matrixPowers?.of !== experiment;
    if (want === "influence") return influence?.of !== experiment || JSON.stringify(influence.window) !== JSON.stringify(this.#mapWindow());
    return !(atlas?.isWhole && atlas.key === keyOfAtlas(experiment, this.#window)) && atlasProducts(experiment) <= MOST_PRODUCTS;
  }

  /** A hand moves: nothing here may cost it anything, but how stiff what it holds is. */
  stop() {
    this.#wants = [];
    if (!this.#asked || (this.#asked.want === "conditions" && this.#asked.experiment.cell.hidden_size <= QUICK_UNITS)) return;
    this.#socket?.send({ type: "cancel", id: this.#asked.id });
    this.#asked = null;
  }

  #open() {
    this.#socket = this.#stream.open({
      onText: (text) => this.#onText(JSON.parse(text)),
      onFrame: (buffer) => this.#onFrame(readFrame(buffer)),
      // The page's other socket says where the server is gone; here the question is simply asked again.
      onState: (state) => state === "open" && this.#asked && this.#socket?.send(this.#asked.message),
    }, this.#signal);
  }

  /** @param {import("./wire.js").Hello | import("./wire.js").Done | import("./wire.js").ErrorMessage} message */
  #onText(message) {
    if (message.type === "hello" || message.id !== this.#asked?.id) return;
    const { want } = this.#asked;
    if (want === "atlas") {
      const problem = message.type === "error" ? message.message : message.notes?.find(({ code }) => code === "no_atlas")?.message;
      if (problem) this.#scene.atlas = null;
      this.#scene.atlasProblem = problem ?? "";
    }
    if (want === "state_space" || want === "race" || want === "lyapunov") {
      const notes = message.type === "error" ? [message.message] : (message.notes ?? []).map(({ message: words }) => words);
      const { experiment: of, options: asked } = this.#asked;
      const known = this.#scene[FIELDS[want]];
      const tensors = known?.of === of && known.asked === asked ? known.tensors : {};
      this.#take(want, { of, asked, tensors, notes });
    }
    if (want === "jacobian") {
      const problem = message.type === "error" ? message.message : message.notes?.find(({ code }) => code === "no_jacobian")?.message;
      if (problem) this.#scene.jacobian = { of: this.#asked.experiment, t: this.#scene.store.view.t, eigenvalues: null, slopes: [], problem };
    }
    if (want === "matrix_powers") {
      const notes = message.type === "error" ? [{ code: "", message: message.message }] : (message.notes ?? []);
      const words = notes.map((note) => note.message).join(" ");
      const known = this.#scene.matrixPowers?.of === this.#asked.experiment ? this.#scene.matrixPowers : { log10_norm: [], kreiss: NaN };
      this.#scene.matrixPowers = { ...known, of: this.#asked.experiment, words };
    }
    if (want === "influence") {
      const problem = message.type === "error" ? message.message : message.notes?.find(({ code }) => code === "no_influence")?.message;
      // Said of this Experiment, so that it is not asked again and again.
      if (problem) this.#scene.influence = { of: this.#asked.experiment, window: this.#mapWindow(), edges: [], values: new Float64Array(0), problem };
    }
    this.#asked = null;
    this.#wants = this.#wants.filter((each) => each !== want);
    this.#onChange();
    this.#next();
  }

  /** @param {keyof typeof FIELDS} want @param {import("../render/scene.js").Answer} answer */
  #take(want, answer) {
    if (want === "state_space") this.#scene.stateSpace = { ...answer, plane: JSON.parse(answer.asked).plane };
    else this.#scene[FIELDS[want]] = answer;
  }

  /** @param {import("./tensors.js").Frame} frame */
  #onFrame({ metadata, tensors }) {
    const asked = this.#asked;
    if (!asked || metadata.id !== String(asked.id)) return;
    const scene = this.#scene;
    if (metadata.kind === "conditions" && tensors.eigenvalues && tensors.condition_numbers) {
      scene.conditions = { of: asked.experiment, eigenvalues: tensors.eigenvalues.data, condition_numbers: tensors.condition_numbers.data };
    } else if (metadata.kind === "powers") {
      const [log10_norm, step] = [tensors.log10_largest_power?.data[0] ?? NaN, tensors.largest_power_step?.data[0] ?? NaN];
      scene.powers = { log10_norm, step, steps: Number(metadata.t1) };
    } else if (metadata.kind === "state_space" || metadata.kind === "race" || metadata.kind === "lyapunov") {
      this.#take(metadata.kind, { of: asked.experiment, asked: asked.options, tensors, notes: [] });
    } else if (metadata.kind === "jacobian" && tensors.jacobian_eigenvalues && tensors.slopes) {
      scene.jacobian = { of: asked.experiment, t: Number(metadata.t1), eigenvalues: tensors.jacobian_eigenvalues.data, slopes: tensors.slopes.data, problem: "" };
    } else if (metadata.kind === "matrix_powers" && tensors.log10_norm_powers) {
      scene.matrixPowers = { of: asked.experiment, log10_norm: tensors.log10_norm_powers.data, kreiss: NaN, words: "" };
    } else if (metadata.kind === "kreiss" && tensors.kreiss_constant && scene.matrixPowers?.of === asked.experiment) {
      scene.matrixPowers = { ...scene.matrixPowers, kreiss: tensors.kreiss_constant.data[0] ?? NaN };
    } else if (metadata.kind === "influence" && tensors.edges && tensors.log10_influence) {
      scene.influence = { of: asked.experiment, window: this.#mapWindow(), edges: Array.from(tensors.edges.data), values: tensors.log10_influence.data, problem: "" };
    } else if (metadata.kind === "atlas") {
      const key = keyOfAtlas(asked.experiment, asked.window);
      if (scene.atlas?.key !== key) scene.atlas = new Atlas(key, asked.window, RADII);
      scene.atlas.take(tensors);
      scene.atlasProblem = "";
    }
    this.#onChange();
  }
}

/** @param {Experiment} experiment */
export function atlasProducts({ steps, cell }) {
  return RADII * steps * cell.hidden_size ** 2;
}

/** What an atlas is a picture of. @param {Experiment} experiment @param {Window} window */
const keyOfAtlas = (experiment, window) => JSON.stringify([window, atEveryRadius(experiment)]);

/** An Experiment without the ρ in force: an atlas shows every one, and ρ = 0 would leave nothing to draw. @param {Experiment} experiment */
export function atEveryRadius(experiment) {
  const { edits } = experiment.recurrent;
  const left = edits.at(-1)?.op === "radius" ? edits.slice(0, -1) : edits;
  const scale = left.length ? {} : { "recurrent.spectral_radius": null, "recurrent.gain": null };
  return withFields(experiment, { ...scale, "recurrent.edits": left });
}
