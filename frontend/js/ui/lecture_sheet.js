/** The sheet that makes one HTML file for offline use: along which axes, how large, and how far it is. */
import { FileProblem } from "../net/files.js";
import { makeLecture } from "../net/lecture.js";
import { writeHidden, writeText } from "../render/write.js";
import { FIELDS } from "../state/fields.js";
import { encodeLink } from "../state/link.js";
import { download } from "./clipboard.js";

/** Fields that have no place as a second axis: ρ has its own, and sizes follow one another. */
const NO_AXES = Object.freeze(["rho", "gain", "D", "O", "text", "dtype"]);
/** Views that are recorded on demand. */
const VIEWS = Object.freeze({ influence: "influence map", powers: "powers of W_hh", state_space: "state space (slow)" });
const MEGABYTE = 1e6;

/**
 * @param {HTMLDialogElement} dialog @param {import("../state/store.js").Store} store @param {AbortSignal} signal
 */
export function mountLectureSheet(dialog, store, signal) {
  const fields = FIELDS.filter(({ short }) => short && !NO_AXES.includes(short));
  dialog.innerHTML = `<form method="dialog" novalidate>
    <h2 id="lecture-title">One HTML file for offline use</h2>
    <p class="lecture-words">What is on the screen, recorded at many values of ρ: opens from a disk and in a course, with no server behind it.</p>
    <div class="lecture-fields">
      <label for="lecture-name">title</label><input id="lecture-name" type="text" placeholder="the experiment in short">
      <label for="lecture-rho">values of ρ</label><input id="lecture-rho" type="text" placeholder="as many as fit" aria-describedby="lecture-rho-hint"><small id="lecture-rho-hint">0.5, 0.9, 1.1 or start:end:step</small>
      <label for="lecture-over">second parameter</label><span><select id="lecture-over"><option value="">none</option>${fields.map(({ short, label }) => `<option value="${short}">${label}</option>`).join("")}</select></span>
      <label for="lecture-values">its values</label><input id="lecture-values" type="text" disabled>
      <span>also record</span><span>${Object.entries(VIEWS).map(([name, words]) => `<label><input type="checkbox" value="${name}"> ${words}</label>`).join(" ")}</span>
      <label for="lecture-size">at most, MB</label><input id="lecture-size" type="number" min="3" max="64" step="1" value="8">
    </div>
    <p class="field-problem" role="alert"></p>
    <div class="lecture-progress" hidden><progress max="1" value="0" aria-label="recording"></progress> <span></span></div>
    <div class="lecture-made" role="status" hidden><b></b><pre></pre></div>
    <menu><button type="button" class="leave">close</button><button type="button" class="make primary">make it</button><button type="button" class="keep primary" hidden>save</button></menu>
  </form>`;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (dialog.querySelector(selector));
  const input = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (find(`#lecture-${name}`));
  const [problem, progress, made] = [find(".field-problem"), find(".lecture-progress"), find(".lecture-made")];
  const [make, keep, leave] = [find(".make"), find(".keep"), find(".leave")];
  const [over, values] = [input("over"), input("values")];
  /** @type {AbortController | null} */
  let making = null;
  /** @type {Blob | null} */
  let file = null;

  over.addEventListener("change", () => {
    const field = fields.find(({ short }) => short === over.value);
    values.disabled = !field;
    values.value = field?.choices?.filter((choice) => choice !== "values" && choice !== "file" && choice !== "attention").join(", ") ?? "";
    values.placeholder = field?.choices ? "" : "such as 1, 2, 3";
  }, { signal });
  make.addEventListener("click", () => void start(), { signal });
  leave.addEventListener("click", () => (making ? making.abort() : dialog.close()), { signal });
  keep.addEventListener("click", () => file && download(file, "lecture.html"), { signal });
  dialog.addEventListener("close", () => making?.abort(), { signal });
  dialog.addEventListener("input", () => show("idle"), { signal });

  /** @param {"idle" | "making" | "made"} state */
  function show(state) {
    if (state === "idle") file = null;
    writeHidden(progress, state !== "making");
    writeHidden(made, state !== "made");
    writeHidden(make, state !== "idle");
    writeHidden(keep, state !== "made");
    writeText(leave, state === "making" ? "stop" : "close");
    if (state !== "idle") writeText(problem, "");
  }

  async function start() {
    const abort = (making = new AbortController());
    show("making");
    onProgress(0, 1, 0);
    try {
      const found = await makeLecture(store.experiment, await encodeLink(store.experiment, { ...store.view, lesson: "", step: 1 }), wish(), onProgress, abort.signal);
      file = found.file;
      writeText(find(".lecture-made b"), `lecture.html: ${(file.size / MEGABYTE).toFixed(1)} MB`);
      writeText(find(".lecture-made pre"), found.contains.join("\n"));
      show("made");
      keep.focus();
    } catch (error) {
      show("idle");
      if (abort.signal.aborted) writeText(problem, "Stopped.");
      else if (error instanceof FileProblem) writeText(problem, error.message);
      else throw error;
    } finally {
      if (making === abort) making = null;
    }
  }

  function wish() {
    const { protocol, hostname, origin, pathname } = location;
    const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(hostname) || !protocol.startsWith("http");
    return {
      title: input("name").value.trim(),
      rho_values: input("rho").value.trim(),
      over: over.value && `${over.value}=${values.value}`,
      views: [...dialog.querySelectorAll("input:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value).join(","),
      live: isLocal ? "" : origin + pathname,
      max_bytes: Math.round(Number(input("size").value) * MEGABYTE) || 1,
    };
  }

  /** @param {number} done @param {number} of @param {number} bytes */
  function onProgress(done, of, bytes) {
    const bar = /** @type {HTMLProgressElement} */ (progress.querySelector("progress"));
    bar.value = done / of;
    writeText(/** @type {HTMLElement} */ (progress.querySelector("span")), done ? `${done} of ${of} runs, ${(bytes / MEGABYTE).toFixed(1)} MB` : "choosing the values of ρ …");
  }

  return {
    open() {
      show("idle");
      writeText(problem, "");
      dialog.showModal();
    },
  };
}
