/** What is asked behind the panels: only what is shown. */

/** @typedef {import("./analyst.js").Want} Want */

/**
 * @param {import("../state/store.js").View} view
 * @param {boolean} hasLargestPower  whether the growth of powers is of interest
 * @returns {Want[]} the most urgent first
 */
export function wantsOf({ top, bottom, side, cone, eigenvalue, hasJacobian }, hasLargestPower) {
  /** @type {Array<[boolean, Want]>} */
  const asked = [
    [eigenvalue !== null, "conditions"],
    [side === "state_space", "state_space"],
    [bottom === "race", "race"],
    [side === "lyapunov", "lyapunov"],
    [hasJacobian, "jacobian"],
    [hasLargestPower, "powers"],
    [top === "influence" || (top === "unrolled" && cone !== null), "influence"],
    [bottom === "powers", "matrix_powers"],
    [top === "atlas" || bottom === "atlas", "atlas"],
  ];
  return asked.flatMap(([isAsked, want]) => (isAsked ? [want] : []));
}
