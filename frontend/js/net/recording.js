/**
 * What an offline file holds: runs at recorded values of ρ, and of a second field where there is one,
 * as the server computed them. Answers what the page asks in the server's place.
 */
import { difference, readDocument, withFields } from "../state/experiment.js";
import { FIELD_AT } from "../state/fields.js";
import { RecordedSocket } from "./recorded_socket.js";

/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {{unpack: (id: string) => Promise<ArrayBuffer>, loadPlotly: () => Promise<void>, say: (problem: string) => void}} OfflineFile  what the loader gives */
/** @typedef {{changes: Record<string, unknown>, blobs: readonly number[], rho?: number | null, row?: Row, error?: object}} RunEntry  error: what the server said instead */
/** Runs along ρ: of which scene, a lesson has several, and at which value of the second field. @typedef {readonly [number, number | null]} Row */
/** @typedef {{want: string, changes: Record<string, unknown>, options: Record<string, unknown>, blob: number}} AnalysisEntry  options: what else was asked */
/** @typedef {{name: string, dtype: "F32" | "F64", shape: readonly number[], data: Uint8Array}} PackedTensor  its bytes in the order of a file */
/** @typedef {{kind: string, t0: number, t1: number, texts: Record<string, string>, tensors: readonly PackedTensor[]}} PackedFrame */
/** @typedef {{frames: readonly PackedFrame[], done: import("./wire.js").Done | null}} Unpacked */

/**
 * @typedef {object} Index
 * @property {number} format
 * @property {Record<string, string>} versions
 * @property {string} title
 * @property {string} hash
 * @property {string | null} live
 * @property {import("./wire.js").Hello} hello
 * @property {object} base
 * @property {{path: string, values: readonly (string | number)[]} | null} over
 * @property {number} columns
 * @property {readonly string[]} layers
 * @property {boolean} has_few_digits
 * @property {import("./wire.js").Lesson | null} [lesson]  whose steps are recorded
 * @property {readonly RunEntry[]} runs
 * @property {readonly AnalysisEntry[]} analyses
 */

/** A recorded run: its Experiment, and where it stands on the axes; what is only compared stands nowhere. @typedef {{experiment: Experiment, blobs: readonly number[], rho: number | null, row: Row, error: object | null}} Recorded */

const FORMAT = 1;
/** @type {Row} */
const FIRST_ROW = Object.freeze([0, null]);
/** Unpacked blobs that are kept: a slider goes to and fro. */
const MOST_KEPT_BYTES = 2 ** 26;

/** @param {object} document */
const keyOf = (document) => JSON.stringify(document);

/** The file's recording. @param {OfflineFile} file @returns {Promise<Recording>} */
export async function readRecording(file) {
  const index = JSON.parse(new TextDecoder().decode(await file.unpack("recording")));
  if (index.format !== FORMAT) throw new Error(`format ${index.format}`);
  return new Recording(file, index);
}

export class Recording {
  /** @type {ReadonlyMap<string, Recorded>} */
  #runs;
  /** @type {readonly Recorded[]} in order of ρ */
  #onAxes;
  /** @type {Map<string, AnalysisEntry[]>} */
  #analyses = new Map();
  /** @type {Map<number, {unpacked: Promise<Unpacked>, bytes: number}>} */
  #kept = new Map();
  #file;

  /** @param {OfflineFile} file @param {Index} index */
  constructor(file, index) {
    this.#file = file;
    this.index = index;
    const base = readDocument(index.base).experiment;
    const changed = (/** @type {Record<string, unknown>} */ changes) => withFields(base, Object.fromEntries(Object.entries(changes).map(([path, value]) => [path, value ?? FIELD_AT.get(path)?.initial ?? null])));
    const recorded = index.runs.map(({ changes, blobs, rho = null, row = FIRST_ROW, error = null }) => ({ experiment: changed(changes), blobs, rho, row, error }));
    this.#runs = new Map(recorded.map((each) => [keyOf(difference(each.experiment)), each]));
    this.#onAxes = recorded.filter(({ rho }) => rho !== null).sort((a, b) => Number(a.rho) - Number(b.rho));
    for (const entry of index.analyses) {
      const key = `${entry.want} ${keyOf(difference(changed(entry.changes)))}`;
      this.#analyses.set(key, [...(this.#analyses.get(key) ?? []), entry]);
    }
  }

  /** The link of the state that the file opens with. */
  get hash() {
    return this.index.hash;
  }

  /** Every ρ that is recorded, of the present value of the second field. @param {Experiment} experiment @returns {readonly number[]} */
  radii(experiment) {
    return this.#along(this.find(experiment)?.row ?? FIRST_ROW).map(({ rho }) => Number(rho));
  }

  /** @param {Row} row */
  #along([scene, over]) {
    return this.#onAxes.filter(({ row }) => row[0] === scene && row[1] === over);
  }

  /** @param {Experiment} experiment @returns {Recorded | null} */
  find(experiment) {
    return this.#runs.get(keyOf(difference(experiment))) ?? null;
  }

  /**
   * The recorded Experiment nearest to a wish; null where nothing of what is to change was recorded.
   * @param {Experiment} present @param {Record<string, unknown>} changes dotted path → value
   * @returns {Recorded | null}
   */
  nearest(present, changes) {
    const exact = this.find(withFields(present, changes));
    if (exact && exact.rho !== null) return exact;
    const { over } = this.index;
    const here = this.find(present);
    const rho = changes["recurrent.spectral_radius"];
    const wished = over && over.path in changes ? changes[over.path] : undefined;
    if (typeof rho !== "number" && wished === undefined) return null;
    const [scene, value] = here?.row ?? FIRST_ROW;
    const candidates = this.#along([scene, wished === undefined ? value : placeOf(over?.values ?? [], wished)]);
    if (!candidates.length) return null;
    const target = typeof rho === "number" ? rho : (here?.rho ?? 1);
    return candidates.reduce((best, each) => (Math.abs(Number(each.rho) - target) < Math.abs(Number(best.rho) - target) ? each : best));
  }

  /** The recorded ρ so many places further. @param {Experiment} experiment @param {number} rho @param {number} places */
  radiusAfter(experiment, rho, places) {
    const radii = this.radii(experiment);
    const [above, below] = [radii.findIndex((each) => each > rho + 1e-9), radii.findLastIndex((each) => each < rho - 1e-9)];
    const at = places > 0 ? (above < 0 ? radii.length : above) + places - 1 : below + places + 1;
    return radii[Math.min(Math.max(at, 0), radii.length - 1)] ?? rho;
  }

  /** Whether anything of an analysis is recorded. @param {string} want */
  has(want) {
    return this.index.analyses.some((entry) => entry.want === want);
  }

  /** Every run is recorded over all of its time. @param {Experiment} experiment @returns {import("./run.js").Window} */
  windowOf({ steps }) {
    return { t0: 0, t1: steps, columns: Math.min(steps, this.index.columns) };
  }

  /** A recorded analysis. @param {string} want @param {object} document of the Experiment @param {Record<string, unknown>} asked the whole message @returns {AnalysisEntry | null} */
  analysis(want, document, asked) {
    const found = this.#analyses.get(`${want} ${keyOf(difference(readDocument(document).experiment))}`) ?? [];
    return found.find(({ options }) => Object.entries(options).every(([name, value]) => JSON.stringify(asked[name] ?? null) === JSON.stringify(value))) ?? null;
  }

  /** A recorded run by its document. @param {object} document */
  run(document) {
    return this.find(readDocument(document).experiment);
  }

  /** @param {number} number @returns {Promise<Unpacked>} */
  blob(number) {
    const known = this.#kept.get(number);
    this.#kept.delete(number);
    const entry = known ?? { unpacked: this.#file.unpack(`blob-${number}`).then((buffer) => {
      entry.bytes = buffer.byteLength;
      return unpacked(buffer);
    }), bytes: 0 };
    this.#kept.set(number, entry);
    let sum = [...this.#kept.values()].reduce((total, { bytes }) => total + bytes, 0);
    for (const [oldest, { bytes }] of this.#kept) {
      if (sum <= MOST_KEPT_BYTES || oldest === number) break;
      this.#kept.delete(oldest);
      sum -= bytes;
    }
    return entry.unpacked;
  }

  /** The recording in the place of the server. @param {import("./socket.js").SocketEvents} events @param {AbortSignal} signal @returns {import("./socket.js").Line} */
  open(events, signal) {
    return new RecordedSocket(this, events, signal);
  }
}

/** Where a wished value lies among those that are recorded; of numbers the nearest. @param {readonly (string | number)[]} values @param {unknown} wished */
function placeOf(values, wished) {
  const exact = values.findIndex((value) => value === wished);
  if (exact >= 0 || typeof wished !== "number") return exact;
  const distances = values.map((value) => Math.abs(Number(value) - wished));
  return distances.indexOf(Math.min(...distances));
}

/**
 * The frames of a blob: four bytes of length, a header, then of every tensor the first byte of each
 * number, the second of each, and so on, which are put back in order here.
 * @param {ArrayBuffer} buffer @returns {Unpacked}
 */
export function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const { frames, done = null } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let start = 4 + length;
  return {
    done,
    frames: frames.map((/** @type {{tensors: Array<[string, "F32" | "F64", number[]]>}} */ frame) => ({
      ...frame,
      tensors: frame.tensors.map(([name, dtype, shape]) => {
        const size = dtype === "F32" ? 4 : 8;
        const count = shape.reduce((product, each) => product * each, 1);
        const planes = new Uint8Array(buffer, start, count * size);
        start += planes.length;
        const data = new Uint8Array(planes.length);
        for (let plane = 0; plane < size; plane++) {
          for (let k = 0, at = plane * count; k < count; k++, at++) data[k * size + plane] = /** @type {number} */ (planes[at]);
        }
        return { name, dtype, shape, data };
      }),
    })),
  };
}
