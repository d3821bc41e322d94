/** Files that people bring: the opener, the sheet that shows what was found, and the line that says what is in use. */
import { mountFileOpener } from "./file_opener.js";
import { mountFileSheet } from "./file_sheet.js";
import { mountFileSource } from "./file_source.js";

/**
 * @param {{sheet: HTMLDialogElement, form: HTMLElement, button: HTMLElement}} places
 * @param {import("../state/store.js").Store} store
 * @param {object} parts
 * @param {() => number} parts.largestBytes  what the server takes
 * @param {(text: string) => void} parts.say  a problem with a file, or nothing
 * @param {() => void} parts.retry  the file that a link asked for is here
 * @param {AbortSignal} signal
 */
export function mountFiles({ sheet: dialog, form, button }, store, { largestBytes, say, retry }, signal) {
  /** The file that the Experiment names and the server lacks. @type {string | null} */
  let awaited = null;
  let isAsking = false;
  const sheet = mountFileSheet(dialog, store, signal);
  const opener = mountFileOpener({ largestBytes, say, take }, signal);
  const source = mountFileSource(form, store, opener.known, signal);
  button.addEventListener("click", opener.choose, { signal });

  /** @param {import("../net/files.js").FoundFile} found @param {string} name */
  function take(found, name) {
    source.remember(found, name);
    if (awaited === found.file) {
      awaited = null;
      return retry();
    }
    sheet.show(found, name, awaited ? `This is not the file that the link names (SHA-256 ${awaited.slice(0, 8)}…).` : "");
  }

  return {
    choose: opener.choose,
    /** The server hasn't got what the Experiment names. @param {string} hash */
    ask(hash) {
      awaited = hash;
      isAsking = true;
      say(`This experiment needs a file that this server doesn't have, SHA-256 ${hash.slice(0, 12)}…. Drop it on the page, or choose it.`);
    },
    /** A run went through. */
    settle() {
      if (isAsking) say("");
      awaited = null;
      isAsking = false;
    },
  };
}
