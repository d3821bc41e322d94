/** Takes the answer to a posted message apart: letters, each after its kind and its length. */

const HEAD_BYTES = 16;
const TEXT = 0n;

export class LetterReader {
  /** What is being filled: a head, or a letter of the kind that its head has said. */
  #filling = new Uint8Array(HEAD_BYTES);
  #filled = 0;
  /** @type {bigint | null} */
  #kind = null;

  /**
   * @param {Uint8Array} piece  the next bytes, cut wherever the network cuts them
   * @returns {Generator<string | ArrayBuffer>} the letters that are whole now, each on memory of its own
   */
  *push(piece) {
    let rest = piece;
    while (rest.length) {
      const taken = rest.subarray(0, this.#filling.length - this.#filled);
      this.#filling.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#filled === this.#filling.length) yield* this.#whole();
    }
  }

  /** @returns {Generator<string | ArrayBuffer>} */
  *#whole() {
    const bytes = this.#filling;
    const kind = this.#kind;
    this.#filled = 0;
    if (kind === null) {
      const head = new DataView(bytes.buffer);
      this.#kind = head.getBigUint64(0, true);
      this.#filling = new Uint8Array(Number(head.getBigUint64(8, true)));
      if (this.#filling.length === 0) yield* this.#whole();
      return;
    }
    this.#kind = null;
    this.#filling = new Uint8Array(HEAD_BYTES);
    yield kind === TEXT ? new TextDecoder().decode(bytes) : bytes.buffer;
  }
}
