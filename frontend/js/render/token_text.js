/** Tokens as people read them: signs that leave no ink get one, foreign text stays in its own direction, and long ones are cut. */

/** Where nobody would see a token. @type {Readonly<Record<string, string>>} */
const SEEN = Object.freeze({ "\n": "⏎", "\t": "⇥" });
const BLANK = "␣";

/** What a person sees as one sign. @type {Intl.Segmenter | undefined} */
let signs;

/** So many signs of a token are shown. */
const LONGEST = 16;

/** A token as it stands alone. @param {string} token @param {number} [most] signs */
export function tokenText(token, most = LONGEST) {
  const text = token.replace(/^\s$/u, (space) => SEEN[space] ?? BLANK);
  if (text.length <= most) return text;
  signs ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const found = [...signs.segment(text.slice(0, 64 * most))].map(({ segment }) => segment);
  return found.length <= most && text.length <= 64 * most ? text : `${found.slice(0, most - 1).join("")}…`;
}

/** The most signs of a token that fit. @param {string} token @param {(text: string) => boolean} isFit */
export function fitting(token, isFit) {
  for (let most = LONGEST; most > 1; most--) {
    const text = tokenText(token, most);
    if (isFit(text)) return text;
  }
  return tokenText(token, 1);
}

/** A token in a sentence: in quotes, and isolated, since Hebrew would turn what stands beside it. @param {string} token */
export const quoted = (token) => `“\u2068${tokenText(token)}\u2069”`;

/** What follows a number of a step: its token, where it has one. @param {string | null} token */
export const andToken = (token) => (token === null ? "" : ` · ${quoted(token)}`);

/** Text for Plotly, which reads tags in it. @param {string} text */
export const plotlyText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/**
 * Which names of neighbouring places can stand side by side: all from the left that do not touch the one before.
 * @param {ReadonlyArray<string | null>} names of one place after another @param {number} each_px width of a place
 * @param {(name: string) => number} widthOf in px @param {number} gap_px that must be left between two
 * @returns {number[]} their places
 */
export function standing(names, each_px, widthOf, gap_px) {
  let end = -Infinity;
  return names.flatMap((name, k) => {
    if (name === null) return [];
    const [middle, half] = [(k + 0.5) * each_px, widthOf(name) / 2];
    if (middle - half < end) return [];
    end = middle + half + gap_px;
    return [k];
  });
}

/**
 * Whether names tell more on an axis than numbers: at least half of its places have one, and a third of those has room.
 * @param {ReadonlyArray<string | null>} names @param {readonly number[]} shown the places of those that have room
 */
export function isTelling(names, shown) {
  const known = names.filter((name) => name !== null).length;
  return known > 0 && 2 * known >= names.length && 3 * shown.length >= known;
}
