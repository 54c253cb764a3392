// Copies, prints and saves codes that are shown once.

const textOf = (id) => {
  const element = document.getElementById(id);
  if (element.dataset.plain) return element.dataset.plain;
  return [...element.querySelectorAll("code")].map((code) => code.textContent).join("\n") + "\n";
};

for (const tools of document.querySelectorAll("[data-tools]")) tools.hidden = false;

for (const button of document.querySelectorAll("[data-copy]")) {
  // Only a secure page may write to the clipboard.
  button.hidden = !navigator.clipboard;
  const notice = button.parentElement.querySelector("[data-copied]");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(textOf(button.dataset.copy));
      notice.hidden = false;
    } catch {
      // Refused by the browser: the codes are on the page, to be selected by hand.
      button.hidden = true;
    }
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => print());
}

for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", () => {
    const address = URL.createObjectURL(new Blob([textOf(button.dataset.download)], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = button.dataset.file;
    link.click();
    URL.revokeObjectURL(address);
  });
}
