/**
 * <rho-scope src="https://host/#rho=1.2">: Rhoscope in a page of your own.
 *
 *   <script type="module" src="https://host/rho-scope.js"></script>
 *   <rho-scope src="#rho=1.03&phi=linear" controls="min" theme="dark"></rho-scope>
 *
 * `src` is a link of Rhoscope; one that begins with # is of the server that this file is from. Every
 * option of /embed is an attribute of the same name. `aspect` (16/9) sets the shape; without it the
 * element is as high as what it shows wants. Methods get, set, play, pause, seek and screenshot
 * return promises; `ready`, `state`, `frame`, `resize` and `error` are events with their content
 * in `detail`. One file, no dependencies.
 */

const OPTIONS = ["view", "controls", "hide", "lock", "theme", "autoplay", "loop", "t", "speed", "lesson", "step", "title", "scale"];
const PREFIX = "rhoscope:";
const ANSWER_MS = 30_000;
const STYLE = "display: block; width: 100%; height: 100%; border: 0; color-scheme: normal";

/**
 * The address of the embed behind a link. @param {string} src @param {(name: string) => string | null} option
 * @returns {string}
 */
export function addressOf(src, option) {
  const isOfThisServer = src === "" || src.startsWith("#");
  const address = isOfThisServer ? new URL(`embed${src}`, new URL("./", import.meta.url)) : new URL(src, document.baseURI);
  if (!/\/embed$/.test(address.pathname)) address.pathname = address.pathname.replace(/[^/]*$/, "embed");
  for (const name of OPTIONS) {
    const value = option(name);
    if (value !== null) address.searchParams.set(name, value);
  }
  return address.href;
}

export class RhoScope extends (globalThis.HTMLElement ?? Object) {
  static observedAttributes = ["src", "aspect", "height", "loading", ...OPTIONS];
  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  /** @type {Map<number, {resolve: (result: any) => void, reject: (error: Error) => void, timer: ReturnType<typeof setTimeout>}>} */
  #waiting = new Map();
  #nextId = 1;
  #isStale = false;
  #hash = "";
  /** @type {(() => void)[]} */
  #untilReady = [];
  #isReady = false;
  #listen = (/** @type {MessageEvent} */ event) => this.#take(event);

  connectedCallback() {
    globalThis.addEventListener("message", this.#listen);
    this.style.display ||= "block";
    this.#make();
  }

  disconnectedCallback() {
    globalThis.removeEventListener("message", this.#listen);
    this.#frame?.remove();
    this.#frame = null;
    this.#isReady = false;
    for (const id of [...this.#waiting.keys()]) this.#settle(id, null, new Error("rho-scope was taken out of the page."));
  }

  attributeChangedCallback() {
    if (!this.#frame || this.#isStale) return;
    // Several attributes that change together load the frame once.
    this.#isStale = true;
    queueMicrotask(() => {
      this.#isStale = false;
      if (this.isConnected) this.#make();
    });
  }

  #make() {
    const address = addressOf(this.getAttribute("src") ?? "", (name) => this.getAttribute(name));
    const frame = (this.#frame ??= document.createElement("iframe"));
    frame.title = this.getAttribute("title") ?? "Rhoscope: a recurrent network, step by step";
    frame.loading = this.getAttribute("loading") === "eager" ? "eager" : "lazy";
    frame.setAttribute("style", STYLE);
    frame.setAttribute("allow", "fullscreen; clipboard-write; local-network-access");
    const aspect = this.getAttribute("aspect");
    this.style.aspectRatio = aspect ?? "";
    this.style.height = aspect ? "" : (this.getAttribute("height") ?? (this.style.height || "30rem"));
    if (frame.src !== address) {
      this.#isReady = false;
      this.#hash = "";
      frame.src = address;
    }
    // In the open: a deck finds the frame in its slide, and tells it when that is shown.
    if (!frame.isConnected) this.append(frame);
  }

  /** The hash of what stands in the frame now: `#…`, "" before it is ready. */
  get hash() {
    return this.#hash;
  }

  /** What stands there: {hash, experiment, t, steps, isPlaying, verdict}. */
  get() {
    return this.#ask("get");
  }

  /** Sets a link's hash ("#rho=1.2") or fields ({"recurrent.spectral_radius": 1.2} or {rho: 1.2}). @param {string | Record<string, unknown>} what */
  set(what) {
    return this.#ask("set", typeof what === "string" ? { hash: what } : { fields: what });
  }

  play() {
    return this.#ask("play");
  }

  pause() {
    return this.#ask("pause");
  }

  /** @param {number} t step, from 1 */
  seek(t) {
    return this.#ask("seek", { t });
  }

  /** A PNG of what is shown: {url, width, height}, the url with the picture in it. @param {{scale?: number}} [options] */
  screenshot({ scale = 1 } = {}) {
    return this.#ask("screenshot", { scale });
  }

  /** @param {string} name @param {object} [content] @returns {Promise<any>} */
  #ask(name, content = {}) {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => this.#settle(id, null, new Error(`${name}: got no answer in ${ANSWER_MS / 1000} s; expected one. Is the server up?`)), ANSWER_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      const { origin } = new URL(this.#frame?.src || location.href);
      // Before it is ready nobody is there to hear.
      const send = () => this.#frame?.contentWindow?.postMessage({ ...content, type: PREFIX + name, version: 1, id }, origin);
      if (this.#isReady) send();
      else this.#untilReady.push(send);
    });
  }

  /** @param {number} id @param {unknown} result @param {Error | null} error */
  #settle(id, result, error) {
    const asked = this.#waiting.get(id);
    if (!asked) return;
    this.#waiting.delete(id);
    clearTimeout(asked.timer);
    if (error) asked.reject(error);
    else asked.resolve(result);
  }

  /** @param {MessageEvent} event */
  #take({ source, data }) {
    if (!this.#frame || source !== this.#frame.contentWindow) return;
    if (typeof data !== "object" || data === null || typeof data.type !== "string" || !data.type.startsWith(PREFIX)) return;
    const name = data.type.slice(PREFIX.length);
    if (name === "answer") return this.#settle(data.id, data.result, null);
    if (name === "error" && data.id !== null) return this.#settle(data.id, null, Object.assign(new Error(data.message), { code: data.code, field: data.field }));
    if (typeof data.hash === "string") this.#hash = data.hash;
    if (name === "resize" && !this.hasAttribute("aspect") && !this.hasAttribute("height")) this.style.height = `${data.height}px`;
    if (name === "ready") {
      this.#isReady = true;
      for (const send of this.#untilReady.splice(0)) send();
    }
    this.dispatchEvent(new CustomEvent(name, { detail: data }));
  }
}

if (globalThis.customElements && !customElements.get("rho-scope")) customElements.define("rho-scope", RhoScope);
