// Runs in the page: moves the slider as a hand does, and tells when the picture of a value is there.
// A picture counts only when all panels show one run: `rhoscope.painted` is set after the pixels.
(() => {
  const frame = () => new Promise(requestAnimationFrame);
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const shown = () => window.rhoscope?.painted?.recurrent.spectral_radius;
  let asked = null;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) {
    const message = JSON.parse(text);
    if (message.type === "run" && !message.isBenchmark) asked = message;
    return send.call(this, text);
  };

  const hand = {
    get slider() {
      return document.querySelector(".rho-slider");
    },
    async ready() {
      while (!(window.rhoscope?.picturesPainted > 0 && hand.slider)) await frame();
      // A pointer has been over the pictures on its way to the slider: Plotly is there too.
      for (const body of document.querySelectorAll(".panel-body")) for (const kind of ["pointerenter", "pointerleave"]) body.dispatchEvent(new PointerEvent(kind));
      while (!window.Plotly) await frame();
      await hand.rest();
    },
    /** Waits until the page has settled: what comes then is a new gesture. */
    async rest() {
      hand.slider.dispatchEvent(new Event("change", { bubbles: true }));
      for (let calm = 0, last = -1; calm < 40; calm++) {
        if (window.rhoscope.picturesPainted !== last) [calm, last] = [0, window.rhoscope.picturesPainted];
        await frame();
      }
    },
    move(rho) {
      hand.slider.value = String(rho);
      hand.slider.dispatchEvent(new Event("input", { bubbles: true }));
      return Number(hand.slider.value);
    },
    async until(rho) {
      while (shown() !== rho) await frame();
    },
    /** Milliseconds from a move of the slider to the picture. */
    async step(rho) {
      await frame();
      const begin = performance.now();
      await hand.until(hand.move(rho));
      return performance.now() - begin;
    },
    /** Up and down through 1, a new value every frame. */
    drag(seconds) {
      return hand.follow(seconds, (place) => {
        const rho = hand.move((0.4 + 1.2 * place).toFixed(3));
        return () => shown() === rho;
      });
    },
    /** A new place every frame, from 0 to 1 and back; `move` gives what tells whether its picture is there. */
    async follow(seconds, move) {
      const long_ms = [];
      const observer = new PerformanceObserver((list) => long_ms.push(...list.getEntries().map(({ duration }) => duration)));
      observer.observe({ type: "longtask" });
      const before = window.rhoscope.picturesPainted;
      const begin = performance.now();
      let [frames, isRight, now] = [0, () => true, begin];
      for (; now - begin < 1000 * seconds; frames++) {
        const phase = ((now - begin) / 1500) % 2;
        isRight = move(phase < 1 ? phase : 2 - phase);
        await frame();
        now = performance.now();
      }
      const painted = window.rhoscope.picturesPainted - before;
      while (!isRight()) await frame();
      const tail_ms = performance.now() - now;
      observer.disconnect();
      const each_s = (count) => (1000 * count) / (now - begin);
      return { pictures: each_s(painted), frames: each_s(frames), painted, tail_ms, long_ms };
    },
    /** What the page asked for last, with another W_hh each time, over a socket of its own and with nothing painted: milliseconds. */
    async answers(count, another = (k) => ({ spectral_radius: 0.9 + k / 1000 })) {
      const { id, experiment, ...rest } = asked;
      const socket = new WebSocket(new URL("api/stream", location.href.replace(/^http/, "ws")));
      socket.binaryType = "arraybuffer";
      let finish = () => {};
      socket.onmessage = ({ data }) => typeof data === "string" && finish();
      await new Promise((resolve) => (finish = resolve));
      const spent = [];
      for (let k = 1; k <= count; k++) {
        const recurrent = { ...experiment.recurrent, ...another(k) };
        const begin = performance.now();
        const done = new Promise((resolve) => (finish = resolve));
        send.call(socket, JSON.stringify({ ...rest, id: k, experiment: { ...experiment, recurrent } }));
        await done;
        spent.push(performance.now() - begin);
        await pause(20);
      }
      socket.close();
      return spent;
    },
  };
  window.hand = hand;
})();
