/** Wiring alone: address → store → runner → scene → views. */
import "./embed/opening.js";
import { mountEmbed, problemsOfOptions, viewFromOptions } from "./embed/embed.js";
import { embed } from "./embed/options.js";
import { Analyst } from "./net/analyst.js";
import { Meter } from "./net/meter.js";
import { openLink } from "./net/lessons.js";
import { Runner } from "./net/runner.js";
import { liveStream } from "./net/socket.js";
import { wantsOf } from "./net/wants.js";
import { uncompared, unshown, windowFor } from "./net/wish.js";
import { Loop } from "./render/loop.js";
import { readPalette } from "./render/palette.js";
import { Scene } from "./render/scene.js";
import { comparedExperiment, nameOf } from "./state/compare.js";
import { titleOf } from "./state/snippets.js";
import { Store } from "./state/store.js";
import { mountAddress } from "./ui/address.js";
import { mountClock } from "./ui/clock.js";
import { mountCompareRow } from "./ui/compare_row.js";
import { wordsFor } from "./ui/connection.js";
import { mountControls } from "./ui/controls.js";
import { mountCostLine } from "./ui/cost_line.js";
import { mountFiles } from "./ui/files.js";
import { mountForgetBias } from "./ui/forget_bias.js";
import { mountFormChoice } from "./ui/form_choice.js";
import { mountHistory } from "./ui/history.js";
import { keyTable } from "./ui/key_table.js";
import { bindKeys, fillHelp } from "./ui/keyboard.js";
import { mountLectureSheet } from "./ui/lecture_sheet.js";
import { mountLesson } from "./ui/lesson.js";
import { mountLessonsSheet } from "./ui/lessons_sheet.js";
import { mountMessages } from "./ui/messages.js";
import { mountNormalitySlider } from "./ui/normality_slider.js";
import { outcomes } from "./ui/outcome.js";
import { mountSecond, mountPlaces } from "./ui/places.js";
import { bringAhead, mountPlotlyLoader, scriptAt } from "./ui/plotly_loader.js";
import { mountProgress } from "./ui/progress.js";
import { mountRadiusSlider } from "./ui/radius_slider.js";
import { mountResting } from "./ui/resting.js";
import { mountSaveMenu } from "./ui/save_menu.js";
import { mountShareSheet } from "./ui/share_sheet.js";
import { mountTextInput } from "./ui/text_input.js";
import { mountSpoken } from "./ui/spoken.js";
import { mountTheme } from "./ui/theme.js";
import { mountTools } from "./ui/tools.js";
import * as atlas from "./views/atlas.js";
import * as cost from "./views/cost.js";
import * as cursorToken from "./views/cursor_token.js";
import * as dimensions from "./views/dimensions.js";
import * as eigenvalues from "./views/eigenvalues.js";
import * as equation from "./views/equation.js";
import * as hiddenStates from "./views/hidden_states.js";
import * as influence from "./views/influence.js";
import * as lyapunov from "./views/lyapunov.js";
import * as norms from "./views/norms.js";
import * as powers from "./views/powers.js";
import * as race from "./views/race.js";
import * as readout from "./views/readout.js";
import * as stateSpace from "./views/state_space.js";
import * as unrolled from "./views/unrolled.js";
import * as weights from "./views/weights.js";
import * as timeline from "./views/timeline.js";
import * as verdict from "./views/verdict.js";

/** @param {string} selector @returns {HTMLElement} */
function place(selector) {
  const element = document.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`the page has no ${selector}`);
  return element;
}

/** More columns than that no atlas needs: it is a map, not a measurement. */
const ATLAS_COLUMNS = 600;

const { signal } = new AbortController();
/** The wish that was sent last, as text. */
let asked = "";
/** What was said last of an open line. */
let lineWords = "";
/** A hand is moving something: the pixels are enough. */
let isMoving = false;
/** A file without a server brings its runs along. */
const offline = document.documentElement.dataset.offline === undefined ? null : await (await import("./ui/offline_start.js")).startOffline();
const { recording = null } = offline ?? {};
const opened = offline?.opened ?? await openLink(location.hash);
const openedView = { ...opened.view, ...viewFromOptions(opened.view) };
const store = offline?.makeStore(opened.experiment, openedView) ?? new Store(opened.experiment, openedView);
const loop = new Loop();
const scene = new Scene(store, loop, readPalette(document.documentElement));
scene.recording = recording;

/** What scripts and tests may know of the page; it is never ahead of the pixels. @type {import("./ui/outcome.js").Truth} */
const truth = { picturesPainted: 0, runsReceived: 0, painted: null, compared: [], version: "" };
Object.assign(window, { rhoscope: truth });

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const stream = recording ?? liveStream(new URL("api/stream", location.href.replace(/^http/, "ws")).href.replace(/^wss?:/, scheme));
const meter = new Meter(stream, () => {
  loop.mark("cost");
  if (!meter.isRunning) resting.disturb();
}, signal);

const radius = mountRadiusSlider(place(".rho-control"), scene, signal);
const hidden = hiddenStates.mount(place(".hidden-states"), scene, signal);
const views = [
  hidden,
  norms.mount(place(".norms"), scene, signal),
  eigenvalues.mount(place(".eigenvalues"), scene, signal),
  weights.mount(place(".weights"), scene, signal),
  timeline.mount(place(".time"), scene, signal),
  atlas.mount(place(".atlas-top"), scene, { place: "top", quantity: "log10_norm_h" }, radius, signal),
  atlas.mount(place(".atlas-bottom"), scene, { place: "bottom", quantity: "log10_grad_h" }, radius, signal),
  influence.mount(place(".influence"), scene, signal),
  powers.mount(place(".powers"), scene, signal),
  stateSpace.mount(place(".state-space"), scene, signal),
  race.mount(place(".race"), scene, signal),
  lyapunov.mount(place(".lyapunov"), scene, signal),
  dimensions.mount(place(".dimensions"), scene, signal),
  ...cost.mount(place(".cost"), scene, meter, signal),
];
const unrolledView = unrolled.mount(place(".unrolled"), scene, signal);
mountPlaces(store, {
  top: { hidden_states: place(".hidden-states"), unrolled: place(".unrolled"), influence: place(".influence"), dimensions: place(".dimensions"), atlas: place(".atlas-top") },
  side: { eigenvalues: place(".eigenvalues"), state_space: place(".state-space"), lyapunov: place(".lyapunov") },
  bottom: { norms: place(".norms"), powers: place(".powers"), race: place(".race"), cost: place(".cost"), atlas: place(".atlas-bottom") },
}, signal);
const second = mountSecond(store, /** @type {HTMLButtonElement} */ (place("button.second")), place("main"), signal);
verdict.mount(place(".verdict-row"), scene, signal);
equation.mount(place(".equation"), scene, signal);
readout.mount(place(".readout"), scene, signal);

const messages = mountMessages(place(".messages"), { server: () => runner.retry(), problem: () => ask(true), file: () => files.choose() }, signal);
const progress = mountProgress(place(".progress"), { onStop: () => runner.cancel() }, signal);
const clock = mountClock(place(".clock"), store, signal);
cursorToken.mount(place(".clock"), scene, signal);
const address = mountAddress(store, { onProblems: (problems) => messages.remark(problems.join(" ")) }, signal, recording?.index.live);
const help = /** @type {HTMLDialogElement} */ (place(".help-sheet"));
const lesson = mountLesson(place(".lesson"), store, { say: messages.remark, onEnd: () => void lessons.show() }, signal);
const lessons = mountLessonsSheet(/** @type {HTMLDialogElement} */ (place(".lessons-sheet")), /** @type {HTMLButtonElement} */ (place("button.lessons")), { open: lesson.open, present: () => store.view.lesson }, signal);
const tools = mountTools(place(".masthead"), scene, { help }, signal);
const normality = mountNormalitySlider(place(".normality-control"), scene, { onInterest: () => analyse() }, signal);
mountHistory(place(".masthead"), store, signal);
mountShareSheet(/** @type {HTMLDialogElement} */ (place(".share-sheet")), /** @type {HTMLButtonElement} */ (place("button.share")), { link: address.link, title: () => titleOf(store.experiment) }, signal);
mountSaveMenu(place(".masthead"), scene, { link: address.link, version: () => truth.version, wantPlotly }, mountLectureSheet(/** @type {HTMLDialogElement} */ (place(".lecture-sheet")), store, signal), signal);
const controls = mountControls(place(".fields"), store, { onNewDraw: tools.newDraw, edit: (changes, step) => texts.edit(changes, step) }, signal);
const texts = mountTextInput(place('.fields [data-group="input"]'), store, signal);
mountCompareRow(place(".fields"), scene, signal);
mountForgetBias(place(".fields"), store, signal);
const formGroup = place('.fields [data-group="form"]');
mountFormChoice(formGroup, store, signal);
mountCostLine(formGroup, store, signal);
/** What the server takes; its hello says it. */
let largestUpload_bytes = 2 ** 23;
const files = offline?.files ?? mountFiles({ sheet: /** @type {HTMLDialogElement} */ (place(".file-sheet")), form: place(".fields"), button: place("button.open") }, store, {
  largestBytes: () => largestUpload_bytes,
  say: messages.file,
  retry: () => ask(true),
}, signal);
/** Everywhere, and not only where a pointer is. */
async function wantPlotly() {
  await loadPlotly();
  for (const { panel } of views) panel?.wantPlotly();
}
const embedded = mountEmbed({ scene, views, address, edit: (changes, step) => texts.edit(changes, step) }, signal);
const theme = mountTheme(/** @type {HTMLButtonElement} */ (place("button.theme")), () => {
  scene.palette = readPalette(document.documentElement);
  for (const { panel } of views) panel?.restyle();
  embedded?.fit();
  loop.markAll();
}, signal);

const analyst = new Analyst(stream, scene, () => loop.mark("atlas.top", "atlas.bottom", "influence", "unrolled", "powers", "state_space", "race", "lyapunov", "eigenvalues", "eigenvalues.hand", "normality_slider"), signal);
const spoken = mountSpoken(place(".spoken"), scene, signal);
const resting = mountResting(scene, views, isStillComing, () => {
  analyse();
  spoken.rest();
}, signal);
const outcome = outcomes({
  ...{ scene, truth, messages, progress, controls, files, embedded, resting },
  onFirstPicture: () => void (offline ?? embed ?? bringAhead(plotlyUrl)),
  forget: () => {
    asked = "";
    isMoving = false;
  },
});
const runner = new Runner(stream, {
  onWhole: (run, compared) => {
    truth.runsReceived = runner.received;
    outcome.whole(run, compared);
  },
  // While the server computes the gradients, the page has time to turn states into pixels.
  onStates: (run, at) => hidden.prepare(run, at),
  onProgress: (flight) => {
    progress.show(flight);
    scene.show(flight.main, flight.compared);
    loop.markAll();
  },
  onStopped: () => outcome.giveUp("Stopped."),
  onError: outcome.refused,
  onState: (state, circumstance) => {
    const words = wordsFor(state, circumstance, location.origin);
    if (state !== "connecting") messages.server(state === "gone" ? words : "");
    // What was dismissed isn't said again each time the line comes back.
    if (state === "gone") embedded?.failed("server", words);
    if (state === "open" && words !== lineWords) messages.line((lineWords = words));
    if (state === "open") loadPlotly.retry();
    progress.hide();
    // Of a run that came to nothing only a part is shown.
    if (state === "gone" && scene.run !== scene.whole) {
      scene.bringBack();
      loop.markAll();
    }
  },
  onHello: (hello) => {
    if (truth.version && truth.version !== hello.version) messages.remark(`The server is now Rhoscope ${hello.version}. Reload for the page that belongs to it; the address keeps what you made.`);
    truth.version = hello.version;
    controls.setCapabilities(hello);
    texts.retry();
    largestUpload_bytes = hello.limits.max_upload_bytes;
  },
}, signal);
/** Asks for what is computed behind the panels: only once they rest, and only what is shown. */
function analyse() {
  const wants = wantsOf(store.view, normality.isOfInterest());
  const { steps } = store.experiment;
  // How stiff what was just taken is may be asked at once, of the matrix that is on the screen.
  const isShown = scene.run?.isWhole && scene.run.experiment === store.experiment;
  if (!scene.isAtRest) wants.length = isShown && store.view.eigenvalue ? 1 : 0;
  if (wants.length) analyst.ask(wants, { t0: 0, t1: steps, columns: Math.min(steps, ATLAS_COLUMNS) });
}

/** Before the page rests it wants every step; whether that, or any run, is still on its way. */
function isStillComing() {
  if (isMoving) {
    isMoving = false;
    ask();
  }
  return runner.isBusy;
}

/** @param {boolean} [isAgain] also where nothing has changed */
function ask(isAgain = false) {
  // Of the panels over time those that are shown have a width.
  const width = Math.max(...views.map(({ panel }) => (panel?.options.canZoom ? panel.area.width : 1))) * (globalThis.devicePixelRatio || 1);
  const { experiment, view: { span, compare, layer } } = store;
  const window = recording?.windowOf(experiment) ?? windowFor(experiment, span, width, isMoving, 1 + compare.length);
  const omit = unshown(experiment, store.view);
  const wish = JSON.stringify([window, omit, compare, layer, experiment]);
  if (wish === asked && !isAgain) return;
  asked = wish;
  const compared = compare.map((kind) => {
    const other = comparedExperiment(experiment, kind);
    return { kind, name: nameOf(kind), experiment: other, omit: uncompared(other, layer) };
  });
  runner.request({ experiment, window, omit, compared });
}

store.subscribe((change) => {
  if (change === "experiment") {
    isMoving = true;
    analyst.stop();
    // What a hand makes the server compute would be in the times.
    meter.stop("The network was changed.");
    scene.powers = null;
    resting.disturb();
  }
  ask();
  if (change === "view") loop.mark("hidden_states.cursor", "norms.cursor", "timeline", "cursor_token", "unrolled", "readout", "weights.hand", "eigenvalues.hand", "atlas.top.hand", "atlas.bottom.hand", "influence.cursor", "powers.cursor", "state_space", "race.cursor");
  else loop.mark("equation", "weights.hand", "eigenvalues.hand", "atlas.top.hand", "atlas.bottom.hand");
  loop.mark("dimensions", "cost");
  if (change === "view") analyse();
  if (store.view.bottom !== "cost") meter.stop();
}, signal);
/** What of the view every panel shows in another way: then all are drawn anew. */
const looks = () => JSON.stringify([store.view.span, store.view.matrix, store.view.layer, store.view.sequence, store.view.compare, store.view.starts, store.view.plane]);
let looked = looks();
store.subscribe(() => {
  if (looked === looks()) return;
  looked = looks();
  scene.chooseSequence();
  loop.markAll();
  resting.disturb();
}, signal);
for (const { panel } of views) {
  if (panel) panel.onResize = () => {
    loop.markAll();
    resting.disturb();
    ask();
  };
}

const keys = keyTable(scene, { ...{ clock, radius, lesson, files, tools, theme, second, unrolled: unrolledView }, lessons: { show: () => void lessons.show() } });
bindKeys(keys, signal);
fillHelp(help, keys);

const plotlyUrl = /** @type {HTMLMetaElement} */ (place("#plotly")).content;
const loadPlotly = mountPlotlyLoader(offline?.loadPlotly ?? scriptAt(plotlyUrl), {
  onLoad: () => {
    scene.plotly = window.Plotly ?? null;
    messages.axes("");
    loop.markAll();
    resting.disturb();
  },
  onMissing: () => messages.axes("Plotly could not be loaded: the pictures have no hover and no zoom. Reload to try again."),
}, signal);
for (const { panel } of views) panel?.body.addEventListener("pointerenter", () => void loadPlotly(), { signal, once: true });

offline?.finish(scene, controls, () => messages.remark(offline.notRecorded), signal);
messages.remark([...problemsOfOptions(), ...opened.problems].join(" "));
ask();
loop.markAll();
resting.disturb(); // what isn't there yet doesn't rest
