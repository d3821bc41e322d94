import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { readDocument, valueAt } from "../../frontend/js/state/experiment.js";

const golden = JSON.parse(readFileSync(new URL("../golden/experiment_defaults.json", import.meta.url), "utf8"));

for (const { document, filled } of golden) {
  test(`${JSON.stringify(document)} is filled in as the server does it`, () => {
    const { experiment, problems } = readDocument(document);
    assert.deepEqual(problems, []);
    for (const path of leafPaths(filled)) assert.deepEqual(valueAt(experiment, path), valueAt(filled, path), path);
  });
}

/** @param {object} node @param {string} [prefix] @returns {string[]} */
function leafPaths(node, prefix = "") {
  return Object.entries(node).flatMap(([key, value]) => {
    const isGroup = typeof value === "object" && value !== null && !Array.isArray(value);
    return isGroup ? leafPaths(value, `${prefix}${key}.`) : [prefix + key];
  });
}
