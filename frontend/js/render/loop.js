/**
 * One dirty flag per layer and one animation frame for all: data arrival and input only mark,
 * the frame draws what is marked, and nothing runs when nothing is dirty.
 */
export class Loop {
  /** @type {Map<string, () => void>} in the order of drawing */
  #layers = new Map();
  /** @type {Set<string>} */
  #dirty = new Set();
  /** @type {number | null} */
  #frame = null;
  /** @type {Set<(now_ms: number) => void>} */
  #afterFrame = new Set();

  /** @param {string} name @param {() => void} draw @param {AbortSignal} signal */
  addLayer(name, draw, signal) {
    this.#layers.set(name, draw);
    signal.addEventListener("abort", () => this.#layers.delete(name), { once: true });
  }

  /** @param {...string} names */
  mark(...names) {
    for (const name of names) this.#dirty.add(name);
    this.#schedule();
  }

  markAll() {
    this.mark(...this.#layers.keys());
  }

  /** Calls back once, at the next frame after everything dirty was drawn. @param {(now_ms: number) => void} callback */
  afterNextFrame(callback) {
    this.#afterFrame.add(callback);
    this.#schedule();
  }

  /** Draws what is marked without waiting for a frame, which a page out of sight doesn't get. */
  drawNow() {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#draw(performance.now());
  }

  #schedule() {
    this.#frame ??= requestAnimationFrame((now_ms) => this.#draw(now_ms));
  }

  /** @param {number} now_ms */
  #draw(now_ms) {
    this.#frame = null;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    for (const [name, draw] of this.#layers) if (dirty.has(name)) draw();
    const callbacks = [...this.#afterFrame];
    this.#afterFrame.clear();
    for (const callback of callbacks) callback(now_ms);
  }
}

/** Runs its task once the page has rested for a while; every new call starts the wait again. */
export class Rest {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {number} wait_ms @param {() => void} task @param {AbortSignal} signal */
  constructor(wait_ms, task, signal) {
    this.wait_ms = wait_ms;
    this.task = task;
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  disturb() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.task, this.wait_ms);
  }
}
