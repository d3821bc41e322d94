/**
 * Places along an axis, moved as little as it takes to stand `gap` apart between two ends, in their
 * order; where there is not room for all, they share what there is.
 * @param {readonly number[]} wished @param {number} gap @param {number} low @param {number} high
 * @returns {number[]} in the order of `wished`
 */
export function apart(wished, gap, low, high) {
  const order = wished.map((_, k) => k).sort((a, b) => (wished[a] ?? 0) - (wished[b] ?? 0) || a - b);
  const step = Math.min(gap, (high - low) / Math.max(1, wished.length - 1));
  // Places less their rank are to rise: neighbours that do not are pooled at their mean.
  /** @type {{sum: number, count: number}[]} */
  const pools = [];
  order.forEach((k, rank) => {
    const offset = rank * step;
    const most = high - low - (wished.length - 1) * step;
    const free = Math.min(Math.max((wished[k] ?? 0) - low - offset, 0), Math.max(most, 0));
    pools.push({ sum: free, count: 1 });
    for (let last = pools.at(-1), before = pools.at(-2); last && before && mean(before) > mean(last); last = pools.at(-1), before = pools.at(-2)) {
      pools.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count });
    }
  });
  const free = pools.flatMap((pool) => new Array(pool.count).fill(mean(pool)));
  /** @type {number[]} */
  const places = new Array(wished.length);
  order.forEach((k, rank) => (places[k] = low + free[rank] + rank * step));
  return places;
}

/** @param {{sum: number, count: number}} pool */
const mean = ({ sum, count }) => sum / count;
