/** Wiring alone: address → store → runner → scene → views. */
import "./embed/opening.js";
import { mountEmbed, problemsOfOptions, viewFromOptions } from "./embed/embed.js";
import { embed } from "./embed/options.js";
import { Analyst } from "./net/analyst.js";
import { Meter } from "./net/meter.js";
import { openLink } from "./net/lessons.js";
import { Runner } from "./net/runner.js";
import { liveStream } from "./net/socket.js";
import { uncompared, unshown, windowFor } from "./net/wish.js";
import { Loop } from "./render/loop.js";
import { readPalette } from "./render/palette.js";
import { Scene } from "./render/scene.js";
import { comparedExperiment, nameOf } from "./state/compare.js";
import { holdsRefused, refusalOf } from "./state/edits.js";
import { isSame } from "./state/experiment.js";
import { decodeLink } from "./state/link.js";
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
import { bindKeys, fillHelp, plainKey } from "./ui/keyboard.js";
import { mountLectureSheet } from "./ui/lecture_sheet.js";
import { mountLesson } from "./ui/lesson.js";
import { mountLessonsSheet } from "./ui/lessons_sheet.js";
import { mountMessages } from "./ui/messages.js";
import { mountNormalitySlider } from "./ui/normality_slider.js";
import { mountSecond, mountPlaces } from "./ui/places.js";
import { mountPlotlyLoader, scriptAt } from "./ui/plotly_loader.js";
import { mountProgress } from "./ui/progress.js";
import { mountRadiusSlider } from "./ui/radius_slider.js";
import { mountResting } from "./ui/resting.js";
import { mountSaveMenu } from "./ui/save_menu.js";
import { mountShareSheet } from "./ui/share_sheet.js";
import { mountTextInput } from "./ui/text_input.js";
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
import { zoomAroundCursor } from "./views/time_axis.js";
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
let isOpeningInstead = false;
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

/** What scripts and tests may know of the page; it is never ahead of the pixels. */
const truth = { picturesPainted: 0, runsReceived: 0, painted: /** @type {object | null} */ (null), compared: /** @type {object[]} */ ([]), version: "" };
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
mountSaveMenu(place(".masthead"), scene, { link: address.link, version: () => truth.version }, mountLectureSheet(/** @type {HTMLDialogElement} */ (place(".lecture-sheet")), store, signal), signal);
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
const embedded = mountEmbed({ scene, views, address, edit: (changes, step) => texts.edit(changes, step), wantPlotly: () => loadPlotly() }, signal);
const theme = mountTheme(/** @type {HTMLButtonElement} */ (place("button.theme")), () => {
  scene.palette = readPalette(document.documentElement);
  for (const { panel } of views) panel?.restyle();
  embedded?.fit();
  loop.markAll();
}, signal);

const analyst = new Analyst(stream, scene, () => loop.mark("atlas.top", "atlas.bottom", "influence", "unrolled", "powers", "state_space", "race", "lyapunov", "eigenvalues", "eigenvalues.hand", "normality_slider"), signal);
const runner = new Runner(stream, {
  onWhole: showWhole,
  // While the server computes the gradients, the page has time to turn states into pixels.
  onStates: (run, at) => hidden.prepare(run, at),
  onProgress: (flight) => {
    progress.show(flight);
    scene.show(flight.main, flight.compared);
    loop.markAll();
  },
  onStopped: () => giveUp("Stopped."),
  onError: (error, experiment) => {
    if (error.code === "busy" && !experiment) return; // the line says it
    if (experiment && takeBack(error, experiment)) return;
    // What is no longer wished needs no word: the newer wish is on its way.
    if (experiment && scene.whole && !isSame(experiment, store.experiment)) return;
    if (error.code === "unknown_file" && typeof error.got === "string") {
      giveUp("");
      return files.ask(error.got);
    }
    if (experiment) controls.explain(error.field, error.message);
    if (experiment && !scene.whole) void openInstead(error.message);
    else giveUp(error.message);
  },
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
const resting = mountResting(scene, views, isStillComing, analyse, signal);

/** Asks for what is computed behind the panels: only once they rest, and only what is shown. */
function analyse() {
  const { top, bottom, side, cone, eigenvalue, hasJacobian } = store.view;
  /** @type {import("./net/analyst.js").Want[]} */
  const wants = [];
  if (eigenvalue) wants.push("conditions");
  if (side === "state_space") wants.push("state_space");
  if (bottom === "race") wants.push("race");
  if (side === "lyapunov") wants.push("lyapunov");
  if (hasJacobian) wants.push("jacobian");
  if (normality.isOfInterest()) wants.push("powers");
  if (top === "influence" || (top === "unrolled" && cone)) wants.push("influence");
  if (bottom === "powers") wants.push("matrix_powers");
  if (top === "atlas" || bottom === "atlas") wants.push("atlas");
  const { steps } = store.experiment;
  // How stiff what was just taken is may be asked at once, of the matrix that is on the screen.
  const isShown = scene.run?.isWhole && scene.run.experiment === store.experiment;
  if (!scene.isAtRest) wants.length = isShown && eigenvalue ? 1 : 0;
  if (wants.length) analyst.ask(wants, { t0: 0, t1: steps, columns: Math.min(steps, ATLAS_COLUMNS) });
}

/** @param {import("./net/run.js").Run} run @param {readonly import("./net/flight.js").Compared[]} compared */
function showWhole(run, compared) {
  truth.runsReceived = runner.received;
  if (!isOpeningInstead) messages.problem("");
  files.settle();
  // What was refused is said until something else is tried.
  if (scene.refused && !isSame(scene.refused.standing, run.experiment)) scene.refused = null;
  isOpeningInstead = false;
  controls.clearRefusals();
  progress.hide();
  scene.show(run, compared);
  scene.keep();
  embedded?.whole();
  if (!scene.isAtRest) resting.disturb();
  loop.markAll();
  loop.afterNextFrame(() => {
    if (scene.run !== run) return;
    truth.picturesPainted += 1;
    if (!embed) setTimeout(loadPlotly); // once the picture is on the screen; in an embed once it is wanted
    embedded?.painted();
    truth.painted = run.done?.experiment ?? null;
    truth.compared = compared.map(({ kind, run: other, problem }) => ({ kind, problem, experiment: other?.done?.experiment ?? null }));
  });
}

/**
 * An operation that can't be: the matrix stays as it was, and beside what was moved the page says why.
 * @param {import("./net/wire.js").ErrorMessage} error @param {import("./state/experiment.js").Experiment} experiment
 */
function takeBack(error, experiment) {
  const painted = scene.whole?.experiment ?? null;
  const refusal = refusalOf(error, experiment, painted);
  const op = refusal?.edits.at(-1)?.op;
  if (!refusal || !op) return false;
  // The hand may have moved on: then the newer place is on its way.
  const isPresent = holdsRefused(store.experiment, refusal);
  store.retract(refusal, painted);
  scene.refused = { op, message: error.message, standing: (isPresent ? null : painted) ?? store.experiment };
  if (!painted) messages.remark(`${error.message} This operation of the link was left out.`);
  progress.hide();
  scene.bringBack();
  loop.markAll();
  return true;
}

/** A run that did not get to its end leaves the one before it on the screen. @param {string} reason */
function giveUp(reason) {
  progress.hide();
  embedded?.failed("refused", reason);
  asked = "";
  isMoving = false;
  scene.bringBack();
  messages.problem(reason && scene.whole ? `${reason} The panels show the last whole run.` : reason);
  loop.markAll();
  resting.disturb();
}

/** Where the page's very first Experiment can't be run here, it still opens: with the opening view. @param {string} reason */
async function openInstead(reason) {
  isOpeningInstead = true;
  const { experiment } = await decodeLink("");
  messages.problem(`${reason} The opening view is shown instead.`);
  store.replace(experiment, { label: "opening view" });
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

const bindings = [
  ...lesson.keys, // where a lesson is open its keys come first
  { shown: "space", does: "play, pause", matches: plainKey(" "), act: clock.play },
  { shown: "← →", does: "one step back, on (with shift: ten)", matches: plainKey("ArrowLeft", "ArrowRight"),
    act: (/** @type {KeyboardEvent} */ { key, shiftKey }) => store.look({ t: store.view.t + (key === "ArrowLeft" ? -1 : 1) * (shiftKey ? 10 : 1), isPlaying: false }) },
  { shown: "p", does: "play, pause, in a lesson too", matches: plainKey("p"), act: clock.play },
  { shown: "Home", does: "first step", matches: plainKey("Home"), act: clock.first },
  { shown: "End", does: "last step", matches: plainKey("End"), act: clock.last },
  { shown: "[ ]", does: "ρ down, up by 0.01", matches: plainKey("[", "]"), act: (/** @type {KeyboardEvent} */ { key }) => radius.nudge(key === "[" ? -0.01 : 0.01) },
  { shown: "u", does: "fold, unroll the network", matches: plainKey("u"), act: unrolledView.toggle },
  { shown: "+ −", does: "zoom in, out around the cursor", matches: plainKey("+", "=", "-"), act: (/** @type {KeyboardEvent} */ { key }) => zoomAroundCursor(scene, key === "-" ? 2 : 0.5) },
  { shown: "0", does: "all steps", matches: plainKey("0"), act: () => store.look({ span: null }) },
  ...(embed || offline ? [] : [{ shown: "l", does: "lessons and gallery", matches: plainKey("l"), act: () => void lessons.show() }]),
  ...(embed ? [] : [{ shown: "o", does: "open a file", matches: plainKey("o"), act: files.choose }]),
  { shown: "o", does: "open a file", matches: plainKey("o"), act: files.choose },
  { shown: "n", does: "new draw of W<sub>hh</sub>", matches: plainKey("n"), act: tools.newDraw },
  { shown: "h", does: "hold the curves, release them", matches: plainKey("h"), act: tools.hold },
  { shown: "d", does: "light, dark, projector", matches: plainKey("d"), act: theme.cycle },
  { shown: "b", does: "on a projector: another second panel", matches: plainKey("b"), act: second.cycle },
  { shown: "Ctrl Z", does: "undo", matches: (/** @type {KeyboardEvent} */ event) => isCommand(event, "z") && !event.shiftKey, act: tools.undo },
  { shown: "Ctrl Shift Z", does: "redo", matches: (/** @type {KeyboardEvent} */ event) => (isCommand(event, "z") && event.shiftKey) || isCommand(event, "y"), act: tools.redo },
  { shown: "?", does: "this sheet", matches: plainKey("?"), act: tools.help },
];
/** @param {KeyboardEvent} event @param {string} key */
function isCommand(event, key) {
  return (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === key;
}
bindKeys(bindings, signal);
fillHelp(help, bindings);

const loadPlotly = mountPlotlyLoader(offline?.loadPlotly ?? scriptAt(/** @type {HTMLMetaElement} */ (place("#plotly")).content), {
  onLoad: () => {
    scene.plotly = window.Plotly ?? null;
    messages.axes("");
    loop.markAll();
    resting.disturb();
  },
  onMissing: () => messages.axes(`Plotly could not be loaded: the pictures have no ${embed ? "hover" : "axes and no hover"}. Reload to try again.`),
  isPatient: embed !== null,
}, signal);

offline?.finish(scene, controls, () => messages.remark(offline.notRecorded), signal);
messages.remark([...problemsOfOptions(), ...opened.problems].join(" "));
ask();
loop.markAll();
