/** The network's equation with the current activation, as MathML. */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  let shown = "";
  const draw = () => {
    const { activation } = scene.store.experiment.cell;
    if (activation === shown) return;
    shown = activation;
    element.innerHTML = equation(activation);
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
