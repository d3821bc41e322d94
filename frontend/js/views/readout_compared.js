/** What the networks that are compared cost, and what of the gradient each still has at the cursor: one line each. */
import { powerOfTen, superscript, whole } from "../render/format.js";
import { fateColour } from "../render/palette.js";
import { writeAttribute, writeProperty, writeText } from "../render/write.js";
import { longNameOf } from "../state/compare.js";
import { formulasOf, sizesOf } from "../state/sizes.js";

/** @typedef {import("../render/scene.js").Shown} Shown */

const HEAD = `<thead><tr><td></td><th scope="col" title="norm of the loss's gradient with respect to the state at the cursor">‖∂L/∂h<sub>t</sub>‖</th><th scope="col" title="numbers that are learned">params</th><th scope="col" title="multiply–adds of one forward run of one sequence, all T steps">mul–adds</th><th scope="col" title="longest path from x_1 to the loss, in steps">path x<sub>1</sub>→L</th></tr></thead>`;

/** @param {HTMLElement} element */
export function comparedReadout(element) {
  element.innerHTML = `${HEAD}<tbody></tbody>`;
  const body = /** @type {HTMLElement} */ (element.querySelector("tbody"));
  let shown = "";
  return {
    /** @param {readonly Shown[]} networks the main one first @param {number} t @param {import("../render/palette.js").Palette} palette */
    draw(networks, t, palette) {
      const main = networks[0]?.run;
      if (!main) return;
      const key = networks.map(({ kind }) => kind).join();
      if (key !== shown) {
        shown = key;
        body.innerHTML = networks.map(({ name }) => `<tr><th scope="row">${name}</th><td></td><td></td><td></td><td></td></tr>`).join("");
      }
      networks.forEach(({ kind, run, problem, reason }, k) => {
        const row = body.children[k];
        const [name, gradient, parameters, products, path] = row ? [...row.children] : [];
        if (!name || !gradient || !parameters || !products || !path) return;
        const sizes = sizesOf(kind, main.experiment);
        const formulas = formulasOf(kind, main.experiment.cell.layers);
        writeAttribute(name, "title", problem ? `${longNameOf(kind)}: ${reason}` : longNameOf(kind));
        writeText(gradient, run ? powerOfTen(run.valueAt("log10_grad_h", t - 1)) : problem ? "refused" : "…");
        writeAttribute(gradient, "title", problem ? reason : "");
        writeProperty(/** @type {HTMLElement} */ (gradient), "--swatch", problem ? palette.quiet : fateColour(palette, run?.done?.diagnosis?.gradients.fate));
        writeText(parameters, countText(sizes.parameters));
        writeAttribute(parameters, "title", `${whole(sizes.parameters)} = ${formulas.parameters}`);
        writeText(products, countText(sizes.products));
        writeAttribute(products, "title", `${whole(sizes.products)} = ${formulas.products}`);
        writeText(path, sizes.path === null ? "none" : whole(sizes.path));
        writeAttribute(path, "title", formulas.path);
      });
    },
  };
}

/** A count for a narrow column: whole up to six digits, then to three. @param {number} count */
export function countText(count) {
  if (count < 1e6) return whole(count);
  const [digits, exponent] = count.toExponential(2).split("e+");
  return `${digits}·10${superscript(Number(exponent))}`;
}
