/** The page's own address: the hash follows the Experiment, and a pasted or revisited hash is taken. */
import { linkTo, openLink } from "../net/lessons.js";
import { encodeLink } from "../state/link.js";

/** Browsers allow about 100 replaceState calls in half a minute; a drag makes more changes than that. */
const SETTLE_MS = 400;

/**
 * @param {import("../state/store.js").Store} store
 * @param {{onProblems: (problems: readonly string[]) => void}} events @param {AbortSignal} signal
 * @param {string | null} [live]  where links lead, where that isn't here
 */
export function mountAddress(store, { onProblems }, signal, live = null) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let writing = 0;

  /** Whole: whoever is given it needs no lesson to know the experiment. */
  const link = () => encodeLink(store.experiment, store.view);

  async function write() {
    timer = undefined;
    const mine = ++writing;
    const hash = await linkTo(store.experiment, store.view);
    if (mine !== writing || hash === location.hash) return;
    try {
      history.replaceState(history.state, "", hash);
    } catch {
      // A document without an address of its own has none to write.
    }
  }

  async function read() {
    const mine = ++writing;
    clearTimeout(timer);
    timer = undefined;
    const { experiment, view, problems } = await openLink(location.hash);
    if (mine !== writing) return [];
    store.replace(experiment, { label: "opened a link" }, { ...view, span: null });
    onProblems(problems);
    return problems;
  }

  store.subscribe(() => {
    if (store.view.isPlaying) return;
    timer ??= setTimeout(() => void write(), SETTLE_MS);
  }, signal);
  window.addEventListener("hashchange", () => void read(), { signal });
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return {
    /** The hash of what is on the screen now. */
    hash: link,
    /** Takes a hash as if it had been pasted; what was wrong with it. @param {string} hash @returns {Promise<readonly string[]>} */
    open(hash) {
      history.replaceState(history.state, "", hash);
      return read();
    },
    /** The whole address of what is on the screen now. */
    async link() {
      const address = new URL(live ?? location.href);
      address.hash = await link();
      return address.href;
    },
  };
}
