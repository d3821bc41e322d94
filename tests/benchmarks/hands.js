// Runs in the page, after hand.js: hands on the matrix, by the events that a keyboard and a pointer make.
(() => {
  const { hand } = window;
  const frame = () => new Promise(requestAnimationFrame);
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const find = (selector) => document.querySelector(selector);
  const lastEdit = () => window.rhoscope.painted.recurrent.edits.at(-1);
  const matrix = () => JSON.stringify(window.rhoscope.painted.recurrent);
  const press = (element, key, more = {}) => element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));

  let opened = "";
  /** Told when a picture is painted and its frame is over. */
  let onPicture = () => {};
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => onPicture();
  function watch() {
    let { painted } = window.rhoscope;
    Object.defineProperty(window.rhoscope, "painted", {
      get: () => painted,
      set(value) {
        painted = value;
        port2.postMessage(null); // arrives after the frame's rendering
      },
    });
  }

  /** From an act to the end of the frame that shows it: milliseconds, and the frames that began meanwhile, that one too. */
  async function spent(act, isRight) {
    let [frames, isOver] = [0, false];
    (function count() {
      requestAnimationFrame(() => {
        frames += 1;
        if (!isOver) count();
      });
    })();
    const begin = performance.now();
    const shown = new Promise((resolve) => (onPicture = () => isRight() && resolve()));
    act();
    await shown;
    isOver = true;
    return { ms: performance.now() - begin, frames };
  }

  /** A key comes at any time of a frame. */
  async function anyMoment(k) {
    await frame();
    await pause((7 * k) % 17);
  }

  const [modulus, angle] = [() => Number(find(".modulus").value), () => Number(find(".angle").value)];
  const plane = () => find(".eigenvalues .panel-body");

  /** A pointer event over a point of the complex plane. */
  function point(type, [re, im]) {
    // As the panel told Plotly, which rounds what it draws.
    const { margin, width, height, xaxis, yaxis } = find(".eigenvalues .plot").layout;
    const box = plane().getBoundingClientRect();
    const share = (at, [low, high]) => (at - low) / (high - low);
    const clientX = box.left + margin.l + (width - margin.l - margin.r) * share(re, xaxis.range);
    const clientY = box.top + height - margin.b - (height - margin.t - margin.b) * share(im, yaxis.range);
    plane().dispatchEvent(new PointerEvent(type, { clientX, clientY, pointerType: "mouse", bubbles: true, cancelable: true }));
  }

  Object.assign(hand, {
    /** The one step made since `takeWeight` is taken back. */
    async undo() {
      await spent(() => press(document.body, "z", { ctrlKey: true }), () => matrix() === opened);
      await pause(50);
    },
    async takeWeight(i, j) {
      watch();
      opened = matrix();
      for (const [axis, index] of [["i", i], ["j", j]]) {
        const input = find(`input[data-axis=${axis}]`);
        input.value = String(index);
        input.dispatchEvent(new Event("input", { bubbles: true }));
      }
      await frame();
      find("input.weight").focus();
    },
    /** From a weight's input event to its picture. */
    async weight(value, k) {
      await anyMoment(k);
      const input = find("input.weight");
      return spent(() => {
        input.value = String(value);
        input.dispatchEvent(new Event("input", { bubbles: true }));
      }, () => lastEdit()?.value === value);
    },
    /** The same for the slider. */
    async rho(value, k) {
      await anyMoment(k);
      return spent(() => hand.move(value), () => window.rhoscope.painted.recurrent.spectral_radius === value);
    },
    /** Milliseconds until an edited W_hh has its answer, with nothing painted. */
    weightAnswers: (count) => hand.answers(count, (k) => ({ edits: [{ op: "set", i: 0, j: 0, value: k / 1000 }] })),
    eigenvalueAnswers(count) {
      const { at, to } = hand.lastMove;
      return hand.answers(count, (k) => ({ edits: [{ op: "eigenvalue", at, to: [to[0] + k / 1e4, to[1]] }] }));
    },
    /** By key, the first pair that is well off the axis. */
    async takePair() {
      for (let tries = 0; tries < 100; tries++) {
        press(plane(), ".");
        await frame();
        await frame();
        if (Math.abs(angle() - 90) < 75 && modulus() > 0.2) break;
      }
      hand.pair = { modulus: modulus(), angle: (angle() * Math.PI) / 180 };
    },
    /** The pair towards the origin and the imaginary axis and back, a new place every frame; it is taken back at the end. */
    async dragPair(seconds) {
      const { modulus, angle } = hand.pair;
      const turn = angle < Math.PI / 2 ? 0.3 : -0.3;
      const along = (share) => [modulus * (1 - share / 2) * Math.cos(angle + turn * share), modulus * (1 - share / 2) * Math.sin(angle + turn * share)];
      point("pointerdown", along(0));
      const found = await hand.follow(seconds, (share) => {
        const place = along(share);
        point("pointermove", place);
        return () => lastEdit()?.op === "eigenvalue" && Math.hypot(lastEdit().to[0] - place[0], lastEdit().to[1] - place[1]) < 1e-4;
      });
      point("pointerup", along(0));
      hand.lastMove = lastEdit();
      const refused = find(".eigenvalues [role=alert]").textContent;
      if (refused) throw new Error(refused);
      await hand.undo();
      return found;
    },
  });
})();
