/** Axis ranges and colour limits that stay still while a hand moves: they grow at once, in round steps, and shrink at rest. */

const ROUND = Object.freeze([1, 2, 5]);

/** The smallest of 1, 2, 5 × 10^k that is not below x; 1 for 0 or what isn't finite. @param {number} x */
export function roundUp(x) {
  if (!(x > 0) || !Number.isFinite(x)) return 1;
  const decade = 10 ** Math.floor(Math.log10(x));
  for (const factor of ROUND) if (factor * decade >= x * (1 - 1e-12)) return factor * decade;
  return 10 * decade;
}

export class StickyRange {
  low;
  high;

  /** @param {number} low @param {number} high the range that is never undercut */
  constructor(low, high) {
    this.least = Object.freeze([low, high]);
    this.low = low;
    this.high = high;
  }

  /**
   * @param {number} min @param {number} max  of the data; not finite where there is none
   * @param {boolean} isAtRest  whether the range may shrink
   * @returns {boolean} whether it changed
   */
  fit(min, max, isAtRest) {
    const low = Number.isFinite(min) && min < (this.least[0] ?? 0) ? -roundUp(-min) : (this.least[0] ?? 0);
    const high = Number.isFinite(max) && max > (this.least[1] ?? 0) ? roundUp(max) : (this.least[1] ?? 0);
    const nextLow = isAtRest ? low : Math.min(low, this.low);
    const nextHigh = isAtRest ? high : Math.max(high, this.high);
    const hasChanged = nextLow !== this.low || nextHigh !== this.high;
    this.low = nextLow;
    this.high = nextHigh;
    return hasChanged;
  }
}
