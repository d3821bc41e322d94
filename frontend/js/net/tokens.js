/** The tokens of a text. The server alone takes a text apart: it counts for whoever types, and names the steps of a run. */
import { request } from "./files.js";

/** @typedef {import("./wire.js").TokenCount} TokenCount */

/** How many tokens a text has. @param {string} text @param {"word" | "character"} tokens @returns {Promise<TokenCount>} @throws {import("./files.js").FileProblem} */
export async function countTokens(text, tokens) {
  const body = JSON.stringify({ text, tokens });
  return (await request("api/tokens", { method: "POST", body, headers: { "Content-Type": "application/json" } })).json();
}

/** Which token every step of a run has, and which every class stands for. */
export class TokenNames {
  #index;
  #sequences;
  #labels;
  #vocabularySize;

  /** @param {import("./tensors.js").Tensor} index  of the steps that have any, [n] or [B, n], in the labels @param {Readonly<Record<string, string>>} metadata */
  constructor({ data, shape }, { token_labels: labels = "[]", vocabulary_size: size = "0" }) {
    this.#index = data;
    this.#sequences = shape.length > 1 ? (shape[0] ?? 1) : 1;
    this.#labels = /** @type {readonly string[]} */ (JSON.parse(labels));
    this.#vocabularySize = Number(size);
  }

  /** The token of a step (from 0) as it was typed; null where it has none, or not the same in all of a batch. @param {number} step @param {import("./batch.js").Sequence} sequence */
  ofStep(step, sequence) {
    const steps = this.#index.length / this.#sequences;
    if (step < 0 || step >= steps) return null;
    const at = (/** @type {number} */ b) => this.#index[b * steps + step] ?? -1;
    if (sequence !== "mean") return this.#labels[at(Math.min(sequence, this.#sequences - 1))] ?? null;
    for (let b = 1; b < this.#sequences; b++) if (at(b) !== at(0)) return null;
    return this.#labels[at(0)] ?? null;
  }

  /** The token that a class stands for, as it was typed first; null where it is none. @param {number} k from 0 */
  ofClass(k) {
    return k < this.#vocabularySize ? (this.#labels[k] ?? null) : null;
  }
}
