/** Numbers as people read them. */

const SUPERSCRIPT = Object.freeze({ "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹", ".": "·" });

/** @param {number} exponent */
export function superscript(exponent) {
  return [...String(exponent).replace("−", "-")].map((char) => SUPERSCRIPT[/** @type {keyof typeof SUPERSCRIPT} */ (char)] ?? char).join("");
}

/** A number to so many significant digits; the digits before the point are all true, none is a filling zero. @param {number} value @param {number} digits */
export const rounded = (value, digits) => Number(value.toPrecision(Math.max(digits, Math.floor(Math.log10(Math.abs(value) || 1)) + 1)));

/** A whole number with its thousands apart. @param {number} count */
export const whole = (count) => count.toLocaleString("en");

/** A number with so many significant digits, a true minus sign and no trailing zeros. @param {number} value @param {number} [digits] */
export function plain(value, digits = 3) {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 10 ** Math.max(digits, 5) || size < 1e-4)) return powerOfTen(Math.log10(size), value < 0 ? "−" : "");
  return String(rounded(value, digits)).replace("-", "−");
}

/** 10^x as “0.42”, “37” or “3.2 · 10⁻³⁷”. @param {number} log10 @param {string} [sign] */
export function powerOfTen(log10, sign = "") {
  if (Number.isNaN(log10)) return "–";
  if (log10 === -Infinity) return "0";
  if (log10 === Infinity) return `${sign}∞`;
  if (log10 > -3 && log10 < 5) return sign + String(rounded(10 ** log10, 3));
  let exponent = Math.floor(log10);
  let mantissa = (10 ** (log10 - exponent)).toFixed(1);
  if (mantissa === "10.0") {
    mantissa = "1.0";
    exponent += 1;
  }
  return `${sign}${mantissa} · 10${superscript(exponent)}`;
}

/** A number as a field holds it: what is exact in so many characters whole, all else rounded to fit. @param {number} value @param {number} [length] */
export function typable(value, length = 6) {
  const size = Math.abs(value);
  const exact = String(value).replace("e+", "e");
  if (exact.length <= length || !Number.isFinite(value)) return exact;
  if (size < 10 ** (length - 1) && size >= 1e-3) {
    for (let digits = length; digits > 0; digits--) {
      const text = String(rounded(value, digits));
      if (text.replace("-", "").length <= length) return text;
    }
  }
  const texts = [3, 2, 1, 0].map((digits) => value.toExponential(digits).replace(/\.?0*e\+?/, "e"));
  return texts.find((text) => text.replace("-", "").length <= length + 1) ?? texts[3] ?? exact;
}

/**
 * A number for a narrow cell: the most digits of a few that fit, and never none that counts.
 * @param {number} value @param {(text: string) => boolean} isFit
 */
export function cellText(value, isFit) {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || value === 0) return plain(value);
  const isPlain = size >= 9.5e-4 && size < 9999.5;
  /** @type {string[]} */
  let texts;
  if (!isPlain) texts = [value.toExponential(1), value.toExponential(0)].map((text) => text.replace("e+", "e"));
  else if (size >= 99.5) texts = [value.toFixed(0)];
  else if (size >= 9.95) texts = [value.toFixed(1), value.toFixed(0)];
  else texts = size >= 0.0095 ? [value.toFixed(2), value.toFixed(1)] : [String(rounded(value, 1))];
  // A digit that counts must be left.
  if (size < 0.0995) texts = texts.slice(0, isPlain ? 1 : 2);
  const short = texts.map((text) => text.replace("-", "−").replace(/^(−?)0\./, "$1."));
  return short.find(isFit) ?? short.at(-1) ?? "";
}

/** A factor per step: enough digits to tell it from 1. @param {number} log10 */
export function factorText(log10) {
  const factor = 10 ** log10;
  if (!Number.isFinite(factor) || factor === 0 || factor >= 1000 || factor < 0.001) return powerOfTen(log10);
  const distance = Math.abs(factor - 1);
  const decimals = distance >= 0.1 ? 2 : distance >= 0.01 ? 3 : distance >= 0.001 ? 4 : 5;
  return factor.toFixed(decimals);
}

/** Bytes in decimal units, as disks and papers have them. @param {number} bytes */
export function bytesText(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 4);
  if (power === 0) return `${whole(bytes)} B`;
  return `${rounded(bytes / 1000 ** power, 3)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

/** A time in the unit that it is read in. @param {number} seconds */
export function timeText(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const [factor, unit] = seconds < 1e-3 ? [1e6, "µs"] : seconds < 1 ? [1e3, "ms"] : [1, "s"];
  return `${rounded(seconds * factor, 3)} ${unit}`;
}
