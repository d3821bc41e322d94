/** What the page has to say: the state of the connection, refusals, and remarks on a link. */

/** @param {HTMLElement} bar @param {{onRetry: () => void}} actions @param {AbortSignal} signal */
export function mountMessages(bar, { onRetry }, signal) {
  bar.innerHTML = `
    <div class="message message-server" role="alert" hidden><span></span> <button type="button">try now</button></div>
    <div class="message message-problem" role="alert" hidden><span></span> <button type="button" aria-label="dismiss">×</button></div>
    <div class="message message-stopped" role="status" hidden><span></span> <button type="button" aria-label="dismiss">×</button></div>
    <div class="message message-remark" role="status" hidden><span></span> <button type="button" aria-label="dismiss">×</button></div>`;
  const [server, problem, stopped, remark] = /** @type {HTMLElement[]} */ ([...bar.children]);
  server?.querySelector("button")?.addEventListener("click", onRetry, { signal });
  for (const box of [problem, stopped, remark]) box?.querySelector("button")?.addEventListener("click", () => (box.hidden = true), { signal });

  /** @param {HTMLElement | undefined} box @param {string} text */
  const say = (box, text) => {
    const span = box?.querySelector("span");
    if (!box || !span) return;
    span.textContent = text;
    box.hidden = text === "";
  };
  return {
    /** @param {string} text */
    server: (text) => say(server, text),
    /** A refusal: what stands on the screen is the last run that could be made. @param {string} text */
    problem: (text) => say(problem, text),
    /** The run was stopped by hand: the picture is not whole. @param {string} text */
    stopped: (text) => say(stopped, text),
    /** @param {string} text */
    remark: (text) => say(remark, text),
  };
}
