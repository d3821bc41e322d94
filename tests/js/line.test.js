import assert from "node:assert/strict";
import { test } from "node:test";

import { problemOf } from "../../frontend/js/net/greeting.js";
import { LetterReader } from "../../frontend/js/net/letters.js";
import { PostedMessages } from "../../frontend/js/net/posted_messages.js";
import { LiveSocket } from "../../frontend/js/net/socket.js";
import { wordsFor } from "../../frontend/js/ui/connection.js";

/** @param {string | Uint8Array} content @returns {Uint8Array<ArrayBuffer>} */
function letter(content) {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const whole = new Uint8Array(16 + bytes.length);
  new DataView(whole.buffer).setBigUint64(0, typeof content === "string" ? 0n : 1n, true);
  new DataView(whole.buffer).setBigUint64(8, BigInt(bytes.length), true);
  whole.set(bytes, 16);
  return whole;
}

/** @param {readonly Uint8Array[]} parts */
const joined = (parts) => new Uint8Array(parts.flatMap((part) => [...part]));

const FRAME = Uint8Array.from({ length: 40 }, (_, k) => k);
const DONE = JSON.stringify({ type: "done", id: 1, status: "complete" });
const HELLO = JSON.stringify({ type: "hello" });

test("letters are the same wherever the network cuts them", () => {
  const all = joined([letter(FRAME), letter(""), letter(DONE)]);
  for (const size of [1, 3, 16, 17, all.length]) {
    const reader = new LetterReader();
    /** @type {Array<string | ArrayBuffer>} */
    const found = [];
    for (let start = 0; start < all.length; start += size) found.push(...reader.push(all.slice(start, start + size)));
    assert.equal(found.length, 3);
    assert.deepEqual(new Uint8Array(/** @type {ArrayBuffer} */ (found[0])), FRAME);
    assert.deepEqual(found.slice(1), ["", DONE]);
  }
});

/** A server over HTTP: each request waits for what the test answers. */
function httpServer() {
  /** @type {Array<{path: string, body: string, signal: AbortSignal, answer: (response: Response) => void, fail: () => void}>} */
  const requests = [];
  /** @type {Array<() => void>} */
  const arrivals = [];
  /** @param {URL | string} url @param {RequestInit} [init] @returns {Promise<Response>} */
  const fetch = (url, init = {}) =>
    new Promise((resolve, reject) => {
      const signal = init.signal ?? new AbortController().signal;
      requests.push({ path: new URL(url).pathname, body: String(init.body ?? ""), signal, answer: resolve, fail: () => reject(new TypeError("Failed to fetch")) });
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      arrivals.shift()?.();
    });
  return {
    fetch,
    /** The next request, once it is made. */
    async next() {
      if (!requests.length) await new Promise((resolve) => arrivals.push(() => resolve(null)));
      return /** @type {NonNullable<typeof requests[0]>} */ (requests.shift());
    },
  };
}

/** Collects what a line says; `until` waits for the first that fits. */
function listener() {
  /** @type {unknown[]} */
  const heard = [];
  /** @type {Array<{fits: (said: any) => boolean, resolve: (said: any) => void}>} */
  const waiting = [];
  /** @param {unknown} said */
  const say = (said) => {
    heard.push(said);
    const k = waiting.findIndex(({ fits }) => fits(said));
    if (k >= 0) waiting.splice(k, 1)[0]?.resolve(said);
  };
  return {
    heard,
    /** @param {(said: any) => boolean} fits @returns {Promise<any>} */
    until: (fits) => new Promise((resolve) => waiting.push({ fits, resolve })),
    events: {
      onText: (/** @type {string} */ text) => say(JSON.parse(text)),
      onFrame: (/** @type {ArrayBuffer} */ frame) => say(new Uint8Array(frame)),
      onClose: (/** @type {string} */ why) => say({ closed: why }),
      onState: (/** @type {string} */ state, /** @type {string} */ circumstance) => say({ state, circumstance }),
    },
  };
}

test("a posted message brings its letters, and the newest wins", async (t) => {
  const server = httpServer();
  t.mock.method(globalThis, "fetch", server.fetch);
  const page = listener();
  const line = new PostedMessages("ws://host/a/api/stream", page.events);
  line.send({ type: "run", id: 1 });
  const first = await server.next();
  assert.equal(first.path, "/a/api/stream");
  line.send({ type: "run", id: 2 });
  assert.equal(page.heard.length, 0, "nothing is said before the call has returned");
  assert.ok(first.signal.aborted);
  const second = await server.next();
  second.answer(new Response(joined([letter(FRAME), letter(JSON.stringify({ type: "done", id: 2, status: "complete" }))])));
  await page.until(({ id }) => id === 2);
  assert.deepEqual(page.heard, [{ type: "done", id: 1, status: "superseded" }, FRAME, { type: "done", id: 2, status: "complete" }]);
  line.send({ type: "run", id: 3 });
  line.send({ type: "cancel", id: 2 });
  line.send({ type: "cancel", id: 3 });
  assert.equal((await page.until(({ id }) => id === 3)).status, "cancelled");
});

test("what a server refuses is that message's end; what somebody else answers ends the line", async (t) => {
  const server = httpServer();
  t.mock.method(globalThis, "fetch", server.fetch);
  const refused = { type: "error", id: null, code: "invalid_field", message: "no." };
  for (const [answer, said] of /** @type {const} */ ([
    [new Response(JSON.stringify(refused), { status: 422 }), { ...refused, id: 7 }],
    [new Response(JSON.stringify({ type: "error", code: "forbidden_origin" }), { status: 403 }), { closed: "forbidden_origin" }],
    [new Response("<h1>502 Bad Gateway</h1>", { status: 502 }), { closed: "" }],
    [new Response(letter(FRAME)), { closed: "" }],
  ])) {
    const page = listener();
    new PostedMessages("ws://host/api/stream", page.events).send({ type: "run", id: 7 });
    (await server.next()).answer(answer);
    await page.until((each) => "closed" in each || each.type === "error");
    assert.deepEqual(page.heard.at(-1), said);
  }
});

/** Sockets that the test opens and closes. */
class FakeSocket {
  static OPEN = 1;
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 0;
  /** @type {(() => void) | null} */ onopen = null;
  /** @type {((event: {data: string}) => void) | null} */ onmessage = null;
  /** @type {((event: {reason: string}) => void) | null} */ onclose = null;
  constructor() {
    FakeSocket.all.push(this);
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  send() {}
  close(reason = "") {
    this.readyState = 3;
    this.onclose?.({ reason });
  }
}

/** @param {import("node:test").TestContext} t */
function world(t) {
  const server = httpServer();
  const real = globalThis.WebSocket;
  FakeSocket.all = [];
  Object.assign(globalThis, { WebSocket: FakeSocket });
  t.after(() => Object.assign(globalThis, { WebSocket: real }));
  t.mock.method(globalThis, "fetch", server.fetch);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const ending = new AbortController();
  t.after(() => ending.abort());
  const page = listener();
  const open = () => new LiveSocket("ws://host/api/stream", /** @type {any} */ (page.events), ending.signal);
  const socket = () => /** @type {FakeSocket} */ (FakeSocket.all.at(-1));
  return { server, page, open, socket };
}

test("a socket that holds is used, and one that ends is opened again", async (t) => {
  const { page, open, socket } = world(t);
  const line = open();
  socket().open();
  assert.ok(line.isOpen);
  socket().onmessage?.({ data: HELLO });
  socket().close();
  assert.deepEqual(page.heard.at(-1), { state: "gone", circumstance: "" });
  t.mock.timers.tick(1000);
  assert.equal(FakeSocket.all.length, 2);
  socket().open();
  socket().onmessage?.({ data: HELLO });
  socket().close("busy");
  assert.deepEqual(page.heard.at(-1), { state: "gone", circumstance: "busy" });
});

test("where no socket gets through but the server is there, messages are posted", async (t) => {
  const { server, page, open, socket } = world(t);
  const line = open();
  socket().close();
  (await server.next()).answer(new Response(HELLO));
  await page.until(({ state }) => state === "connecting");
  assert.equal(FakeSocket.all.length, 2, "once is no proof");
  socket().close();
  (await server.next()).answer(new Response(HELLO));
  await page.until(({ type }) => type === "hello");
  assert.deepEqual(page.heard.at(-2), { state: "open", circumstance: "without_sockets" });
  line.send({ type: "run", id: 1 });
  const posted = await server.next();
  assert.deepEqual(JSON.parse(posted.body), { type: "run", id: 1 });
  const second = open();
  (await server.next()).answer(new Response(HELLO));
  await page.until(({ type }) => type === "hello");
  assert.equal(FakeSocket.all.length, 2, "the next line knows it from the first");
  assert.ok(second.isOpen);
  posted.fail();
  await page.until(({ state }) => state === "gone");
  assert.ok(!line.isOpen);
  t.mock.timers.tick(1000);
  assert.equal(FakeSocket.all.length, 3, "a server that was gone is tried with a socket again");
});

test("a server that is gone is no proxy that drops sockets", async (t) => {
  const { server, page, open, socket } = world(t);
  for (const [answer, circumstance] of /** @type {const} */ ([
    [null, ""],
    [new Response("Bad Gateway", { status: 502 }), ""],
    [new Response(JSON.stringify({ code: "forbidden_origin" }), { status: 403 }), "forbidden_origin"],
    [new Response(JSON.stringify({ code: "busy" }), { status: 503 }), "busy"],
  ])) {
    open();
    socket().close();
    const asked = await server.next();
    assert.equal(asked.path, "/api/hello");
    if (answer) asked.answer(answer);
    else asked.fail();
    const said = await page.until(({ state }) => state === "gone");
    assert.equal(said.circumstance, circumstance);
  }
});

test("a socket that says nothing for too long has failed", async (t) => {
  const { server, page, open, socket } = world(t);
  const line = open();
  socket().open();
  t.mock.timers.tick(6000);
  (await server.next()).answer(new Response(HELLO));
  await page.until(({ state }) => state === "connecting");
  t.mock.timers.tick(2500);
  (await server.next()).answer(new Response(HELLO));
  await page.until(({ type }) => type === "hello");
  assert.equal(FakeSocket.all.length, 2, "a server that starts is slow too");
  assert.deepEqual(page.heard.at(-2), { state: "open", circumstance: "without_sockets" });
  line.send({ type: "run", id: 1 });
  (await server.next()).fail();
  await page.until(({ state }) => state === "gone");
});

test("a sandboxed frame that is kept out is told apart from a server that is gone", async (t) => {
  const { server, page, open, socket } = world(t);
  Object.assign(globalThis, { origin: "null" });
  t.after(() => Reflect.deleteProperty(globalThis, "origin"));
  for (const [isThere, circumstance] of /** @type {const} */ ([[true, "sandboxed"], [false, ""]])) {
    open();
    socket().close();
    (await server.next()).fail();
    const probe = await server.next();
    assert.equal(probe.path, "/icon.svg");
    if (isThere) probe.answer(new Response("<svg/>"));
    else probe.fail();
    assert.equal((await page.until(({ state }) => state === "gone")).circumstance, circumstance);
  }
});

test("each circumstance has one sentence that says what to do", () => {
  const origin = "https://school.example";
  assert.equal(wordsFor("open", "", origin), "");
  assert.match(wordsFor("open", "without_sockets", origin), /drops WebSockets.*Upgrade and Connection/);
  assert.match(wordsFor("gone", "", origin), /^The server is gone\. What you made stays/);
  assert.match(wordsFor("gone", "sandboxed", origin), /--allow-origin null.*allow-same-origin/);
  assert.match(wordsFor("gone", "forbidden_origin", origin), /--allow-origin https:\/\/school\.example/);
  assert.match(wordsFor("gone", "forbidden_host", origin), /--allowed-host school\.example/);
  assert.match(wordsFor("gone", "busy", origin), /no seat left/);
  assert.equal(problemOf("<html>"), "");
  assert.equal(problemOf('{"code": "over_limit"}'), "");
});
