/**
 * Writes to the document only what differs from what stands there: in a drag most words stay the
 * same from picture to picture, and each needless write costs the browser a layout.
 */

/** @param {Element | undefined} element @param {string} text */
export function writeText(element, text) {
  if (!element || element.textContent === text) return;
  const { firstChild } = element;
  // Other letters in the same node: no node comes or goes.
  if (firstChild instanceof Text && firstChild === element.lastChild) firstChild.data = text;
  else element.textContent = text;
}

/** A sentence whose matrices have their index below the line, W_hh; all else is text. @param {Element} element @param {string} text */
export function writeSentence(element, text) {
  if (element.textContent === text.replaceAll("_", "") && element.hasChildNodes()) return;
  element.replaceChildren(...text.split(/(W_\w+)/).map((part) => {
    const [symbol = "", index] = part.startsWith("W_") ? part.split("_") : [part];
    if (index === undefined) return symbol;
    const sub = document.createElement("sub");
    sub.textContent = index;
    const whole = document.createElement("span");
    whole.append(symbol, sub);
    return whole;
  }));
}

/** Shows or hides. @param {HTMLElement} element @param {boolean} isHidden */
export function writeHidden(element, isHidden) {
  if (element.hidden !== isHidden) element.hidden = isHidden;
}

/** @param {Element} element @param {string} name @param {string} value */
export function writeAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Sets a custom property, which the style sheet uses. @param {HTMLElement} element @param {`--${string}`} name @param {string} value */
export function writeProperty(element, name, value) {
  if (element.style.getPropertyValue(name) !== value) element.style.setProperty(name, value);
}
