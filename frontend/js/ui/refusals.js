/** What the server refused, in the words of whoever has a hand on it. */

/** What the parts of an operation are called beside the thing that was moved. */
const SUBJECTS = Object.freeze({
  at: "This λ", to: "The new place", half_gap: "The distance of the two", keep: "What is kept",
  spectral_radius: "This ρ", alpha: "This α", value: "This weight", i: "The row", j: "The column", rows: "The rows", columns: "The columns",
});

/** Longer than that is no remark beside a hand: then what can be spared is left to the title. */
const LONGEST = 88;

/**
 * A refusal of an operation as a sentence of at most two lines.
 * @param {string} message the server's: *argument, what is wrong: got …; expected …. What to do.*
 */
export function refusalWords(message) {
  const whole = message.replace(/^\w+\.edits\[\d+\](?:\.(\w+))? ?/, (_, part) => `${SUBJECTS[/** @type {keyof typeof SUBJECTS} */ (part)] ?? "This"} `).replace(/^the /, "The ").trim();
  if (whole.length <= LONGEST) return whole;
  const found = /^(.*?): (?:(.*): )?got (.*?); expected (.*?)\.(?: ([A-Z].*))?$/s.exec(whole);
  if (!found) return whole;
  const [, problem, detail, got, expected, advice] = found;
  const head = detail ? `${problem}: ${detail}` : problem;
  const [limit] = expected?.split(", ") ?? [];
  const last = `${problem}.${advice ? ` ${advice}` : ""}`;
  const shorter = [`${head}: got ${got}; expected ${expected}.`, `${head}: expected ${expected}.`, `${head}: expected ${limit}.`, last];
  // What is in the hand is seen: at the utmost it need not be named.
  return shorter.find((text) => text.length <= LONGEST) ?? last.replace(/^This \S+ is (\w)/, (_, letter) => letter.toUpperCase());
}
