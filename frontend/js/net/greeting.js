/** Asks over HTTP what a socket says first: whether the server is there, and whether it takes this page. */

/** @typedef {import("./socket.js").Circumstance} Circumstance */

const PATIENCE_MS = 5000;
/** Refusals that are about the page, not about a message. @type {readonly string[]} */
const OF_THE_PAGE = Object.freeze(["busy", "forbidden_origin", "forbidden_host"]);

/**
 * @param {string} socketUrl @param {AbortSignal} signal
 * @returns {Promise<{hello: string, problem: Circumstance}>} the greeting, or "" and why there is none
 */
export async function greet(socketUrl, signal) {
  try {
    // A POST: unlike a GET it carries the page's origin, so that what would stop a run stops this.
    const answer = await fetch(beside(socketUrl, "hello"), { method: "POST", signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) });
    const text = await answer.text();
    if (answer.ok) return { hello: text, problem: "" };
    return { hello: "", problem: problemOf(text) };
  } catch {
    return { hello: "", problem: (await isKeptOut(socketUrl, signal)) ? "sandboxed" : "" };
  }
}

/**
 * A sandboxed frame has the origin null. Where the server doesn't let that in, the browser hides its
 * answers, except those that are for everybody: the page's own files.
 * @param {string} socketUrl @param {AbortSignal} signal
 */
async function isKeptOut(socketUrl, signal) {
  if (globalThis.origin !== "null") return false;
  try {
    return (await fetch(beside(socketUrl, "../icon.svg"), { cache: "no-store", signal })).ok;
  } catch {
    return false;
  }
}

/** An address beside the socket's, over HTTP. @param {string} socketUrl @param {string} path */
export const beside = (socketUrl, path) => new URL(path, socketUrl.replace(/^ws/, "http"));

/** What a refusal says of the page itself; "" of anything else, such as a proxy's own words. @param {string} text @returns {Circumstance} */
export function problemOf(text) {
  try {
    const { code } = JSON.parse(text);
    return OF_THE_PAGE.includes(code) ? code : "";
  } catch {
    return "";
  }
}
