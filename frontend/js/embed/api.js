/**
 * What an embed tells the page around it, and what that page may ask: postMessage, version 1.
 * Every message is an object whose `type` begins with "rhoscope:"; docs/embedding.md has the table.
 *
 * Only the parent window is heard, of whatever origin: it has made the frame and chosen its
 * address, so `set` gives it nothing that it could not do by another address. Who may frame the
 * page at all, the server decides. What is sent unasked is public like the address; an answer goes
 * to the origin that asked.
 */
import { difference } from "../state/experiment.js";
import { FIELD_AT, FIELD_NAMED, problemWith } from "../state/fields.js";
import { isFramed } from "./options.js";

export const VERSION = 1;
const PREFIX = "rhoscope:";
const STATE_MS = 250;
const LONGEST_ID = 200;
const MOST_FIELDS = 200;

/**
 * A request: `id`, a text or a number, comes back in its answer.
 * @typedef {{type: "rhoscope:get", id?: string | number}} Get
 * @typedef {{type: "rhoscope:set", hash?: string, fields?: Record<string, unknown>, t?: number, id?: string | number}} Set  fields: dotted path, or short name of links → value
 * @typedef {{type: "rhoscope:play" | "rhoscope:pause", id?: string | number}} Play
 * @typedef {{type: "rhoscope:seek", t: number, id?: string | number}} Seek
 * @typedef {{type: "rhoscope:screenshot", scale?: number, id?: string | number}} Screenshot
 * @typedef {Get | Set | Play | Seek | Screenshot} Request
 *
 * What is on the screen, or about to be.
 * @typedef {{hash: string, experiment: object, t: number, steps: number, isPlaying: boolean, verdict: string}} State
 *
 * @typedef {object} Instrument  what the page can do
 * @property {import("../state/store.js").Store} store
 * @property {(changes: Record<string, unknown>, step: import("../state/store.js").Step) => void} edit
 * @property {() => Promise<string>} hash   of what stands now
 * @property {(hash: string) => Promise<readonly string[]>} open  takes a hash; what was wrong with it
 * @property {() => string} verdict
 * @property {(scale: number) => Promise<{url: string, width: number, height: number}>} screenshot
 * @property {() => void} play @property {() => void} pause
 */

/** What the asker did wrong. */
class Refused extends Error {
  /** @param {string} code @param {string} message @param {object} [detail] */
  constructor(code, message, detail = {}) {
    super(message);
    this.code = code;
    this.detail = detail;
  }
}

/** @param {Instrument} instrument @param {(hash: string) => void} onHash what stands now @param {AbortSignal} signal */
export function mountApi(instrument, onHash, signal) {
  const { store } = instrument;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let told = "";
  let { t } = store.view;

  /** @param {string} name @param {object} [content] @param {string} [origin] */
  function post(name, content = {}, origin = "*") {
    if (isFramed) window.parent.postMessage({ ...content, type: PREFIX + name, version: VERSION }, origin);
  }

  /** @returns {Promise<State>} */
  async function state() {
    const { experiment, view } = store;
    return { hash: await instrument.hash(), experiment: difference(experiment), t: view.t, steps: experiment.steps, isPlaying: view.isPlaying, verdict: instrument.verdict() };
  }

  async function tell() {
    timer = undefined;
    const content = await state();
    onHash(content.hash);
    const key = content.hash + content.isPlaying;
    if (key === told) return;
    told = key;
    post("state", content);
  }

  store.subscribe(() => {
    if (t !== store.view.t && store.view.isPlaying) post("frame", { t: store.view.t, steps: store.experiment.steps });
    ({ t } = store.view);
    // A frame says all there is to say of a cursor that runs.
    if (!store.view.isPlaying || !told.endsWith("true")) timer ??= setTimeout(() => void tell(), STATE_MS);
  }, signal);
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  /** @type {Readonly<Record<string, (message: any) => unknown>>} */
  const requests = Object.freeze({
    get: state,
    set: (/** @type {Set} */ message) => set(message),
    play: () => instrument.play(),
    pause: () => instrument.pause(),
    seek: (/** @type {Seek} */ { t: to }) => store.look({ t: stepIn(to), isPlaying: false }),
    screenshot: (/** @type {Screenshot} */ { scale = 1 }) => instrument.screenshot(scaleIn(scale)),
  });

  /** @param {Set} message */
  async function set({ hash, fields, t: to }) {
    if (hash === undefined && fields === undefined && to === undefined) throw new Refused("nothing_to_set", "set: got nothing; expected hash, fields or t.");
    if (hash !== undefined && typeof hash !== "string") throw new Refused("invalid_field", "hash: got no text; expected the part of a link from # on.", { field: "hash" });
    const changes = fields === undefined ? {} : changesIn(fields);
    if (to !== undefined) stepIn(to);
    const problems = hash === undefined ? [] : await instrument.open(hash);
    if (Object.keys(changes).length) instrument.edit(changes, { label: "set by the page around", merge: "api", isFree: true });
    if (to !== undefined) store.look({ t: stepIn(to), isPlaying: false });
    return { ...(await state()), problems };
  }

  /** @param {MessageEvent} event @returns {Promise<void>} */
  async function take({ data, origin }) {
    if (typeof data !== "object" || data === null || typeof data.type !== "string" || !data.type.startsWith(PREFIX)) return;
    const id = typeof data.id === "number" || (typeof data.id === "string" && data.id.length <= LONGEST_ID) ? data.id : null;
    const to = origin === "null" || origin === "" ? "*" : origin;
    try {
      if (data.version !== undefined && data.version !== VERSION) throw new Refused("unknown_version", `version: got ${excerpt(data.version)}; expected ${VERSION}.`, { field: "version" });
      const name = data.type.slice(PREFIX.length);
      const act = Object.hasOwn(requests, name) ? requests[name] : undefined;
      if (!act) throw new Refused("unknown_type", `type: got ${excerpt(data.type)}; expected one of ${Object.keys(requests).map((each) => PREFIX + each).join(", ")}.`, { field: "type" });
      const result = await act(data);
      post("answer", { id, to: data.type, result: result ?? (await state()) }, to);
    } catch (error) {
      const refused = error instanceof Refused ? error : null;
      const message = refused?.message ?? (error instanceof Error ? error.message : String(error));
      post("error", { id, code: refused?.code ?? "internal", message, ...refused?.detail }, to);
    }
  }

  return {
    take,
    /** The first picture is on the screen. @param {object} content */
    ready: async (content) => {
      const now = await state();
      onHash(now.hash);
      told = now.hash + now.isPlaying;
      post("ready", { ...now, ...content });
    },
    /** @param {{width: number, height: number}} size */
    resize: (size) => post("resize", size),
    /** Something is wrong that nobody has asked for. @param {string} code @param {string} message @param {object} [detail] */
    error: (code, message, detail = {}) => post("error", { id: null, code, message, ...detail }),
  };
}

/** @param {unknown} t */
function stepIn(t) {
  if (!Number.isSafeInteger(t) || Number(t) < 1) throw new Refused("invalid_field", `t: got ${excerpt(t)}; expected a whole number from 1 to the last step.`, { field: "t" });
  return Number(t);
}

/** @param {unknown} scale */
function scaleIn(scale) {
  if (typeof scale !== "number" || !(scale >= 0.5 && scale <= 4)) throw new Refused("invalid_field", `scale: got ${excerpt(scale)}; expected a number from 0.5 to 4.`, { field: "scale" });
  return scale;
}

/**
 * All changes, or none and the reason. @param {unknown} fields @returns {Record<string, unknown>} dotted path → value
 */
export function changesIn(fields) {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) throw new Refused("invalid_field", "fields: got no object; expected names with values.", { field: "fields" });
  const entries = Object.entries(fields);
  if (entries.length > MOST_FIELDS) throw new Refused("over_limit", `fields: got ${entries.length}; expected at most ${MOST_FIELDS}.`, { field: "fields" });
  /** @type {Record<string, unknown>} */
  const changes = {};
  for (const [name, value] of entries) {
    const field = FIELD_AT.get(name) ?? FIELD_NAMED.get(name);
    if (!field) throw new Refused("invalid_field", `fields: got ${excerpt(name)}; expected names of fields, such as rho or recurrent.spectral_radius.`, { field: name.slice(0, LONGEST_ID) });
    const problem = problemWith(field, value);
    if (problem) throw new Refused("invalid_field", problem, { field: field.path });
    changes[field.path] = value;
  }
  // A radius and a gain exclude one another.
  if (typeof changes["recurrent.spectral_radius"] === "number") changes["recurrent.gain"] ??= null;
  if (typeof changes["recurrent.gain"] === "number") changes["recurrent.spectral_radius"] ??= null;
  return changes;
}

/** @param {unknown} value */
function excerpt(value) {
  let text;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = typeof value;
  }
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
