/** All lessons and the gallery: one list to choose from. */
import { lessonEntries } from "../net/lessons.js";

/** @typedef {import("../net/wire.js").LessonEntry} LessonEntry */

/**
 * @param {HTMLDialogElement} sheet @param {HTMLButtonElement} button
 * @param {{open: (name: string, step?: number) => Promise<void>, present: () => string}} acts  present: the lesson that is open
 * @param {AbortSignal} signal
 */
export function mountLessonsSheet(sheet, button, { open, present }, signal) {
  sheet.innerHTML = `<form method="dialog"><button aria-label="close">×</button></form><h2 id="lessons-title" tabindex="-1">Lessons</h2><div class="lessons-list"></div>`;
  const list = /** @type {HTMLElement} */ (sheet.querySelector(".lessons-list"));

  async function show() {
    if (sheet.open) return;
    sheet.showModal();
    // An autofocus of its own would be tried, and told off, in every frame.
    /** @type {HTMLElement} */ (sheet.querySelector("h2")).focus();
    try {
      list.innerHTML = listHtml(await lessonEntries(), present());
    } catch (error) {
      list.textContent = `The lessons can't be listed: ${error instanceof Error ? error.message : error}`;
    }
  }

  button.addEventListener("click", () => void show(), { signal });
  sheet.addEventListener("click", (event) => {
    if (event.target === sheet) return sheet.close();
    const chosen = event.target instanceof Element ? event.target.closest("button") : null;
    const { lesson, step } = chosen?.dataset ?? {};
    if (!lesson) return;
    sheet.close();
    // The space bar walks the lesson and opens no second list.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    void open(lesson, Number(step ?? 1));
  }, { signal });
  return { show };
}

/** @param {readonly LessonEntry[]} entries @param {string} present */
function listHtml(entries, present) {
  const [lessons, galleries] = [entries.filter(({ cases }) => !cases), entries.filter(({ cases }) => cases)];
  const items = lessons.map((entry) => `<li><button type="button" data-lesson="${escaped(entry.name)}"${entry.name === present ? ' aria-current="true"' : ""}>
    <small>${escaped(entry.section)}</small><b>${escaped(entry.title)}</b><span>${entry.summary}</span></button></li>`);
  const shelves = galleries.map(({ name, title, summary, cases }) => `<h3>${escaped(title)}</h3><p>${summary}</p><ol class="lessons-cases">${(cases ?? []).map((each, k) => `<li><button type="button" data-lesson="${escaped(name)}" data-step="${k + 1}"><b>${escaped(each.title)}</b><span>${each.summary}</span></button></li>`).join("")}</ol>`);
  return `<ol class="lessons-all">${items.join("")}</ol>${shelves.join("")}`;
}

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
