/** Files to the server and from it. Every address is relative to the page's own. */
import { difference } from "../state/experiment.js";

/** @typedef {import("./wire.js").FoundFile} FoundFile */
/** @typedef {import("./wire.js").ErrorMessage} ErrorMessage */
/** @typedef {"network.safetensors" | "run.npz" | "run.csv" | "pytorch.py" | "pytorch-loop.py" | "pytorch-minimal.py"} ExportName */

/** A refusal of the server, or no answer at all: the message is for people. */
export class FileProblem extends Error {}

/** No answer at all: it may come another time. */
export class NoAnswer extends FileProblem {}

/** Keeps a file on the server. @param {Blob} file @returns {Promise<FoundFile>} what was found in it */
export async function upload(file) {
  const answer = await request("api/files", { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
  return answer.json();
}

/** What was found in a file that the server has. @param {string} hash @returns {Promise<FoundFile>} */
export async function lookUp(hash) {
  return (await request(`api/files/${hash}`, {})).json();
}

/** The Experiment's run, or its network, as a file. @param {ExportName} name @param {import("../state/experiment.js").Experiment} experiment */
export async function exportAs(name, experiment) {
  const body = JSON.stringify(difference(experiment));
  return (await request(`api/export/${name}`, { method: "POST", body, headers: { "Content-Type": "application/json" } })).blob();
}

/** @param {string} path @param {RequestInit} init */
export async function request(path, init) {
  if (globalThis.document?.documentElement.dataset.offline !== undefined) throw new NoAnswer("This file has no server behind it: open the live page for that.");
  let answer;
  try {
    answer = await fetch(new URL(path, location.href), init);
  } catch {
    throw new NoAnswer("The server can't be reached. Try again once it is back.");
  }
  if (answer.ok) return answer;
  /** @type {ErrorMessage | null} */
  const refused = await answer.json().catch(() => null);
  throw new FileProblem(sentence(refused?.message ?? `The server answered ${answer.status}.`));
}

/** @param {string} message */
const sentence = (message) => message.charAt(0).toUpperCase() + message.slice(1);
