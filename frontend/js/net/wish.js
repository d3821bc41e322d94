/** Which part of a run the page asks for: never more columns than it can show. */

/** @typedef {import("./run.js").Window} Window */
/** @typedef {import("../state/experiment.js").Experiment} Experiment */

/** At rest a run this short is wanted whole, whatever the width: zooming then needs no answer. */
const WHOLE_STEPS = 1000;
/** Units × columns that follow a hand without delay; the columns are refined once it rests. */
const MOVING_CELLS = 80_000;

/**
 * While a hand moves something no more is asked for than the panels have pixels.
 * @param {Experiment} experiment @param {readonly [number, number] | null} span @param {number} width_px of the time axis
 * @param {boolean} isMoving
 * @returns {Window}
 */
export function windowFor({ steps, cell }, span, width_px, isMoving) {
  if (steps <= WHOLE_STEPS && !isMoving) return { t0: 0, t1: steps, columns: steps };
  const [t0, t1] = span ?? [0, steps];
  // Rounded, so that a page resized by a hair asks for the same thing.
  const most = isMoving ? Math.min(2000, Math.round(MOVING_CELLS / cell.hidden_size)) : 2000;
  const columns = Math.max(200, Math.min(most, 100 * Math.ceil(width_px / 100)));
  return { t0, t1, columns: Math.min(columns, t1 - t0) };
}
