/** What the page says of its line to the server: what is the matter, and who can do what about it. */

/** @typedef {import("../net/socket.js").Circumstance} Circumstance */
/** @typedef {import("../net/socket.js").SocketState} SocketState */

const KEPT = "What you made stays here; the page takes up again by itself.";

/**
 * @param {SocketState} state @param {Circumstance} circumstance @param {string} origin of the page's address
 * @returns {string} "" where there is nothing to say
 */
export function wordsFor(state, circumstance, origin) {
  if (state === "open") return circumstance === "without_sockets" ? WITHOUT_SOCKETS : "";
  if (circumstance === "busy") return `The server has no seat left. ${KEPT} Whoever runs it can raise --max-sessions.`;
  if (circumstance === "sandboxed") return "This frame is sandboxed, and the server lets none in: start it with --allow-origin null, or add allow-same-origin to the frame's sandbox.";
  if (circumstance === "forbidden_origin") return `The server takes this page for a stranger's: a proxy in between changes the Host or the scheme. Whoever runs it can pass Host and X-Forwarded-Proto on, or start the server with --allow-origin ${origin}.`;
  if (circumstance === "forbidden_host") return `The server doesn't know the name in the address bar. Whoever runs it can start it with --allowed-host ${new URL(origin).hostname}.`;
  return `The server is gone. ${KEPT}`;
}

const WITHOUT_SOCKETS = "Something on the way to the server drops WebSockets: all works, though a drag may follow less smoothly, until that proxy forwards Upgrade and Connection.";
