/** The numbers at the cursor, each with its name. */
import { powerOfTen } from "../render/format.js";
import { andToken } from "../render/token_text.js";
import { writeHidden, writeText } from "../render/write.js";
import { makeBars } from "./next_input.js";
import { comparedReadout } from "./readout_compared.js";
import { survivalAt } from "./timeline.js";

/** @typedef {import("../net/run.js").Run} Run */

/** @type {ReadonlyArray<{html: string, title: string, value: (run: Run, t: number) => number}>} */
const LINES = Object.freeze([
  { html: "‖h<sub>t</sub>‖", title: "Euclidean norm of the hidden state at the cursor", value: (run, t) => run.valueAt("log10_norm_h", t - 1) },
  { html: "‖∂L/∂h<sub>t</sub>‖", title: "norm of the loss's gradient with respect to the state at the cursor", value: (run, t) => run.valueAt("log10_grad_h", t - 1) },
  { html: "of the last gradient", title: "‖∂L/∂h_t‖ over ‖∂L/∂h_T‖: what survives of it here", value: survivalAt },
  { html: "share of ∂L/∂W<sub>hh</sub>", title: "norm of this step's contribution to the gradient of the shared matrix W_hh", value: (run, t) => run.valueAt("log10_grad_W_hh", t - 1) },
]);

/** A column of many steps has one largest value: it is said of which steps. @param {Run} run @param {number} t */
function where(run, t) {
  const { t0, t1 } = run.window;
  if (t <= t0 || t > t1) return `t = ${t} is outside the zoom`;
  const [first, last] = run.sharing(t - 1);
  const mean = run.sequence === "mean" && run.B > 1 ? `, mean of ${run.B}` : "";
  return first === last ? `at t = ${t}${andToken(run.tokenAt(t - 1))}${mean}` : `largest in t = ${first}…${last}`;
}

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  element.innerHTML = `<h2></h2><dl>${LINES.map(({ html, title }) => `<div title="${title}"><dt>${html}</dt><dd></dd></div>`).join("")}</dl><table hidden></table><div class="next-input" hidden></div>`;
  const bars = makeBars(/** @type {HTMLElement} */ (element.querySelector(".next-input")), scene);
  const title = /** @type {HTMLElement} */ (element.querySelector("h2"));
  const cells = [...element.querySelectorAll("dd")];
  const list = /** @type {HTMLElement} */ (element.querySelector("dl"));
  const table = /** @type {HTMLElement} */ (element.querySelector("table"));
  const compared = comparedReadout(table);
  scene.loop.addLayer("readout", () => {
    const { t } = scene.store.view;
    const { networks } = scene;
    writeText(title, scene.run ? where(scene.run, t) : "");
    const isCompared = networks.length > 1;
    writeHidden(list, isCompared);
    writeHidden(table, !isCompared);
    element.classList.toggle("has-bars", bars.show(isCompared ? null : scene.run, t));
    if (isCompared) return compared.draw(networks, t, scene.palette);
    LINES.forEach(({ value }, k) => writeText(cells[k], scene.run ? powerOfTen(value(scene.run, t)) : ""));
  }, signal);
}
