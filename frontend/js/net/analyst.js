/**
 * What is computed behind the panels, on a socket of its own: condition numbers, the growth of
 * powers, the atlas. Asked for once the page rests, given up as soon as a hand moves.
 */
import { difference, withFields } from "../state/experiment.js";
import { Atlas } from "./atlas.js";
import { LiveSocket } from "./socket.js";
import { readFrame } from "./tensors.js";

/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {import("./run.js").Window} Window */
/** @typedef {NonNullable<import("./wire.js").Analyse["wants"]>[number]} Want */
/** @typedef {import("../render/scene.js").Scene} Scene */

/** More multiplications than this would keep a core busy for seconds. */
export const MOST_PRODUCTS = 2e10;
export const RADII = 101;

export class Analyst {
  #url;
  #scene;
  #onChange;
  #signal;
  /** @type {LiveSocket | null} opened with the first question: a page that asks nothing takes no seat */
  #socket = null;
  #nextId = 1;
  /** The question that is under way. @type {{id: number, message: object, key: string, experiment: Experiment, window: Window} | null} */
  #asked = null;

  /** @param {string} url @param {Scene} scene @param {() => void} onChange @param {AbortSignal} signal */
  constructor(url, scene, onChange, signal) {
    this.#url = url;
    this.#scene = scene;
    this.#onChange = onChange;
    this.#signal = signal;
  }

  /** Asks for what is wanted and not here yet. @param {readonly Want[]} wants @param {Window} window of the atlas */
  ask(wants, window) {
    const { store, conditions, powers, atlas } = this.#scene;
    const experiment = store.experiment;
    const atlasKey = keyOfAtlas(experiment, window);
    const missing = wants.filter((want) => {
      if (want === "atlas") return !(atlas?.isWhole && atlas.key === atlasKey) && atlasProducts(experiment) <= MOST_PRODUCTS;
      return want === "conditions" ? !conditions : !powers;
    });
    if (!missing.length) return;
    const message = { type: "analyse", experiment: difference(experiment), wants: missing, view: window, radii: RADII };
    const key = JSON.stringify(message);
    if (this.#asked?.key === key) return;
    const id = this.#nextId++;
    this.#asked = { id, message: { ...message, id }, key, experiment, window };
    if (this.#socket) this.#socket.send(this.#asked.message);
    else this.#open();
  }

  /** A hand moves: nothing here may cost it anything. */
  stop() {
    if (this.#asked) this.#socket?.send({ type: "cancel", id: this.#asked.id });
    this.#asked = null;
  }

  #open() {
    this.#socket = new LiveSocket(this.#url, {
      onText: (text) => this.#onText(JSON.parse(text)),
      onFrame: (buffer) => this.#onFrame(readFrame(buffer)),
      // The page's other socket says where the server is gone; here the question is simply asked again.
      onState: (state) => state === "open" && this.#asked && this.#socket?.send(this.#asked.message),
    }, this.#signal);
  }

  /** @param {import("./wire.js").Hello | import("./wire.js").Done | import("./wire.js").ErrorMessage} message */
  #onText(message) {
    if (message.type === "hello" || message.id !== this.#asked?.id) return;
    const { atlas } = this.#scene;
    const problem = message.type === "error" ? message.message : message.notes?.find(({ code }) => code === "nilpotent")?.message;
    if (problem && atlas !== null) this.#scene.atlas = null;
    this.#scene.atlasProblem = problem ?? "";
    this.#asked = null;
    this.#onChange();
  }

  /** @param {import("./tensors.js").Frame} frame */
  #onFrame({ metadata, tensors }) {
    const asked = this.#asked;
    if (!asked || metadata.id !== String(asked.id)) return;
    const scene = this.#scene;
    if (metadata.kind === "conditions" && tensors.eigenvalues && tensors.condition_numbers) {
      scene.conditions = { eigenvalues: tensors.eigenvalues.data, condition_numbers: tensors.condition_numbers.data };
    } else if (metadata.kind === "powers") {
      const [log10_norm, step] = [tensors.log10_largest_power?.data[0] ?? NaN, tensors.largest_power_step?.data[0] ?? NaN];
      scene.powers = { log10_norm, step, steps: Number(metadata.t1) };
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

/**
 * What an atlas is a picture of. It shows every ρ, so the one in force makes no other atlas.
 * @param {Experiment} experiment @param {Window} window
 */
function keyOfAtlas(experiment, window) {
  const { edits } = experiment.recurrent;
  const left = edits.at(-1)?.op === "radius" ? edits.slice(0, -1) : edits;
  const scale = left.length ? {} : { "recurrent.spectral_radius": null, "recurrent.gain": null };
  return JSON.stringify([window, withFields(experiment, { ...scale, "recurrent.edits": left })]);
}
