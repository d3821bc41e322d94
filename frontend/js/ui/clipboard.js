/** Text to the clipboard, and files to the disk. */

/** The clipboard may be forbidden (an embed, plain http): then through a selection. @param {string} text @returns {Promise<boolean>} */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}

/** @param {Blob} content @param {string} name of the file */
export function download(content, name) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(content);
  anchor.download = name;
  anchor.click();
  // The browser has read the address by the next task; the content lives until it is released.
  setTimeout(() => URL.revokeObjectURL(anchor.href));
}
