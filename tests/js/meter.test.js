import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { Meter, timedAs } from "../../frontend/js/net/meter.js";
import { liveStream } from "../../frontend/js/net/socket.js";
import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { progressWords } from "../../frontend/js/views/cost.js";
import { timeRange } from "../../frontend/js/views/cost_plot.js";

/** A socket that a test opens, fills and closes by hand. */
class FakeSocket {
  static OPEN = 1;
  /** @type {FakeSocket[]} */
  static made = [];
  readyState = 0;
  /** @type {any[]} */
  sent = [];
  onopen = () => undefined;
  onmessage = (/** @type {{data: unknown}} */ _) => undefined;
  onclose = (/** @type {{reason: string}} */ _) => undefined;
  constructor() {
    FakeSocket.made.push(this);
  }
  open() {
    this.readyState = FakeSocket.OPEN;
    this.onopen();
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  /** @param {string} kind @param {Record<string, number[]>} tensors */
  frame(kind, tensors) {
    let start = 0;
    const entries = Object.entries(tensors).map(([name, numbers]) => [name, { dtype: "F64", shape: [numbers.length], data_offsets: [start, (start += 8 * numbers.length)] }]);
    const text = JSON.stringify({ __metadata__: { id: "1", kind, t0: "0", t1: "6" }, ...Object.fromEntries(entries) });
    const header = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
    const bytes = new Uint8Array(8 + header.length + start);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(header, 8);
    bytes.set(new Uint8Array(Float64Array.from(Object.values(tensors).flat()).buffer), 8 + header.length);
    this.onmessage({ data: bytes.buffer });
  }
}
/** Who asks beside the socket finds nobody. */
const fetch = () => Promise.reject(new TypeError("nobody is there"));
Object.assign(globalThis, { WebSocket: FakeSocket, fetch });

/** Each has a line that waits for a socket. @type {AbortController[]} */
const begun = [];
afterEach(() => begun.splice(0).forEach((each) => each.abort()));

function started() {
  const abort = new AbortController();
  begun.push(abort);
  let changes = 0;
  const meter = new Meter(liveStream("ws://here"), () => (changes += 1), abort.signal);
  meter.start(DEFAULT_EXPERIMENT);
  const socket = /** @type {FakeSocket} */ (FakeSocket.made.at(-1));
  socket.open();
  socket.frame("measurement", { hidden_sizes: [8, 16], lengths: [64], attention_lengths: [], visits: [3] });
  return { meter, socket, abort, changes: () => changes };
}

const visit = { hidden_size: [8], steps: [200], forward_s: [0.003, 0.001, 0.002, 0.004], whole_s: [0.01, 0.004, 0.008, 0.006] };

test("points come as they are measured, with the least and the median of their runs", () => {
  const { meter, socket } = started();
  assert.deepEqual(socket.sent.map(({ type, id, experiment }) => [type, id, experiment]), [["measure", 1, {}]]);
  socket.frame("over_hidden_size", { ...visit, hidden_size: [16], fit_forward: [2, 0.1, -6, 8, 2], local_forward: [2] });
  socket.frame("over_hidden_size", visit);
  const { measurement } = meter;
  assert.equal(progressWords(/** @type {any} */ (measurement)), "2 of 3");
  assert.deepEqual(measurement?.series.over_hidden_size?.points, [
    { size: 8, runs: 4, forward: 0.001, whole: 0.004, forwardMedian: 0.0025, wholeMedian: 0.007 },
    { size: 16, runs: 4, forward: 0.001, whole: 0.004, forwardMedian: 0.0025, wholeMedian: 0.007 },
  ]);
});

test("a size that is visited again is one point with more runs", () => {
  const { meter, socket } = started();
  socket.frame("over_steps", visit);
  socket.frame("over_steps", { ...visit, forward_s: [...visit.forward_s, 0.0005], whole_s: [...visit.whole_s, 0.004], fit_forward: [1.5, NaN, -6, 64, 2] });
  const measured = meter.measurement?.series.over_steps;
  assert.deepEqual(measured?.points.map(({ size, runs, forward }) => [size, runs, forward]), [[200, 5, 0.0005]]);
  assert.equal(measured?.forward?.exponent, 1.5);
  assert.equal(measured?.whole, null, "no fit where none was sent");
});

test("stopped half-way it keeps what it has, says so, and leaves its seat", () => {
  const { meter, socket, changes } = started();
  socket.frame("over_steps", visit);
  const before = changes();
  meter.stop("The network was changed.");
  assert.equal(changes(), before + 1);
  assert.deepEqual(socket.sent.at(-1), { type: "cancel", id: 1 });
  assert.equal(socket.readyState, 3);
  assert.equal(progressWords(/** @type {any} */ (meter.measurement)), "stopped at 1 of 3: what was measured stays. The network was changed.");
  assert.equal(meter.measurement?.series.over_steps?.points.length, 1);
  meter.stop();
  assert.equal(changes(), before + 1, "what has ended can't be stopped");
});

test("a new one takes the place of the old, on a socket of its own", () => {
  const { meter, socket } = started();
  socket.frame("over_steps", visit);
  meter.start(withFields(DEFAULT_EXPERIMENT, { steps: 7 }));
  assert.equal(socket.readyState, 3);
  assert.equal(FakeSocket.made.at(-1) === socket, false);
  assert.deepEqual([meter.measurement?.done, meter.measurement?.series], [0, {}]);
});

test("an end by the server is told in its words", () => {
  const ends = [
    [{ type: "done", id: 1, status: "complete", notes: [{ code: "out_of_time", message: "3 visits were left out." }] }, "complete", "each the least of 4 runs. 3 visits were left out."],
    [{ type: "error", id: 1, code: "over_limit", message: "steps is out of range." }, "refused", "steps is out of range."],
    [{ type: "error", id: null, code: "busy", message: "the server has no seat left." }, "refused", "the server has no seat left."],
  ];
  for (const [message, status, words] of ends) {
    const { meter, socket } = started();
    socket.frame("over_steps", visit);
    socket.onmessage({ data: JSON.stringify(message) });
    assert.equal(meter.measurement?.status, status);
    assert.equal(progressWords(/** @type {any} */ (meter.measurement)), words);
    assert.equal(socket.readyState, 3);
  }
});

test("where the server goes nothing is measured in two halves, and no line waits for it", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { meter, socket } = started();
  const count = FakeSocket.made.length;
  socket.onclose({ reason: "" });
  t.mock.timers.tick(3_600_000);
  assert.equal(progressWords(/** @type {any} */ (meter.measurement)), "stopped at 0 of 3: nothing was measured. The server is gone.");
  assert.equal(meter.isRunning, false);
  assert.equal(FakeSocket.made.length, count);
});

test("times belong to sizes: another ρ leaves them, another H doesn't", () => {
  const with_ = (/** @type {Record<string, unknown>} */ changes) => timedAs(withFields(DEFAULT_EXPERIMENT, changes));
  const plain = with_({});
  for (const changes of [{ "recurrent.spectral_radius": 1.3 }, { "recurrent.seed": 4 }, { "input.amplitude": 2 }]) assert.equal(with_(changes), plain);
  for (const changes of [{ "cell.hidden_size": 5 }, { steps: 5 }, { batch_size: 2 }, { dtype: "float64" }, { "cell.kind": "gru" }, { "cell.layers": 2 }, { "loss.at": "every" }]) assert.notEqual(with_(changes), plain);
});

test("the range of times holds every point, and has a place before there are any", () => {
  assert.deepEqual(timeRange(null), [-4, 0]);
  const { meter, socket } = started();
  socket.frame("over_steps", visit);
  const [low, high] = timeRange(meter.measurement);
  assert.ok(low < Math.log10(0.001) && high > Math.log10(0.007));
});
