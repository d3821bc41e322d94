/** The token at the cursor, beside the clock's t: there it is read in every theme. */
import { andToken } from "../render/token_text.js";
import { writeText } from "../render/write.js";

/** @param {HTMLElement} element the clock @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const output = document.createElement("output");
  output.className = "clock-token";
  element.querySelector(".clock-of")?.after(output);
  scene.loop.addLayer("cursor_token", () => writeText(output, andToken(scene.run?.tokenAt(scene.store.view.t - 1) ?? null)), signal);
}
