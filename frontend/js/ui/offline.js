/** An offline file: what is recorded can be moved, all else shows its value and says where it could be changed. */
import { NOT_RECORDED } from "../net/recorded_socket.js";
import { plain } from "../render/format.js";
import { writeAttribute } from "../render/write.js";
import { FIELD_AT } from "../state/fields.js";

/** @typedef {import("../net/recording.js").Recording} Recording */

/** Views that are computed behind the panels, and what is asked for them. @type {Readonly<Record<string, string>>} */
const WANTS = Object.freeze({ influence: "influence", atlas: "atlas", powers: "matrix_powers", state_space: "state_space", race: "race", lyapunov: "lyapunov" });
/** What changes the network by hand. */
const HANDS = ".weight-editor .weight, .eigenvalue-editor input";

/**
 * @param {Recording} recording @param {import("../render/scene.js").Scene} scene
 * @param {import("./controls.js").Controls} controls @param {AbortSignal} signal
 */
export function mountOffline(recording, scene, controls, signal) {
  const { store } = scene;
  const { over } = recording.index;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (document.querySelector(selector));
  find(".normality-control").replaceChildren(statement(recording, store.experiment));
  find(".masthead button.open").hidden = true;
  find(".masthead .preset-label").hidden = true;
  find(".masthead button.lessons").hidden = true;
  const field = over && FIELD_AT.get(over.path);
  if (over && field) controls.limitTo(over.path, over.values);

  /** What can't be changed is still read. */
  function close() {
    const live = over ? controls.inputsOf(over.path) : [];
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (find(".fields").querySelectorAll("input, select, textarea, button"))) {
      if (live.includes(input) || input.disabled) continue;
      input.disabled = true;
      writeAttribute(input, "title", NOT_RECORDED);
    }
    for (const input of document.querySelectorAll(HANDS)) {
      writeAttribute(input, "readonly", "");
      writeAttribute(input, "title", NOT_RECORDED);
    }
    for (const option of /** @type {NodeListOf<HTMLOptionElement>} */ (document.querySelectorAll("select[data-place] option"))) {
      const want = WANTS[option.value];
      if (!want || option.disabled || recording.has(want)) continue;
      option.disabled = true;
      option.textContent += " (not recorded)";
    }
    const jacobian = /** @type {HTMLButtonElement} */ (find("button.jacobian"));
    if (!recording.has("jacobian")) jacobian.disabled = true;
  }
  store.subscribe(() => queueMicrotask(close), signal);
  close();
}

/** What the file holds, in words. @param {Recording} recording @param {import("../state/experiment.js").Experiment} experiment */
function statement(recording, experiment) {
  const { index: { over, has_few_digits: hasFewDigits, live, columns, versions } } = recording;
  const radii = recording.radii(experiment);
  const [first = 0, last = 0] = [radii[0], radii.at(-1)];
  const box = document.createElement("p");
  box.className = "recorded field-hint";
  const along = over ? `, each at ${FIELD_AT.get(over.path)?.label ?? over.path} ${over.values.join(", ")}` : "";
  const binned = experiment.steps > columns ? `; long runs in ${columns.toLocaleString("en")} columns of time` : "";
  const digits = hasFewDigits ? `states to the 4 digits that are shown, ${recording.has("influence") ? "influence maps as float32, " : ""}all else as computed` : "every number as it was computed";
  box.textContent = `Recorded: ${radii.length} values of ρ from ${plain(first, 4)} to ${plain(last, 4)}${along}; ${digits}${binned}. Rhoscope ${versions.rhoscope}. `;
  if (live) {
    const anchor = document.createElement("a");
    [anchor.href, anchor.textContent, anchor.target, anchor.rel] = [live, "Open the live page", "_blank", "noopener"];
    box.append(anchor);
  }
  return box;
}

/** The place of the opener of files, which needs a server. @param {() => void} refuse */
export const noFiles = (refuse) => Object.freeze({ choose: refuse, ask: refuse, settle: () => {} });
