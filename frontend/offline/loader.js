/**
 * The first script of an offline file: it checks that the file is whole, unpacks the page's modules
 * and Plotly, and hands packed recordings to the page. Everything it needs is in the file itself.
 */
(() => {
  "use strict";
  /** What a file holds is kept as text, in elements of its own. @param {string} id */
  const bytesOf = (id) => {
    const text = document.getElementById(`packed-${id}`)?.textContent;
    if (text === null || text === undefined) throw new Error(`${id} is missing`);
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let k = 0; k < bytes.length; k++) bytes[k] = binary.charCodeAt(k);
    return bytes;
  };

  /** Unpacked; gzip's checksum finds what was damaged on the way. @param {string} id @returns {Promise<ArrayBuffer>} */
  const unpack = async (id) => {
    const { readable, writable } = new DecompressionStream("gzip");
    const writer = writable.getWriter();
    // What is wrong with the bytes rejects here as well as in the reader, whose word counts.
    writer.write(bytesOf(id)).catch(() => undefined);
    writer.close().catch(() => undefined);
    return new Response(readable).arrayBuffer();
  };

  /** A script whose text the file's own policy knows. @param {string} text @param {string} type */
  const run = (text, type) => {
    const script = document.createElement("script");
    if (type) script.type = type;
    script.textContent = text;
    document.head.append(script);
  };
  const textOf = async (/** @type {string} */ id) => new TextDecoder().decode(await unpack(id));

  /** @param {string} problem */
  const say = (problem) => {
    const box = document.createElement("p");
    box.id = "file-problem";
    box.setAttribute("role", "alert");
    box.textContent = problem;
    document.body.prepend(box);
  };

  Object.assign(window, { rhoscopeFile: { unpack, loadPlotly: async () => run(await textOf("plotly"), ""), say } });

  document.addEventListener("DOMContentLoaded", async () => {
    const expected = document.documentElement.dataset.offline;
    if (document.getElementById("packed-end")?.textContent !== expected) {
      return say("This file is cut off: its end is missing. Download or copy it again.");
    }
    if (typeof DecompressionStream === "undefined") {
      return say("This browser is too old for this file: got one without DecompressionStream; expected Chrome or Edge 80, Firefox 113, Safari 16.4, or a newer one.");
    }
    try {
      run(await textOf("page"), "module");
    } catch {
      say("This file is damaged: the page in it can't be unpacked. Download or copy it again.");
    }
  });
})();
