/** What /embed was asked for, as the server has judged it; null on the page itself. */

/** @typedef {import("../net/wire.js").EmbedOptions} EmbedOptions */
/** @typedef {import("../net/wire.js").ErrorMessage} ErrorMessage */
/** @typedef {{options: EmbedOptions, problems: readonly ErrorMessage[]}} Embed */

/** @returns {Embed | null} */
function read() {
  const text = globalThis.document?.querySelector("script#embed")?.textContent;
  return text ? JSON.parse(text) : null;
}

export const embed = read();

/** Whether this page stands in a frame of another one. */
export const isFramed = globalThis.window !== undefined && window.parent !== window;
