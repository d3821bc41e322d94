/** How the page begins in a file without a server: with its recording in the place of server and link. */
import { NOT_RECORDED } from "../net/recorded_socket.js";
import { readRecording } from "../net/recording.js";
import { bringLesson, openLink } from "../net/lessons.js";
import { RecordedStore } from "../state/recorded_store.js";
import { mountOffline, noFiles } from "./offline.js";

/** @typedef {import("../state/experiment.js").Experiment} Experiment */

export async function startOffline() {
  const file = /** @type {import("../net/recording.js").OfflineFile} */ (Reflect.get(window, "rhoscopeFile"));
  const recording = await readRecording(file).catch((error) => {
    file.say("This file is damaged: what it has recorded can't be read. Download or copy it again.");
    throw error;
  });
  /** @type {() => void} */
  let say = () => {};
  const refuse = () => say();
  return {
    recording,
    opened: await openedIn(recording),
    notRecorded: NOT_RECORDED,
    files: noFiles(refuse),
    loadPlotly: file.loadPlotly,
    /** @param {Experiment} experiment @param {Partial<import("../state/store.js").View>} view */
    makeStore: (experiment, view) => new RecordedStore(recording, experiment, view, refuse),
    /** Once the page stands. @param {import("../render/scene.js").Scene} scene @param {import("./controls.js").Controls} controls @param {() => void} onRefused @param {AbortSignal} signal */
    finish(scene, controls, onRefused, signal) {
      say = onRefused;
      mountOffline(recording, scene, controls, signal);
    },
  };
}

/** The state in the address, where it is recorded; else the one that was exported. @param {import("../net/recording.js").Recording} recording */
async function openedIn(recording) {
  bringLesson(recording.index.lesson ?? null);
  const exported = await openLink(recording.hash);
  const asked = location.hash ? await openLink(location.hash) : exported;
  const found = recording.find(asked.experiment);
  if (found) return { ...asked, experiment: found.experiment };
  const experiment = recording.find(exported.experiment)?.experiment ?? exported.experiment;
  return { ...exported, experiment, problems: ["What the address names is not recorded in this file: the state that was exported is shown."] };
}
