/** Cost: multiply–adds as a formula with the numbers in it, what must wait for what, and how long runs really take here. */
import { whole } from "../render/format.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { nameOf } from "../state/compare.js";
import { costsOf, pathsOf } from "../state/costs.js";
import { timedAs } from "../net/meter.js";
import { placeTitle } from "../ui/places.js";
import { mountCostPlot, timeRange } from "./cost_plot.js";
import { pathPicture } from "./critical_path.js";

/** @typedef {import("../net/meter.js").Measurement} Measurement */
/** @typedef {import("../state/experiment.js").Experiment} Experiment */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {import("../net/meter.js").Meter} meter @param {AbortSignal} signal */
export function mount(element, scene, meter, signal) {
  const { store } = scene;
  element.classList.add("panel");
  element.innerHTML = `<header class="panel-head"><h2>${placeTitle("bottom")}</h2><div class="panel-legend"><span class="cost-said"></span><span class="visually-hidden cost-told" role="status"></span><button type="button" class="cost-turn" hidden></button><button type="button" class="cost-measure"></button></div></header>
    <div class="cost-body"><div class="cost-formulas"></div><div class="cost-path"></div><div class="cost-fits"></div><section class="cost-plot" aria-label="time against H"></section><section class="cost-plot" aria-label="time against T"></section></div>`;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
  const [body, said, told, turn, button, formulas, fits, path] = [find(".cost-body"), find(".cost-said"), find(".cost-told"), find(".cost-turn"), find(".cost-measure"), find(".cost-formulas"), find(".cost-fits"), find(".cost-path")];
  const [overH, overT] = /** @type {HTMLElement[]} */ ([...element.querySelectorAll(".cost-plot")]);
  if (!overH || !overT) throw new Error("the cost panel has no plots");
  /** Only what was timed of a network of these sizes. */
  const measured = () => (meter.measurement?.of === timedAs(store.experiment) ? meter.measurement : null);
  const plots = [
    mountCostPlot(overH, scene, { symbol: "H", series: [{ name: "over_hidden_size", isSquare: false }], measurement: measured }, signal),
    mountCostPlot(overT, scene, { symbol: "T", series: [{ name: "over_steps", isSquare: false }, { name: "attention_over_steps", isSquare: true }], measurement: measured }, signal),
  ];
  let showsTimes = false;
  const isShown = () => store.view.bottom === "cost";

  function draw() {
    if (!isShown()) return;
    const { experiment } = store;
    const found = measured();
    writeHtml(formulas, formulasTable(experiment));
    writeHtml(path, pathWords(experiment));
    writeHtml(fits, found ? fitsTable(found, experiment) : "");
    writeText(button, meter.isRunning ? "stop" : found ? "measure again" : "measure on this machine");
    writeText(said, found ? progressWords(found) : "");
    // A count that runs would never let anything else be heard.
    writeText(told, found?.status === "running" ? "measuring" : found ? progressWords(found) : "");
    writeAttribute(said, "title", found?.said.join(" ") ?? "");
    const hasTimes = showsTimes && found !== null;
    writeHidden(turn, !found);
    writeText(turn, hasTimes ? "formulas" : "times");
    body.classList.toggle("has-times", hasTimes);
    writeHidden(path, hasTimes);
    for (const part of [fits, overH, overT]) if (part) writeHidden(part, !hasTimes);
    const range = timeRange(found);
    if (hasTimes) for (const plot of plots) plot.draw(range);
  }

  button.addEventListener("click", () => {
    if (meter.isRunning) return meter.stop();
    showsTimes = true;
    meter.start(store.experiment);
  }, { signal });
  turn.addEventListener("click", () => {
    showsTimes = !showsTimes;
    scene.loop.mark("cost");
  }, { signal });
  scene.loop.addLayer("cost", draw, signal);
  return plots.map(({ panel, rest }) => ({ panel, rest: () => isShown() && rest() }));
}

/** @type {WeakMap<Element, string>} */
const written = new WeakMap();

/** @param {HTMLElement} element @param {string} html */
function writeHtml(element, html) {
  if (written.get(element) === html) return;
  written.set(element, html);
  element.innerHTML = html;
}

/** @param {Experiment} experiment */
function formulasTable(experiment) {
  const { steps: T, batch_size: B } = experiment;
  const costs = costsOf(experiment);
  const sum = costs.reduce((all, { total }) => all + total, 0);
  const rows = costs.map(({ name, title, formula, numbers, step, total }) => `<tr title="${title}"><th scope="row">${name}</th><td class="formula"><span>${formula}</span> <span>= ${numbers}</span> <b>= ${whole(step)}</b></td><td>${whole(total)}</td></tr>`);
  const batch = B > 1 ? `<tr class="batch"><th scope="row" colspan="2">of all ${whole(B)} sequences, which can run side by side</th><td>${whole(B * sum)}</td></tr>` : "";
  return `<table><thead><tr><th scope="col">multiply–adds</th><th scope="col">${experiment.cell.kind === "attention" ? "at a step, in the mean" : "at each step"}</th><th scope="col">T = ${whole(T)} steps</th></tr></thead><tbody>${rows.join("")}<tr class="total"><th scope="row" colspan="2">in all</th><td>${whole(sum)}</td></tr>${batch}</tbody></table>`;
}

/** @param {Experiment} experiment */
function pathWords(experiment) {
  const { cell, steps: T, batch_size: B } = experiment;
  const { path, pairs } = pathsOf(experiment);
  const isAttention = cell.kind === "attention";
  const layers = cell.layers > 1 ? `, and each layer the one below (T + ${cell.layers - 1})` : "";
  const batch = B > 1 ? " Sequences of a batch do run side by side." : "";
  const recurrent = `<figure>${pathPicture("recurrent")}<figcaption><b>${isAttention ? "A recurrent network" : nameOf(cell.kind)}: ${whole(isAttention ? T : path)} step${T === 1 ? "" : "s"} one after the other</b><br><span class="second">h<sub>t</sub> needs h<sub>t−1</sub>${layers}: more processors don’t make it faster.${batch}</span></figcaption></figure>`;
  const attention = `<figure>${pathPicture("attention")}<figcaption><b>Attention: 1 step, all side by side</b><br><span class="second">for T(T + 1)/2 = ${whole(pairs)} looks, of each step at all up to it.</span></figcaption></figure>`;
  return isAttention ? attention + recurrent : recurrent + attention;
}

/** @param {Measurement} measurement */
export function progressWords({ status, visits, done, said, series }) {
  const count = `${whole(done)} of ${whole(visits)}`;
  if (status === "running") return visits ? count : "starting …";
  if (status === "stopped") return `stopped at ${count}: ${done ? "what was measured stays" : "nothing was measured"}${said.length ? `. ${said.join(" ")}` : ""}`;
  if (status === "refused") return said.join(" ");
  const runs = Object.values(series).flatMap(({ points }) => points.map(({ runs: each }) => each));
  const [fewest, most] = [Math.min(...runs), Math.max(...runs)];
  const least = !runs.length ? "nothing fits the limits" : most === 1 ? "one run each" : `each the least of ${fewest === most ? most : `${fewest} to ${most}`} runs`;
  return [least, ...said].join(". ");
}

/** @param {Measurement} measurement @param {Experiment} experiment */
function fitsTable({ series }, { cell, loss }) {
  const isAttention = cell.kind === "attention";
  const own = nameOf(cell.kind);
  const { over_hidden_size: overH, over_steps: overT, attention_over_steps: beside } = series;
  const from = [overH?.forward && `H ≥ ${whole(overH.forward.smallest)}`, overT?.forward && `T ≥ ${whole(overT.forward.smallest)}`, beside?.forward && `attention T ≥ ${whole(beside.forward.smallest)}`].filter(Boolean);
  const mark = (/** @type {string} */ kind) => `<i class="mark ${kind}"></i>`;
  const rows = [
    [`${mark("filled")}${own}`, exponent(overH?.forward), exponent(overT?.forward)],
    [`${mark("open")}and back`, exponent(overH?.whole), exponent(overT?.whole)],
    ...(isAttention ? [] : [
      [`${mark("square filled")}attention`, "", exponent(beside?.forward)],
      [`${mark("square open")}and back`, "", exponent(beside?.whole)],
    ]),
  ];
  // Where only the last step has a loss only one query has a gradient: backward is cheaper then.
  const last = loss.at === "last" ? "; with the loss at the last step alone, backward is T¹ there" : "";
  const line = (/** @type {string} */ name, /** @type {string} */ h, /** @type {string} */ t) => `<tr class="theory" title="of large sizes${last}"><th scope="row">${name}</th><td>${h}</td><td>${t}</td></tr>`;
  const theory = isAttention ? line("multiply–adds", "1 to 2", "2") : line("multiply–adds", "2", "1") + line("of attention", "", "2");
  return `<table><thead><tr><th scope="col">time ∝</th><th scope="col">H to the</th><th scope="col">T to the</th></tr></thead><tbody>${rows.map(([name, h, t]) => `<tr><th scope="row">${name}</th><td>${h}</td><td>${t}</td></tr>`).join("")}${theory}</tbody></table>
    <p>${from.length ? `Exponents ± standard error of the largest sizes, ${from.join(", ")}.` : "An exponent needs two sizes."} Smaller ones are mostly overhead; beyond the caches memory is what takes time.</p>`;
}

/** @param {import("../net/meter.js").Law | null | undefined} law */
function exponent(law) {
  if (!law) return "–";
  return Number.isNaN(law.standard_error) ? law.exponent.toFixed(2) : `${law.exponent.toFixed(2)} ± ${law.standard_error.toFixed(2)}`;
}

