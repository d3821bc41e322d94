/** Numbers as people read them. */

const SUPERSCRIPT = Object.freeze({ "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹", ".": "·" });

/** @param {number} exponent */
export function superscript(exponent) {
  return [...String(exponent).replace("−", "-")].map((char) => SUPERSCRIPT[/** @type {keyof typeof SUPERSCRIPT} */ (char)] ?? char).join("");
}

/** A number with so many significant digits, a true minus sign and no trailing zeros. @param {number} value @param {number} [digits] */
export function plain(value, digits = 3) {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 10 ** Math.max(digits, 5) || size < 1e-4)) return powerOfTen(Math.log10(size), value < 0 ? "−" : "");
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

/** 10^x as “0.42”, “37” or “3.2 · 10⁻³⁷”. @param {number} log10 @param {string} [sign] */
export function powerOfTen(log10, sign = "") {
  if (Number.isNaN(log10)) return "–";
  if (log10 === -Infinity) return "0";
  if (log10 === Infinity) return `${sign}∞`;
  if (log10 > -3 && log10 < 5) return sign + String(Number((10 ** log10).toPrecision(3)));
  let exponent = Math.floor(log10);
  let mantissa = (10 ** (log10 - exponent)).toFixed(1);
  if (mantissa === "10.0") {
    mantissa = "1.0";
    exponent += 1;
  }
  return `${sign}${mantissa} · 10${superscript(exponent)}`;
}

/** A factor per step: enough digits to tell it from 1. @param {number} log10 */
export function factorText(log10) {
  const factor = 10 ** log10;
  if (!Number.isFinite(factor) || factor === 0 || factor >= 1000 || factor < 0.001) return powerOfTen(log10);
  const distance = Math.abs(factor - 1);
  const decimals = distance >= 0.1 ? 2 : distance >= 0.01 ? 3 : distance >= 0.001 ? 4 : 5;
  return factor.toFixed(decimals);
}
