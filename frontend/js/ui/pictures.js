/** Pictures to take along, of one panel or of the page: SVG, or PNG at the size of a projector. */
import { cellInfo, hasGates } from "../state/cells.js";
import { encodeLink } from "../state/link.js";
import { plain } from "../render/format.js";
import { forceRatio } from "../render/ratio.js";
import { download } from "./clipboard.js";
import { svgOf } from "./svg_of.js";

/** @typedef {"png" | "svg"} Format */

const PROJECTOR = Object.freeze({ width: 1920, height: 1080 });
/** Of a canvas: more pixels a side than that no projector shows. */
const MOST_PIXELS_EACH = 4;
const LONGEST_LINK = 90;

/** What can be taken: the page, and the panels that are there. */
export function subjects() {
  const panels = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("main > section")]).filter((section) => section.offsetParent !== null && section.querySelector("canvas"));
  return [{ name: "the page", element: document.body }, ...panels.map((element) => ({ name: element.getAttribute("aria-label") ?? "a panel", element }))];
}

/**
 * @param {import("../render/scene.js").Scene} scene @param {HTMLElement} element @param {Format} format @param {string} version
 * @param {() => Promise<void>} wantPlotly  whose axes are vectors; where it can't come they are pixels
 * @returns {Promise<string>} the name that it was saved under
 */
export async function takePicture(scene, element, format, version, wantPlotly) {
  if (format === "svg") await wantPlotly();
  const { width, height } = element.getBoundingClientRect();
  const scale = Math.min(PROJECTOR.width / width, PROJECTOR.height / (height + 2 * scene.palette.text_px));
  const words = await captions(scene, version);
  const name = `rhoscope-${element === document.body ? "page" : (element.classList[0] ?? "panel")}.${format}`;
  forceRatio(Math.min(Math.max(scale, 2), MOST_PIXELS_EACH));
  try {
    scene.loop.markAll();
    await new Promise((resolve) => scene.loop.afterNextFrame(resolve));
    const drawn = svgOf(element, element === document.body ? 0 : scene.palette.text_px, words, scene.palette);
    const file = format === "svg" ? new Blob([drawn.svg], { type: "image/svg+xml" }) : await pngOf(drawn, scene.palette.ground);
    download(file, name);
  } finally {
    forceRatio(null);
    scene.loop.markAll();
  }
  return name;
}

/** On a ground of a projector's size, as large as it fits. @param {{svg: string, width: number, height: number}} drawn @param {string} ground @returns {Promise<Blob>} */
async function pngOf({ svg, width, height }, ground) {
  const image = new Image();
  const source = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    Object.assign(canvas, PROJECTOR);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const scale = Math.min(PROJECTOR.width / width, PROJECTOR.height / height);
    context.fillStyle = ground;
    context.fillRect(0, 0, PROJECTOR.width, PROJECTOR.height);
    context.drawImage(image, (PROJECTOR.width - scale * width) / 2, (PROJECTOR.height - scale * height) / 2, scale * width, scale * height);
    return await new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png"));
  } finally {
    URL.revokeObjectURL(source);
  }
}

/** What the picture is of, in a line: in long and in short. @param {import("../render/scene.js").Scene} scene @param {string} version */
async function captions({ store, run }, version) {
  const { experiment, view } = store;
  const { cell, steps } = experiment;
  const rho = run?.done?.spectral_radius;
  const hash = await encodeLink(experiment, view);
  const network = `${typeof rho === "number" ? `ρ = ${plain(rho, 4)}, ` : ""}${hasGates(cell) || cell.kind !== "elman" ? cellInfo(cell).name : cell.activation}, H = ${cell.hidden_size}, T = ${steps}`;
  const short = `${network}, t = ${view.t}  ·  Rhoscope ${version}`;
  return [...(hash.length <= LONGEST_LINK ? [`${short}  ·  ${hash}`] : []), short, network];
}
