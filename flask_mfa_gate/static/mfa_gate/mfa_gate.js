// Niceties only: every page works without this file.
(() => {
  "use strict";
  const say = (near, text) => {
    const place = near.closest("[data-needs-script]").querySelector("[data-said]");
    if (place) place.textContent = text;
  };
  const copy = (button, text) =>
    navigator.clipboard.writeText(text).then(
      () => say(button, "Copied"),
      () => say(button, "Copying is not allowed here"),
    );
  const codes = () => Array.from(document.querySelectorAll("[data-codes] code"), (code) => code.textContent).join("\n");
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([codes() + "\n"], { type: "text/plain" }));
    link.download = "recovery-codes.txt";
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const actions = {
    "[data-copy-secret]": (button) => copy(button, document.querySelector("[data-secret]").dataset.secret),
    "[data-copy-codes]": (button) => copy(button, codes()),
    "[data-save-codes]": save,
    "[data-print]": () => window.print(),
  };
  for (const place of document.querySelectorAll("[data-needs-script]")) place.hidden = false;
  for (const [selector, act] of Object.entries(actions)) {
    for (const button of document.querySelectorAll(selector)) button.addEventListener("click", () => act(button));
  }
})();
