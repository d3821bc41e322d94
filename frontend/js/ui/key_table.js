/** What every key does, in the order of the help sheet. */
import { embed } from "../embed/options.js";
import { zoomAroundCursor } from "../views/time_axis.js";
import { plainKey } from "./keyboard.js";

/** @typedef {import("./keyboard.js").Keys} Keys */
/** @typedef {() => void} Act */

/**
 * @typedef {object} Hands  what the keys reach for
 * @property {{play: Act, first: Act, last: Act}} clock
 * @property {{nudge: (step: number) => void}} radius
 * @property {{toggle: Act}} unrolled
 * @property {{keys: readonly Keys[]}} lesson
 * @property {{show: Act}} lessons
 * @property {{choose: Act}} files
 * @property {Record<"newDraw" | "hold" | "undo" | "redo" | "help", Act> & {preset: (number: number) => void}} tools
 * @property {{cycle: Act}} theme
 * @property {{cycle: Act}} second
 */

/** @param {import("../render/scene.js").Scene} scene @param {Hands} hands @returns {Keys[]} */
export function keyTable(scene, { clock, radius, unrolled, lesson, lessons, files, tools, theme, second }) {
  const { store } = scene;
  /** A file without a server has no lessons but its own, and no presets; an embed shows what it was made for. */
  const hasMenus = !embed && !scene.recording;
  return [
    ...lesson.keys, // where a question is open its keys come first
    { shown: "space", does: "play, pause", matches: plainKey(" "), act: clock.play },
    { shown: "← →", does: "one step back, on (with shift: ten)", matches: plainKey("ArrowLeft", "ArrowRight"),
      act: ({ key, shiftKey }) => store.look({ t: store.view.t + (key === "ArrowLeft" ? -1 : 1) * (shiftKey ? 10 : 1), isPlaying: false }) },
    { shown: "p", does: "play, pause, in a lesson too", matches: plainKey("p"), act: clock.play },
    { shown: "Home", does: "first step", matches: plainKey("Home"), act: clock.first },
    { shown: "End", does: "last step", matches: plainKey("End"), act: clock.last },
    { shown: "[ ]", does: "ρ down, up by 0.01", matches: plainKey("[", "]"), act: ({ key }) => radius.nudge(key === "[" ? -0.01 : 0.01) },
    { shown: "u", does: "fold, unroll the network", matches: plainKey("u"), act: unrolled.toggle },
    { shown: "+ −", does: "zoom in, out around the cursor", matches: plainKey("+", "=", "-"), act: ({ key }) => zoomAroundCursor(scene, key === "-" ? 2 : 0.5) },
    { shown: "0", does: "all steps", matches: plainKey("0"), act: () => store.look({ span: null }) },
    ...(hasMenus ? [{ shown: "1 to 9", does: "the first nine presets", matches: plainKey(..."123456789"), act: (/** @type {KeyboardEvent} */ { key }) => tools.preset(Number(key) - 1) }] : []),
    ...(hasMenus ? [{ shown: "l", does: "lessons and gallery", matches: plainKey("l"), act: lessons.show }] : []),
    ...(embed ? [] : [{ shown: "o", does: "open a file", matches: plainKey("o"), act: files.choose }]),
    { shown: "n", does: "new draw of W<sub>hh</sub>", matches: plainKey("n"), act: tools.newDraw },
    { shown: "h", does: "hold the curves, release them", matches: plainKey("h"), act: tools.hold },
    { shown: "d", does: "light, dark, projector", matches: plainKey("d"), act: theme.cycle },
    { shown: "b", does: "on a projector: another second panel", matches: plainKey("b"), act: second.cycle },
    { shown: "Ctrl Z", does: "undo", matches: (event) => isCommand(event, "z") && !event.shiftKey, act: tools.undo },
    { shown: "Ctrl Shift Z", does: "redo", matches: (event) => (isCommand(event, "z") && event.shiftKey) || isCommand(event, "y"), act: tools.redo },
    { shown: "?", does: "this sheet", matches: plainKey("?"), act: tools.help },
  ];
}

/** @param {KeyboardEvent} event @param {string} key */
function isCommand(event, key) {
  return (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === key;
}
