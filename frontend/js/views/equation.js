/** The network's equation with the current activation, as MathML. */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  let shown = "";
  const draw = () => {
    const { cell: { kind, activation }, output, generation } = scene.store.experiment;
    const key = [kind, activation, output.kind, generation.after !== null].join();
    if (key === shown) return;
    shown = key;
    const feedback = generation.after === null ? "" : fedBack(output.kind === "classes");
    element.innerHTML = (GATED[kind] ?? equation(activation)) + feedback;
  };
  scene.loop.addLayer("equation", draw, signal);
  draw();
}

/** @param {string} symbol @param {string} index */
const sub = (symbol, index) => `<msub><mi>${symbol}</mi><mrow>${index}</mrow></msub>`;
const t = "<mi>t</mi>";
const before = "<mi>t</mi><mo>−</mo><mn>1</mn>";

/** @param {"tanh" | "relu" | "linear"} activation */
export function equation(activation) {
  const sum = `${sub("W", "<mi>x</mi><mi>h</mi>")}${sub("x", t)}<mo>+</mo>${sub("W", "<mi>h</mi><mi>h</mi>")}${sub("h", before)}<mo>+</mo>${sub("b", "<mi>h</mi>")}`;
  const name = { tanh: "tanh", relu: "ReLU", linear: "" }[activation];
  const side = name ? `<mi mathvariant="normal">${name}</mi><mo>⁡</mo><mrow><mo>(</mo>${sum}<mo>)</mo></mrow>` : sum;
  return `<math aria-label="the recurrence with activation ${activation}"><mrow>${sub("h", t)}<mo>=</mo>${side}</mrow></math>`;
}

/** What generation adds: the output, or a class drawn from its softmax, comes back as input. @param {boolean} isOfClasses */
function fedBack(isOfClasses) {
  const output = `${sub("y", t)}`;
  const side = isOfClasses ? `<mi mathvariant="normal">softmax</mi><mo>⁡</mo><mrow><mo>(</mo>${output}<mo>/</mo><mi>τ</mi><mo>)</mo></mrow>` : output;
  return `<math class="fed-back second" aria-label="generation: the next input is the present output"><mrow>${sub("x", "<mi>t</mi><mo>+</mo><mn>1</mn>")}<mo>${isOfClasses ? "∼" : "="}</mo>${side}</mrow></math>`;
}

const mul = "<mo>⊙</mo>";
const eq = "<mo>=</mo>";
const plus = "<mo>+</mo>";
const comma = "<mo>,</mo><mspace width=\"1em\"/>";

/** What gated cells do with their gates; the gates themselves are σ(W x + W h + b) each. @type {Readonly<Record<string, string>>} */
const GATED = Object.freeze({
  attention: `<math aria-label="causal self-attention"><mrow>${sub("o", t)}${eq}<munder><mo>∑</mo><mrow><mi>s</mi><mo>≤</mo><mi>t</mi></mrow></munder>${sub("a", "<mi>t</mi><mi>s</mi>")}${sub("v", "<mi>s</mi>")}<mrow class="second">${comma}${sub("a", t)}${eq}<mi mathvariant="normal">softmax</mi><mo>⁡</mo><mo>(</mo>${sub("q", t)}<mo>·</mo>${sub("k", "<mi>s</mi>")}<mo>/</mo><msqrt><mi>H</mi></msqrt><mo>)</mo></mrow></mrow></math>`,
  lstm: `<math aria-label="the recurrence of an LSTM"><mrow>${sub("c", t)}${eq}${sub("f", t)}${mul}${sub("c", before)}${plus}${sub("i", t)}${mul}${sub("g", t)}<mrow class="second">${comma}${sub("h", t)}${eq}${sub("o", t)}${mul}<mi mathvariant="normal">tanh</mi><mo>⁡</mo>${sub("c", t)}</mrow></mrow></math>`,
  gru: `<math aria-label="the recurrence of a GRU"><mrow>${sub("h", t)}${eq}<mo>(</mo><mn>1</mn><mo>−</mo>${sub("z", t)}<mo>)</mo>${mul}${sub("n", t)}${plus}${sub("z", t)}${mul}${sub("h", before)}</mrow></math>`,
});
