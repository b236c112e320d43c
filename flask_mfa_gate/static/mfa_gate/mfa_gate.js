// Niceties only: every page works without this file. What needs it is hidden until it runs.
(() => {
  "use strict";
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const list = document.querySelector("[data-codes]");
  const codes = () => Array.from(list.querySelectorAll("code"), (code) => code.textContent).join("\n");

  const said = (button) => button.closest("[data-needs-script]").querySelector("[data-said]");
  const copy = (button, text) =>
    navigator.clipboard.writeText(text).then(
      () => (said(button).textContent = said(button).dataset.copied),
      () => (said(button).textContent = said(button).dataset.notCopied),
    );
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${list.dataset.title}\n\n${codes()}\n`], { type: "text/plain" }));
    link.download = `${list.dataset.issuer.replace(/[^\p{L}\p{N}]+/gu, "-")}-recovery-codes.txt`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const actions = {
    "[data-copy-secret]": (button) => copy(button, document.querySelector("[data-secret]").dataset.secret),
    "[data-copy-codes]": (button) => copy(button, codes()),
    "[data-save-codes]": save,
    "[data-print]": () => window.print(),
  };

  // A code that would not be tried can't be sent meanwhile. Read aloud once, at the end.
  const countDown = (place) => {
    const end = Date.now() + Number(place.dataset.retryAfter) * 1000;
    const waiting = all("[data-waits]");
    waiting.forEach((fields) => (fields.disabled = true));
    const ticking = setInterval(() => {
      const left = Math.ceil((end - Date.now()) / 1000);
      if (left > 0) {
        const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
        place.textContent = place.dataset.retryText.replace("{time}", time);
        return;
      }
      clearInterval(ticking);
      waiting.forEach((fields) => (fields.disabled = false));
      document.querySelector("[data-waits] [name=code]")?.focus();
      place.setAttribute("role", "status");
      setTimeout(() => (place.textContent = place.dataset.retryNow), 100);
    }, 1000);
  };

  const language = document.documentElement.lang;
  const inZone = new Intl.DateTimeFormat(language && language !== "en" ? language : "en-GB", {
    day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  const inReadersZone = (time) => {
    time.title = time.textContent;
    time.textContent = inZone.format(new Date(time.dateTime)).replace(" at ", ", ");
  };

  all("[data-moment]").forEach(inReadersZone);
  // On a phone the keyboard would cover what has to be read first.
  if (matchMedia("(pointer: fine)").matches) document.querySelector("[data-focus]")?.focus({ preventScroll: true });
  all("[data-needs-script]").forEach((place) => (place.hidden = false));
  // Browsers offer the clipboard to pages on HTTPS or on this machine only.
  if (!navigator.clipboard) all("[data-copy-secret], [data-copy-codes]").forEach((button) => (button.hidden = true));
  for (const [selector, act] of Object.entries(actions)) {
    all(selector).forEach((button) => button.addEventListener("click", () => act(button)));
  }
  all("[data-retry-after]").forEach(countDown);
})();
