/** How the named panels share a frame: a grid that fills it, whatever was named and however wide it is. */

/** @typedef {import("./panels.js").Place} Place */
/** @typedef {{columns: string, rows: string, areas: string, wanted_px: number, isLow: boolean, hasColumn: boolean}} Grid  wanted_px: the height at which everything has room */

/** Narrower frames stack everything, lower ones show of the time line its ribbon alone; from here on all controls have a column. */
const NARROW_EM = 33;
const LOW_EM = 27;
const COLUMN_EM = 56;
const CONTROLS_EM = 15.5;
/** The em of a page whose pictures have text of their usual size. */
const EM_PX = 16;
const USUAL_TEXT_PX = 11.5;
/** What a row is worth having high, in em: panels over time, square ones, the time line and its ribbon. */
const ROW = Object.freeze({ over: 12, square: 18, cells: 8, ribbon: 2.4, readout: 9 });
/** A panel stands in the grid's area of its place. */
const AREAS = /** @type {const} */ (["top", "bottom", "side", "corner", "time", "readout"]);

/**
 * @param {ReadonlySet<Place>} places @param {number} width @param {number} height  what the panels share, in pixels
 * @param {number} em in pixels
 * @param {boolean} [hasFullControls]  whether all controls are shown: in a column of their own, where there is room
 * @returns {Grid}
 */
export function gridOf(places, width, height, em, hasFullControls = false) {
  const hasColumn = hasFullControls && width >= COLUMN_EM * em;
  const isNarrow = width - (hasColumn ? CONTROLS_EM * em : 0) < NARROW_EM * em;
  const has = (/** @type {Place} */ place) => places.has(place);
  const over = /** @type {Place[]} */ (["top", "bottom"]).filter(has);
  const beside = /** @type {Place[]} */ (["side", "corner", "readout"]).filter(has);
  const isLow = height < LOW_EM * em && over.length + beside.length > 0;
  const time = has("time") ? [isLow ? ROW.ribbon : ROW.cells] : [];
  /** @type {string[][]} */
  let areas;
  /** @type {string[]} */
  let rows;
  let columns = ["minmax(0, 1fr)"];
  let wanted_em = 0;
  if (isNarrow || over.length === 0 || beside.length === 0) {
    // One above the other; what stands alone without a time axis goes side by side where there is room.
    const isRow = over.length === 0 && beside.length > 1 && !isNarrow;
    const stacked = isRow ? [] : [...over, ...beside];
    areas = isRow ? [beside] : stacked.map((place) => [place]);
    columns = isRow ? beside.map(() => "minmax(0, 1fr)") : columns;
    const heights = isRow ? [ROW.square] : stacked.map(heightOf);
    rows = heights.map((height) => `minmax(0, ${height}fr)`);
    wanted_em = heights.reduce((sum, height) => sum + height, 0);
  } else {
    const count = over.length * beside.length;
    columns.push(`minmax(0, ${Math.round(Math.min(Math.max(12 * em, 0.36 * width), 24 * em))}px)`);
    // So many equal rows that either column shares them out evenly; the time line lies under its time axes.
    areas = Array.from({ length: count }, (_, row) => [over[Math.floor(row / beside.length)] ?? "", beside[Math.floor(row / over.length)] ?? ""]);
    rows = areas.map(() => "minmax(0, 1fr)");
    wanted_em = Math.max(over.length * ROW.over, beside.reduce((sum, place) => sum + heightOf(place), 0) - (time.length ? ROW.cells : 0));
  }
  for (const height of time) {
    const isBeside = columns.length === 2 && over.length > 0;
    areas.push(columns.map((_, k) => (isBeside && k === 1 ? beside.at(-1) ?? "time" : "time")));
    // Alone it may be as high as it likes.
    rows.push(rows.length ? `${Math.round(height * em)}px` : "minmax(0, 1fr)");
    wanted_em += ROW.cells; // with the room it wants it isn't low
  }
  if (hasColumn) {
    columns.unshift(`${CONTROLS_EM * em}px`);
    areas = areas.map((row) => ["controls", ...row]);
  }
  return { columns: columns.join(" "), rows: rows.join(" "), areas: areas.map((row) => `"${row.join(" ")}"`).join(" "), wanted_px: wanted_em * em, isLow, hasColumn };
}

/** @param {Place} place */
function heightOf(place) {
  return place === "readout" ? ROW.readout : place === "top" || place === "bottom" ? ROW.over : ROW.square;
}

/**
 * Keeps the grid fitting the frame.
 * @param {HTMLElement} main @param {import("../render/scene.js").Scene} scene @param {ReadonlySet<Place>} places
 * @param {{hasFullControls: boolean, onSize: (size: {width: number, height: number}) => void}} options  onSize: the frame's width, and the height that suits what it shows
 * @param {AbortSignal} signal
 */
export function mountLayout(main, scene, places, { hasFullControls, onSize }, signal) {
  const root = document.documentElement;
  for (const place of AREAS) root.classList.toggle(`has-${place}`, places.has(place));
  let told = "";

  function fit() {
    const em = (EM_PX * scene.palette.text_px) / USUAL_TEXT_PX;
    const style = getComputedStyle(main);
    const width = main.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
    const height = main.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom);
    const grid = gridOf(places, width, height, em, hasFullControls);
    root.classList.toggle("is-low", grid.isLow);
    root.classList.toggle("has-column", grid.hasColumn);
    Object.assign(main.style, { gridTemplateColumns: grid.columns, gridTemplateRows: grid.rows, gridTemplateAreas: grid.areas });
    const size = { width: innerWidth, height: Math.ceil(innerHeight - height + grid.wanted_px) };
    if (JSON.stringify(size) === told) return;
    told = JSON.stringify(size);
    onSize(size);
  }

  const observer = new ResizeObserver(fit);
  observer.observe(main);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  return { fit };
}
