/** How many digits a sum and its terms need so that what is read adds up to what is read. */
import { rounded } from "./format.js";

/** @typedef {{weight: number, value: number}} Product */

/** Digits of the terms and of the sum, the shortest first; more than four where terms cancel. */
const DIGITS = Object.freeze([[2, 3], [3, 3], [3, 2], [4, 3], [4, 2], [5, 2], [6, 2], [7, 2], [7, 1]]);

/** Where none of them will do: numbers whose last digits are far apart. */
const OTHERWISE = Object.freeze({ terms: 4, sum: 2 });

/**
 * @param {readonly Product[]} products @param {number} offset added to them
 * @returns {{terms: number, sum: number}} significant digits, as `plain` takes them
 */
export function readableDigits(products, offset) {
  const exact = products.reduce((total, { weight, value }) => total + weight * value, offset);
  for (const [terms = 4, sum = 2] of DIGITS) {
    const read = products.reduce((total, { weight, value }) => total + asRead(weight, terms) * asRead(value, terms), asRead(offset, terms));
    if (!(Math.abs(read - asRead(exact, sum)) > unitOf(exact, sum))) return { terms, sum };
  }
  return OTHERWISE;
}

/** The number that `plain` shows. @param {number} value @param {number} digits */
const asRead = (value, digits) => (isPlain(value, digits) ? rounded(value, digits) : Number(value.toPrecision(2)));

/** @param {number} value @param {number} digits */
const isPlain = (value, digits) => value === 0 || (Math.abs(value) < 10 ** Math.max(digits, 5) && Math.abs(value) >= 1e-4);

/** One in the last digit that is shown. @param {number} value @param {number} digits */
function unitOf(value, digits) {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  return 10 ** (isPlain(value, digits) ? Math.min(exponent - digits + 1, 0) : exponent - 1);
}
