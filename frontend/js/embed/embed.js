/** The page as an embed: puts together what stands around the panels, what other pages may ask, and when it plays. */
import { openLink } from "../net/lessons.js";
import { encodeLink } from "../state/link.js";
import { BOTTOM_VIEWS, SIDE_VIEWS, TOP_VIEWS } from "../state/linked_view.js";
import { embed } from "./options.js";
import { mountApi } from "./api.js";
import { controlsOf, mountBar } from "./bar.js";
import { mountDeck } from "./deck.js";
import { takeMessages } from "./inbox.js";
import { mountLayout } from "./layout.js";
import { mountLock, pathsOf } from "./lock.js";
import { isBroughtBack, keep, sourceHash } from "./opening.js";
import { panelsOf } from "./panels.js";
import { mountPresence } from "./presence.js";
import { screenshot } from "./screenshot.js";

/** A frame that is shown has had its picture long before. */
const FRAME_IS_LATE_MS = 250;

/** @typedef {import("../state/linked_view.js").LinkedView} LinkedView */

/** What stands in a place of which a link says nothing. */
const USUAL = Object.freeze({ top: TOP_VIEWS[0], bottom: BOTTOM_VIEWS[0], side: SIDE_VIEWS[0] });

/** What the options add to a link that says nothing of it. @param {LinkedView} linked @returns {Partial<import("../state/store.js").View>} */
export function viewFromOptions({ t, ...linked }) {
  if (!embed) return {};
  const { options } = embed;
  const views = Object.entries(panelsOf(options.view).views).filter(([place]) => {
    const key = /** @type {"top" | "bottom" | "side"} */ (place);
    return linked[key] === USUAL[key];
  });
  return { ...Object.fromEntries(views), t: t === 1 ? options.t ?? 1 : t, speed: options.speed, isLooping: options.loop };
}

/** What readers are told of wrong options: little, for they did not write the address. Who did hears the rest by message. */
export function problemsOfOptions() {
  const wrong = embed?.problems.map(({ field, got }) => (field === got ? field : `${field}=${got}`)) ?? [];
  return wrong.length ? [`Not understood in this embed's address: ${wrong.join(", ")}. The default is shown.`] : [];
}

/**
 * @param {object} parts
 * @param {import("../render/scene.js").Scene} parts.scene
 * @param {readonly {panel: import("../render/panel.js").PlotPanel | null}[]} parts.views
 * @param {{hash: () => Promise<string>, link: () => Promise<string>, open: (hash: string) => Promise<readonly string[]>}} parts.address
 * @param {import("./api.js").Instrument["edit"]} parts.edit
 * @param {AbortSignal} signal
 */
export function mountEmbed({ scene, views, address, edit }, signal) {
  if (!embed) return null;
  const { options, problems } = embed;
  const { store } = scene;
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  const { isFull } = controlsOf(options);
  const { places } = panelsOf(options.view, options.hide);
  document.documentElement.classList.toggle("has-verdict", places.has("verdict"));
  if (places.has("equation")) document.querySelector(".verdict-row")?.before(.../** @type {NodeListOf<Element>} */ (document.querySelectorAll(".masthead .equation")));

  /** What waits for the first picture, or for one of what stands now. @type {Array<() => void>} */
  let untilPainted = [];
  /** @type {Array<{resolve: () => void, reject: (error: Error) => void}>} */
  let awaiting = [];
  let isPainted = false;
  const whenPainted = (/** @type {() => void} */ task) => void (isPainted ? task() : untilPainted.push(task));
  const isPresent = () => scene.run?.isWhole && scene.run.experiment === store.experiment;
  const present = () => new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
    if (isPresent()) resolve();
    else awaiting.push({ resolve, reject });
  });

  const open = (/** @type {string} */ hash) => address.open(hash.startsWith("#") ? hash : `#${hash}`);
  const { link } = address;
  const bar = mountBar(options, { reset: () => void open(sourceHash()), link }, signal);
  mountLock(store, pathsOf(options.lock), signal);
  const presence = mountPresence(store, { whenPainted, onUnseen: () => scene.loop.drawNow(), autoplay: options.autoplay }, signal);

  const api = mountApi({
    store,
    edit,
    hash: address.hash,
    open,
    verdict: () => document.querySelector(".verdict")?.textContent?.replace(/\s+/g, " ").trim() ?? "",
    screenshot: async (scale) => {
      await present();
      scene.loop.markAll();
      scene.loop.drawNow();
      return screenshot(views.flatMap(({ panel }) => panel ?? []), scene.palette, scale);
    },
    play: () => store.look({ isPlaying: true, ...(store.view.t >= store.experiment.steps ? { t: 1 } : {}) }),
    pause: () => store.look({ isPlaying: false }),
  }, (hash) => {
    if (isPainted) prepared ??= withoutCursor(hash);
    keep(hash);
    if (prepared !== null) bar.offerReset(withoutCursor(hash) !== prepared);
  }, signal);
  // What was prepared, as this page writes it: the same may be spelt in several ways, and a view may bring more along.
  /** @type {string | null} */
  let prepared = null;
  if (isBroughtBack) void canonical(sourceHash()).then((hash) => (prepared = hash));

  const layout = mountLayout(main, scene, places, { hasFullControls: isFull, onSize: api.resize }, signal);
  const deck = mountDeck(store, presence, (text) => window.parent.postMessage(text, "*"), signal);
  takeMessages((event) => void (deck(event.data) || api.take(event)));

  if (!isFull) for (const name of ["dragover", "drop"]) window.addEventListener(name, refuseFiles, { signal, capture: true });
  for (const { message, field, got, expected } of problems) api.error("option", message, { field, got, expected });
  return {
    fit: layout.fit,
    /** A whole run is shown. */
    whole() {
      if (isPresent()) for (const { resolve } of awaiting.splice(0)) resolve();
      // Out of sight there are no frames, nor always a word that it is out of sight, and yet it is to be ready.
      setTimeout(() => scene.loop.drawNow(), presence.isSeen() ? FRAME_IS_LATE_MS : 0);
    },
    /** And it is on the screen. */
    painted() {
      if (isPainted) return;
      isPainted = true;
      for (const task of untilPainted) task();
      untilPainted = [];
      void api.ready({ options, problems });
    },
    /** Nothing whole comes of what was asked for. @param {"server" | "refused"} code @param {string} message */
    failed(code, message) {
      if (!message) return;
      for (const { reject } of awaiting.splice(0)) reject(new Error(message));
      api.error(code, message);
    },
  };
}

/** Where no control opens a file, one that is dropped opens nothing, least of all in the frame's place. @param {Event} event */
function refuseFiles(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** A hash as this page writes it, the cursor left out. @param {string} hash */
async function canonical(hash) {
  const { experiment, view } = await openLink(hash);
  return encodeLink(experiment, { ...view, ...viewFromOptions(view), t: 1 });
}

/** A hash without what moves while it plays. @param {string} hash */
const withoutCursor = (hash) => hash.replace(/[#&]t=\d+/, "");
