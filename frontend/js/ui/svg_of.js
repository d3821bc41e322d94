/**
 * What stands on the page as SVG that any program reads: texts, lines and controls as vectors,
 * Plotly's axes as its own vectors, canvases as images in the resolution that they have.
 */

/** @typedef {{x: number, y: number, width: number, height: number}} Box */

/** What Plotly has for the pointer alone. */
const FOR_THE_POINTER = ".draglayer, .hoverlayer, .plot, .bglayer, .layer-below .imagelayer, .zoomlayer, .infolayer .g-xtitle-none";
/** What is no part of the picture: words for ears, and the menu that it is taken from. */
const LEFT_OUT = ".visually-hidden, .popup";
const escaped = (/** @type {string} */ text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const round = (/** @type {number} */ value) => Number(value.toFixed(2));

class Drawing {
  /** @type {string[]} */
  parts = [];
  #clips = 0;
  #gradients = 0;
  #ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));

  /** @param {Box} origin */
  constructor(origin) {
    this.origin = origin;
  }

  /** @param {Element} element */
  draw(element) {
    const style = getComputedStyle(element);
    if (style.display === "none" || style.visibility === "hidden" || Number(style.opacity) === 0 || element.matches(LEFT_OUT)) return;
    if (element instanceof SVGSVGElement) return this.#svg(element, style);
    const box = this.#place(element.getBoundingClientRect());
    this.#background(box, style);
    if (element instanceof HTMLCanvasElement) return this.#canvas(element, box, style);
    if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement) return this.#field(element, box, style);
    const isClipped = style.overflow !== "visible" && element !== document.body;
    if (isClipped) this.#clip(box);
    if (element instanceof HTMLDetailsElement && !element.open) this.#children([...element.children].filter((child) => child.tagName === "SUMMARY"));
    else this.#children(element.childNodes);
    if (isClipped) this.parts.push("</g>");
  }

  /** What lies higher comes later. @param {Iterable<ChildNode>} nodes */
  #children(nodes) {
    const height = (/** @type {ChildNode} */ node) => (node instanceof Element ? Number(getComputedStyle(node).zIndex) || 0 : 0);
    for (const node of [...nodes].sort((a, b) => height(a) - height(b))) {
      if (node instanceof Text) this.#text(node);
      else if (node instanceof Element && node.tagName !== "OPTION") this.draw(node);
    }
  }

  /** @param {DOMRect} rect @returns {Box} */
  #place({ x, y, width, height }) {
    return { x: round(x - this.origin.x), y: round(y - this.origin.y), width: round(width), height: round(height) };
  }

  /** @param {Box} box */
  #clip({ x, y, width, height }) {
    const id = `clip-${this.#clips++}`;
    this.parts.push(`<clipPath id="${id}"><rect x="${x}" y="${y}" width="${width}" height="${height}"/></clipPath><g clip-path="url(#${id})">`);
  }

  /** @param {Box} box @param {CSSStyleDeclaration} style */
  #background({ x, y, width, height }, style) {
    if (!width && !height) return;
    const colours = [...style.backgroundImage.matchAll(/(rgba?\([^)]*\)|color\([^)]*\))/g)].map(([colour]) => colour);
    const radius = parseFloat(style.borderTopLeftRadius) || 0;
    let fill = isSeen(style.backgroundColor) ? style.backgroundColor : "";
    if (colours.length > 1) {
      const id = `scale-${this.#gradients++}`;
      this.parts.push(`<linearGradient id="${id}">${colours.map((colour, k) => `<stop offset="${round(k / (colours.length - 1))}" stop-color="${colour}"/>`).join("")}</linearGradient>`);
      fill = `url(#${id})`;
    }
    if (fill) this.parts.push(`<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill}"/>`);
    const sides = /** @type {const} */ ([["Top", x, y, x + width, y], ["Bottom", x, y + height, x + width, y + height], ["Left", x, y, x, y + height], ["Right", x + width, y, x + width, y + height]]);
    for (const [side, x1, y1, x2, y2] of sides) {
      const [size, line, colour] = [parseFloat(style[`border${side}Width`]), style[`border${side}Style`], style[`border${side}Color`]];
      if (!size || line === "none" || line === "hidden" || !isSeen(colour)) continue;
      const dash = line === "dotted" ? ` stroke-dasharray="${size} ${2 * size}"` : line === "dashed" ? ` stroke-dasharray="${3 * size} ${2 * size}"` : "";
      this.parts.push(`<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="${size}"${dash}/>`);
    }
  }

  /** @param {HTMLCanvasElement} canvas @param {Box} box @param {CSSStyleDeclaration} style */
  #canvas(canvas, { x, y, width, height }, style) {
    if (!canvas.width || !canvas.height) return;
    this.parts.push(`<image x="${x}" y="${y}" width="${width}" height="${height}" opacity="${style.opacity}" preserveAspectRatio="none" href="${canvas.toDataURL()}"/>`);
  }

  /** @param {SVGSVGElement} svg @param {CSSStyleDeclaration} style */
  #svg(svg, style) {
    const { x, y, width, height } = this.#place(svg.getBoundingClientRect());
    const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
    for (const each of copy.querySelectorAll(FOR_THE_POINTER)) each.remove();
    for (const [name, value] of Object.entries({ x, y, width, height, color: style.color, overflow: "visible" })) copy.setAttribute(name, String(value));
    copy.removeAttribute("class");
    copy.removeAttribute("style");
    this.parts.push(new XMLSerializer().serializeToString(copy));
  }

  /** The lines of a text, each where it stands. @param {Text} node */
  #text(node) {
    const text = node.data;
    const parent = node.parentElement;
    if (!text.trim() || !parent) return;
    const style = getComputedStyle(parent);
    const range = document.createRange();
    // Spaces at the ends are not drawn, but they have a place.
    range.setStart(node, text.search(/\S/));
    range.setEnd(node, text.trimEnd().length);
    const rects = [...range.getClientRects()].filter(({ width }) => width > 0);
    if (!rects.length) return;
    const tops = new Set(rects.map(({ top }) => Math.round(top)));
    if (tops.size === 1) return this.#line(text.replace(/\s+/g, " ").trim(), range.getBoundingClientRect(), style, parent);
    // Wrapped: character by character, as far as each line reaches.
    let [start, top] = [0, NaN];
    const end = (/** @type {number} */ at) => {
      const part = text.slice(start, at);
      range.setStart(node, start + Math.max(part.search(/\S/), 0));
      range.setEnd(node, start + part.trimEnd().length);
      const line = part.replace(/\s+/g, " ").trim();
      if (line) this.#line(line, range.getBoundingClientRect(), style, parent);
      start = at;
    };
    for (let at = 0; at < text.length; at++) {
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      const rect = range.getClientRects()[0];
      if (!rect || !rect.width) continue;
      if (Math.abs(rect.top - top) > 2) end(at);
      top = rect.top;
    }
    end(text.length);
  }

  /** @param {string} text @param {DOMRect} rect @param {CSSStyleDeclaration} style @param {Element} parent */
  #line(text, rect, style, parent) {
    // A bracket is as tall as its element, whatever its text says.
    const isTall = parent.localName === "mo" && parent.getBoundingClientRect().height > 1.6 * parseFloat(style.fontSize);
    const { x, y, width, height } = this.#place(isTall ? parent.getBoundingClientRect() : rect);
    const isVariable = parent.localName === "mi" && [...text].length === 1 && parent.getAttribute("mathvariant") !== "normal";
    const slant = isVariable ? "italic" : style.fontStyle;
    this.#ruler.font = `${slant} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = this.#ruler.measureText(text);
    const baseline = y + (height - ascent - descent) / 2 + ascent;
    const stretch = isTall ? ` transform="translate(0 ${round(y)}) scale(1 ${round(height / (ascent + descent))}) translate(0 ${round(-y)})"` : "";
    this.parts.push(`<text x="${x}" y="${round(stretch ? y + ascent : baseline)}" textLength="${width}" lengthAdjust="spacingAndGlyphs" font-family="${escaped(style.fontFamily)}" font-size="${style.fontSize}" font-weight="${style.fontWeight}" font-style="${slant}" fill="${style.color}"${stretch}>${escaped(text)}</text>`);
  }

  /** @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} field @param {Box} box @param {CSSStyleDeclaration} style */
  #field(field, { x, y, width, height }, style) {
    const middle = y + height / 2;
    if (field instanceof HTMLInputElement && field.type === "range") {
      const share = (Number(field.value) - Number(field.min)) / (Number(field.max) - Number(field.min) || 1);
      const knob = x + 8 + share * (width - 16);
      this.parts.push(`<line x1="${x}" y1="${middle}" x2="${x + width}" y2="${middle}" stroke="${style.color}" stroke-opacity="0.3" stroke-width="6" stroke-linecap="round"/><line x1="${x}" y1="${middle}" x2="${knob}" y2="${middle}" stroke="${style.color}" stroke-width="6" stroke-linecap="round"/><circle cx="${knob}" cy="${middle}" r="8" fill="${style.color}"/>`);
      return;
    }
    if (field instanceof HTMLInputElement && (field.type === "checkbox" || field.type === "radio")) {
      this.parts.push(`<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="2" fill="${field.checked ? style.color : "none"}" stroke="${style.color}"/>`);
      return;
    }
    const text = field instanceof HTMLSelectElement ? (field.selectedOptions[0]?.text ?? "") : field.value || field.placeholder;
    const [left, right] = [parseFloat(style.paddingLeft) + 1, parseFloat(style.paddingRight) + 1];
    const isRight = style.textAlign === "right";
    const size = parseFloat(style.fontSize);
    this.#clip({ x, y, width, height });
    this.parts.push(`<text x="${isRight ? x + width - right : x + left}" y="${round(middle + size * 0.36)}" text-anchor="${isRight ? "end" : "start"}" font-family="${escaped(style.fontFamily)}" font-size="${style.fontSize}" font-weight="${style.fontWeight}" fill="${style.color}"${field instanceof HTMLSelectElement || field.value ? "" : ' fill-opacity="0.55"'}>${escaped(text)}</text></g>`);
  }
}

/** @param {string} colour as it was computed */
const isSeen = (colour) => colour !== "" && colour !== "transparent" && !/^rgba\(.*, 0\)$/.test(colour);

/**
 * @param {Element} element what is drawn @param {number} margin around it, in CSS pixels
 * @param {readonly string[]} captions lines to stand below it, the longest first
 * @param {{ground: string, ink: string, font: string, text_px: number}} palette
 * @returns {{svg: string, width: number, height: number}}
 */
export function svgOf(element, margin, captions, { ground, ink, font, text_px: size }) {
  const { x, y } = element.getBoundingClientRect();
  const [width, height] = [element.scrollWidth + 2 * margin, element.scrollHeight + 2 * margin];
  const drawing = new Drawing({ x: x - margin, y: y - margin, width, height });
  drawing.draw(element);
  const strip = Math.round(size * 1.9);
  const whole = height + strip;
  const ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  ruler.font = `${size * 0.95}px ${font}`;
  // In the picture as much as there is room for; the whole of it is its description.
  const shown = [...captions, ""].find((each) => ruler.measureText(each).width < width - 2 * size) ?? "";
  const words = escaped(captions[0] ?? "");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${whole}" viewBox="0 0 ${width} ${whole}"><title>Rhoscope</title><desc>${words}</desc><rect width="${width}" height="${whole}" fill="${ground}"/>${drawing.parts.join("")}<rect y="${height}" width="${width}" height="${strip}" fill="${ground}"/><text x="${size}" y="${height + strip * 0.66}" font-family="${escaped(font)}" font-size="${round(size * 0.95)}" fill="${ink}" fill-opacity="0.75">${escaped(shown)}</text></svg>`;
  return { svg, width, height: whole };
}
