/** Light, dark, projector; without a choice, what the system says. The choice is kept where storage is allowed. */

import { embed } from "../embed/options.js";
import { ICONS } from "./icons.js";

const THEMES = Object.freeze(["light", "dark", "projector"]);
const KEY = "rhoscope.theme";

/** @param {HTMLButtonElement} button @param {() => void} onChange @param {AbortSignal} signal */
export function mountTheme(button, onChange, signal) {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  // An embed is as its page wants it: it neither reads nor keeps what a reader has chosen elsewhere.
  const asked = embed?.options.theme ?? new URLSearchParams(location.search).get("theme");
  let chosen = THEMES.find((theme) => theme === asked) ?? (embed ? null : THEMES.find((theme) => theme === stored()) ?? null);

  button.innerHTML = ICONS.theme;
  const apply = () => {
    root.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
    const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    button.setAttribute("aria-label", `theme: ${root.dataset.theme}; change to ${next}`);
    button.title = `theme: ${root.dataset.theme} (d)`;
    onChange();
  };
  const cycle = () => {
    chosen = THEMES[(THEMES.indexOf(root.dataset.theme ?? "light") + 1) % THEMES.length] ?? "light";
    if (embed) return apply();
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // A sandboxed frame has no storage: the choice lasts as long as the page.
    }
    apply();
  };
  button.addEventListener("click", cycle, { signal });
  system.addEventListener("change", apply, { signal });
  apply();
  return { cycle };
}

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
