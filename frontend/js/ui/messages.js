/** What the page has to say: the state of the connection, refusals, remarks on a link. One box each. */

import { writeHidden, writeText } from "../render/write.js";

/**
 * @typedef {object} Box
 * @property {string} role    alert interrupts, status waits for its turn
 * @property {string} button  what the button says; its place in `actions` is the box's name
 */

/** @type {Readonly<Record<string, Box>>} */
const BOXES = Object.freeze({
  server: { role: "alert", button: "try now" },
  line: { role: "status", button: "dismiss" },
  problem: { role: "alert", button: "try again" },
  file: { role: "alert", button: "choose a file" },
  axes: { role: "status", button: "dismiss" },
  remark: { role: "status", button: "dismiss" },
});

/**
 * @param {HTMLElement} bar
 * @param {Readonly<Record<string, () => void>>} actions  what a box's button does; without one it closes the box
 * @param {AbortSignal} signal
 */
export function mountMessages(bar, actions, signal) {
  return Object.freeze({
    server: makeBox("server"),
    line: makeBox("line"),
    problem: makeBox("problem"),
    file: makeBox("file"),
    axes: makeBox("axes"),
    remark: makeBox("remark"),
  });

  /** @param {string} name @returns {(text: string) => void} says a text, or nothing where it is empty */
  function makeBox(name) {
    const { role, button } = /** @type {Box} */ (BOXES[name]);
    const box = document.createElement("div");
    box.className = `message message-${name}`;
    box.setAttribute("role", role);
    box.hidden = true;
    const span = document.createElement("span");
    const press = document.createElement("button");
    press.type = "button";
    press.textContent = button;
    press.addEventListener("click", actions[name] ?? (() => (box.hidden = true)), { signal });
    box.append(span, press);
    bar.append(box);
    return (text) => {
      writeText(span, text);
      writeHidden(box, text === "");
    };
  }
}
