/** The few drawn signs, so that no font decides whether a button has a face. */

/** @param {string} path in a box of 16 */
const icon = (path) => `<svg viewBox="0 0 16 16" width="1em" height="1em" fill="currentColor" aria-hidden="true"><path d="${path}"/></svg>`;

export const ICONS = Object.freeze({
  first: icon("M2 3h2v10H2zM14 3v10L5 8z"),
  back: icon("M11 3v10L4 8z"),
  play: icon("M4 2v12l10-6z"),
  pause: icon("M3 2h4v12H3zM9 2h4v12H9z"),
  on: icon("M5 3v10l7-5z"),
  last: icon("M12 3h2v10h-2zM2 3v10l9-5z"),
  undo: icon("M6 2v3h3.500a4.500 4.500 0 0 1 0 9H5v-2h4.500a2.500 2.500 0 0 0 0-5H6v3L1.500 6z"),
  redo: icon("M10 2v3H6.500a4.500 4.500 0 0 0 0 9H11v-2H6.500a2.500 2.500 0 0 1 0-5H10v3l4.500-4z"),
  second: icon("M1 2h14v12H1zM3 4v8h4V4zM9 4v8h4V4z"),
  controls: icon("M2 3h6v2H2zM11 3h3v2h-3zM8.500 2H10v4H8.500zM2 11h3v2H2zM8 11h6v2H8zM5.500 10H7v4H5.500z"),
  leave: icon("M3.400 2 8 6.600 12.600 2 14 3.400 9.400 8l4.600 4.600-1.400 1.400L8 9.400 3.400 14 2 12.600 6.600 8 2 3.400z"),
  theme: icon("M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2v10A5 5 0 0 1 8 3z"),
});
