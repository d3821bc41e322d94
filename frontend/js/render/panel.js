/**
 * A panel: a title line, and below it a picture in layers that agree to the pixel: marks on a
 * canvas, Plotly's axes with invisible traces for hover and zoom, and over them the cursor, or an
 * overlay canvas where a view asks for one: each canvas costs the browser time in every frame.
 * Plotly's plot area is fixed by margins, so the canvases know it even before Plotly is there.
 */

import { paintAxes } from "./axes.js";
import { onRatio, pixelRatio } from "./ratio.js";
import { roundUp } from "./scale.js";
import { writeHidden } from "./write.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {{left: number, right: number, top: number, bottom: number}} Margins in em of the pictures' text, so they grow with it */
/** @typedef {{x: number, y: number, width: number, height: number}} Area in CSS pixels of the panel's body */
/** @typedef {{places: readonly number[], names: readonly string[]}} Ticks  names as Plotly reads them */

/**
 * @typedef {object} PanelOptions
 * @property {string} title          HTML
 * @property {string} [detail]        what the axes are, in the title line
 * @property {Margins} margins
 * @property {boolean} [isSquare]     the plot area is the largest square that fits, for a start
 * @property {object} xaxis           Plotly's options of the axis, without range
 * @property {object} yaxis
 * @property {{x?: number, y?: number}} [integers]  axes that count: ticks on whole numbers only, about so many
 * @property {boolean} [canZoom]      along x
 * @property {boolean} [hasOverlay]   a second canvas, over Plotly's layers
 */

const FIXED = Object.freeze({ fixedrange: true });

/** @param {readonly [number, number]} a @param {readonly [number, number]} b */
const isSameRange = (a, b) => a[0] === b[0] && a[1] === b[1];

export class PlotPanel {
  /** Size of the panel's body, and the plot area in it, in CSS pixels. */
  width = 0;
  height = 0;
  /** @type {Area} */
  area = { x: 0, y: 0, width: 0, height: 0 };
  /** @type {[number, number]} */
  xRange = [0, 1];
  /** @type {[number, number]} */
  yRange = [0, 1];
  /** Makes the traces for hover; null while something moves. @type {(() => object[]) | null} */
  #offered = null;
  /** The offer that Plotly has taken; null where it has no traces. @type {(() => object[]) | null} */
  #taken = null;
  #isUnderPointer = false;
  /** A pointer has been here: from then on the axes are Plotly's, once it is there. */
  #isPointed = false;
  #isSquare;
  hasYTicks = true;
  /** Names in the place of numbers. @type {{x: Ticks | null, y: Ticks | null}} */
  ticks = { x: null, y: null };
  /** The axes while Plotly isn't wanted. @type {HTMLCanvasElement | null} */
  #axes = null;
  #isFigureStale = true;
  #isFigureMade = false;
  #areAxesStale = true;
  /** @type {HTMLElement} */
  #cursor;

  /**
   * @param {HTMLElement} element an empty section
   * @param {Scene} scene
   * @param {PanelOptions} options
   * @param {AbortSignal} signal
   */
  constructor(element, scene, options, signal) {
    this.element = element;
    this.scene = scene;
    this.options = options;
    this.#isSquare = options.isSquare ?? false;
    element.classList.add("panel");
    element.innerHTML = `
      <header class="panel-head"><h2></h2><span class="panel-detail"></span><div class="panel-legend"></div></header>
      <div class="panel-body"><canvas class="marks" role="img"></canvas><div class="plot" aria-hidden="true"></div><div class="cursor" aria-hidden="true" hidden></div>${options.hasOverlay ? `<canvas class="overlay" aria-hidden="true"></canvas>` : ""}</div>`;
    this.legend = /** @type {HTMLElement} */ (element.querySelector(".panel-legend"));
    this.body = /** @type {HTMLElement} */ (element.querySelector(".panel-body"));
    this.figure = /** @type {HTMLElement} */ (element.querySelector(".plot"));
    this.marks = /** @type {HTMLCanvasElement} */ (element.querySelector(".marks"));
    this.marks.setAttribute("aria-label", `picture of ${element.getAttribute("aria-label") ?? "the panel"}`);
    this.overlay = /** @type {HTMLCanvasElement | null} */ (element.querySelector(".overlay"));
    this.#cursor = /** @type {HTMLElement} */ (element.querySelector(".cursor"));
    /** @type {HTMLElement} */ (element.querySelector("h2")).innerHTML = options.title;
    this.detail = /** @type {HTMLElement} */ (element.querySelector(".panel-detail"));
    this.detail.textContent = options.detail ?? "";
    this.body.addEventListener("pointerenter", () => {
      this.#isUnderPointer = true;
      this.wantPlotly();
      if (this.#offered && this.#offered !== this.#taken) this.#react(this.#offered);
    }, { signal });
    this.body.addEventListener("pointerleave", () => (this.#isUnderPointer = false), { signal });
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(this.body);
    onRatio(() => this.#measure(), signal);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      if (this.#isFigureMade) scene.plotly?.purge(this.figure);
    }, { once: true });
    this.#measure();
  }

  /** Names what says in words what the picture shows: a screen reader reads it with the picture. @param {HTMLElement} words @param {string} id */
  describeBy(words, id) {
    words.id = id;
    this.marks.setAttribute("aria-describedby", id);
  }

  get #plotly() {
    return this.#isPointed ? this.scene.plotly : null;
  }

  /** Axes of Plotly's from now on: as vectors, and with hover and zoom. */
  wantPlotly() {
    if (this.#isPointed) return;
    this.#isPointed = true;
    if (this.scene.plotly) this.drawAxes();
  }

  /** @type {(() => void) | null} called when the panel got another size */
  onResize = null;
  /** @type {((range: [number, number] | null) => void) | null} the hand zoomed along x; null = all */
  onZoom = null;

  /** Whether the plot area is the largest square that fits. @param {boolean} isSquare */
  setSquare(isSquare) {
    if (this.#isSquare === isSquare) return;
    this.#isSquare = isSquare;
    this.#measure();
  }

  /** Whether numbers stand on the y axis. @param {boolean} hasYTicks */
  setYTicks(hasYTicks) {
    if (this.hasYTicks === hasYTicks) return;
    this.hasYTicks = hasYTicks;
    this.#isFigureStale = true;
  }

  /** Names at places of an axis, in the place of numbers and, beside the y axis, of its title; null for numbers. @param {"x" | "y"} axis @param {Ticks | null} ticks */
  setTicks(axis, ticks) {
    if (JSON.stringify(ticks) === JSON.stringify(this.ticks[axis])) return;
    this.ticks[axis] = ticks;
    this.#areAxesStale = true;
    this.#isFigureStale = true;
  }

  #measure() {
    const { width, height } = this.body.getBoundingClientRect();
    const em = this.scene.palette.text_px;
    const [left, right, top, bottom] = [this.options.margins.left * em, this.options.margins.right * em, this.options.margins.top * em, this.options.margins.bottom * em];
    let area = { x: left, y: top, width: Math.max(width - left - right, 1), height: Math.max(height - top - bottom, 1) };
    if (this.#isSquare) {
      const side = Math.min(area.width, area.height);
      area = { x: area.x + (area.width - side) / 2, y: area.y + (area.height - side) / 2, width: side, height: side };
    }
    this.width = width;
    this.height = height;
    this.area = area;
    const ratio = pixelRatio();
    for (const canvas of [this.marks, this.overlay]) {
      if (!canvas) continue;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    Object.assign(this.#cursor.style, { top: `${area.y}px`, height: `${area.height}px` });
    this.#isFigureStale = true;
    this.onResize?.();
  }

  /** Pixels of a data coordinate. @param {number} x */
  px(x) {
    return this.area.x + ((x - this.xRange[0]) / (this.xRange[1] - this.xRange[0])) * this.area.width;
  }

  /** @param {number} y */
  py(y) {
    return this.area.y + this.area.height - ((y - this.yRange[0]) / (this.yRange[1] - this.yRange[0])) * this.area.height;
  }

  /** Data coordinates under a pointer, or null outside the plot area. @param {MouseEvent} event @returns {[number, number] | null} */
  dataUnder(event) {
    const box = this.body.getBoundingClientRect();
    const x = (event.clientX - box.left - this.area.x) / this.area.width;
    const y = (event.clientY - box.top - this.area.y) / this.area.height;
    if (x < 0 || x > 1 || y < 0 || y > 1) return null;
    return [this.xRange[0] + x * (this.xRange[1] - this.xRange[0]), this.yRange[1] + y * (this.yRange[0] - this.yRange[1])];
  }

  /** Data coordinates of a pointer, of one outside those of the nearest edge. @param {MouseEvent} event @returns {[number, number]} */
  placeOf(event) {
    const box = this.body.getBoundingClientRect();
    const share = (/** @type {number} */ at, /** @type {number} */ size) => Math.min(Math.max(at / size, 0), 1);
    const x = share(event.clientX - box.left - this.area.x, this.area.width);
    const y = share(event.clientY - box.top - this.area.y, this.area.height);
    return [this.xRange[0] + x * (this.xRange[1] - this.xRange[0]), this.yRange[1] + y * (this.yRange[0] - this.yRange[1])];
  }

  /** The axes' ranges from now on; Plotly is told only when they changed. @param {[number, number]} xRange @param {[number, number]} yRange */
  setRanges(xRange, yRange) {
    const hasOtherX = !isSameRange(xRange, this.xRange);
    const hasOtherY = !isSameRange(yRange, this.yRange);
    if (!hasOtherX && !hasOtherY) return;
    this.xRange = xRange;
    this.yRange = yRange;
    this.#areAxesStale = true;
    if (!this.#isFigureMade) return;
    // Old traces would be drawn anew, unseen, for every other range.
    if (this.#taken && !this.#offered) this.#react(null);
    else void this.#plotly?.relayout(this.figure, {
      ...(hasOtherX ? { "xaxis.range": [...xRange], "xaxis.dtick": this.#tickStep("x") } : {}),
      ...(hasOtherY ? { "yaxis.range": [...yRange], "yaxis.dtick": this.#tickStep("y") } : {}),
    });
  }

  /** Puts the cursor at a place on the x axis; outside the range it is not seen. @param {number} x */
  setCursor(x) {
    const isOutside = x < this.xRange[0] || x > this.xRange[1];
    writeHidden(this.#cursor, isOutside);
    this.#cursor.style.transform = `translateX(${this.px(x)}px)`;
  }

  /**
   * A clean layer, clipped to the plot area.
   * @param {"marks" | "overlay"} layer
   * @param {(context: CanvasRenderingContext2D, area: Area) => void} paint
   */
  draw(layer, paint) {
    const canvas = this[layer];
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    const ratio = pixelRatio();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.save();
    context.beginPath();
    context.rect(this.area.x, this.area.y, this.area.width, this.area.height);
    context.clip();
    paint(context, this.area);
    context.restore();
  }

  /** Another theme: other colours, other sizes. */
  restyle() {
    this.#measure();
  }

  /** While marks move, what Plotly knows is old: it may not answer the pointer. @param {boolean} isMoving */
  setMoving(isMoving) {
    if (isMoving) this.#offered = null;
    if (isMoving && this.#isFigureMade && !this.figure.classList.contains("is-moving")) this.#plotly?.Fx.unhover(this.figure);
    this.figure.classList.toggle("is-moving", isMoving);
  }

  /** Draws axes where they are stale: Plotly's, or where no pointer has been our own. */
  drawAxes() {
    if (!this.#plotly) this.#paintAxes();
    else if (this.#axes) {
      this.#axes.remove();
      this.#axes = null;
      this.#isFigureStale = true;
    }
    if (this.#isFigureStale && this.#plotly) this.#react(this.#offered && this.#taken);
  }

  #paintAxes() {
    if (!this.#areAxesStale && !this.#isFigureStale) return;
    this.#areAxesStale = this.#isFigureStale = false;
    const canvas = (this.#axes ??= document.createElement("canvas"));
    const ratio = pixelRatio();
    Object.assign(canvas, { className: "axes", width: Math.round(this.width * ratio), height: Math.round(this.height * ratio) });
    if (!canvas.isConnected) this.marks.before(canvas);
    const context = canvas.getContext("2d");
    context?.scale(ratio, ratio);
    if (context) paintAxes(context, this);
  }

  /**
   * Offers Plotly the data, invisible, for hover. It takes them once a pointer is over the panel:
   * till then they would only make every other range slow.
   * @param {() => object[]} traces
   */
  rest(traces) {
    this.#offered = traces;
    if (this.#isUnderPointer) this.#react(traces);
    else this.drawAxes();
  }

  /** @param {(() => object[]) | null} traces */
  #react(traces) {
    const plotly = this.#plotly;
    if (!plotly) return;
    this.#taken = traces;
    this.#isFigureStale = false;
    // Reused layout objects would keep what a hand has zoomed; uirevision by range says when not to.
    void plotly.react(this.figure, traces?.() ?? [], this.#layout(), { displayModeBar: false, doubleClick: false, responsive: false, showTips: false });
    if (!this.#isFigureMade) this.#listen();
    this.#isFigureMade = true;
  }

  #listen() {
    const figure = /** @type {import("plotly.js").Figure} */ (this.figure);
    figure.on("plotly_relayout", (changes) => {
      const [low, high] = [changes["xaxis.range[0]"], changes["xaxis.range[1]"]];
      if (typeof low !== "number" || typeof high !== "number") return;
      this.onZoom?.([low, high]);
      // Plotly stands where the hand let go; the span is in whole steps, and may not have changed at all.
      this.scene.loop.afterNextFrame(() => void this.#plotly?.relayout(this.figure, { "xaxis.range": [...this.xRange] }));
    });
    figure.on("plotly_doubleclick", () => this.onZoom?.(null));
  }

  /** Null leaves the ticks to Plotly. @param {"x" | "y"} name */
  #tickStep(name) {
    const count = this.options.integers?.[name];
    const [low, high] = name === "x" ? this.xRange : this.yRange;
    return count ? Math.max(1, roundUp(Math.abs(high - low) / count)) : null;
  }

  /** @param {"x" | "y"} axis */
  #named(axis) {
    const ticks = this.ticks[axis];
    if (!ticks) return {};
    const { text_px, ink } = this.scene.palette;
    return { tickmode: "array", tickvals: ticks.places, ticktext: ticks.names, tickangle: 0, tickfont: { size: text_px, color: ink }, ...(axis === "y" ? { title: { text: "" } } : {}) };
  }

  #layout() {
    const { palette } = this.scene;
    const { area, options } = this;
    const axis = {
      automargin: false, zeroline: false, showline: false, ticks: "outside", ticklen: 4, tickcolor: palette.hairline,
      exponentformat: "none", gridcolor: palette.hairline, gridwidth: 1, color: palette.quiet, tickfont: { size: palette.text_px, color: palette.quiet },
    };
    return {
      width: this.width, height: this.height, autosize: false, showlegend: false,
      margin: { l: area.x, r: this.width - area.x - area.width, t: area.y, b: this.height - area.y - area.height, pad: 0 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: palette.font, size: palette.text_px, color: palette.ink },
      hoverlabel: { font: { family: palette.font, size: palette.text_px }, bgcolor: palette.ground, bordercolor: palette.quiet },
      dragmode: options.canZoom ? "zoom" : false,
      hovermode: "closest",
      xaxis: { ...axis, ...(options.canZoom ? {} : FIXED), ...options.xaxis, range: [...this.xRange], tick0: 0, dtick: this.#tickStep("x"), ...this.#named("x") },
      yaxis: { ...axis, ...FIXED, ...options.yaxis, range: [...this.yRange], tick0: 0, dtick: this.#tickStep("y"), ...(this.hasYTicks ? {} : { showticklabels: false, ticks: "" }), ...this.#named("y") },
    };
  }
}
