// Niceties only: every page of the console works without this file.
(() => {
  "use strict";
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  document.documentElement.classList.remove("ac-no-script");

  // Times stand in UTC; beside it comes the reader's own zone.
  const parts = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const short = new Intl.DateTimeFormat(language, parts);
  const inZone = new Intl.DateTimeFormat(language, { ...parts, timeZoneName: "short" });
  for (const time of all("time[data-local]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    if (time.dataset.local === "beside" && !at.getTimezoneOffset()) continue;
    if (time.dataset.local === "beside") time.insertAdjacentText("beforeend", ` · ${inZone.format(at)}`);
    else time.textContent = short.format(at);
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const place of all("[data-zone-name]")) place.textContent = place.dataset.zoneName.replace("{zone}", zone);
  for (const field of all("select[data-zone]")) {
    if (field.value === "UTC" && all("option", field).some((option) => option.value === zone)) field.value = zone;
  }

  // On a narrow screen the sections are behind one button.
  for (const button of all("[data-menu]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") !== "true"));
    });
  }

  // The box in the head takes the rows of this page.
  for (const table of all("table[data-select]")) {
    const head = table.querySelector("[data-all]");
    const boxes = all("tbody input[type=checkbox]", table);
    if (!head || !boxes.length) continue;
    const place = document.getElementById(table.dataset.select);
    const tell = () => {
      const ticked = boxes.filter((box) => box.checked).length;
      head.checked = ticked === boxes.length;
      head.indeterminate = ticked > 0 && ticked < boxes.length;
      if (place) place.textContent = ticked ? place.dataset.said.replace("{n}", String(ticked)) : "";
    };
    head.closest("[hidden]")?.removeAttribute("hidden");
    head.addEventListener("change", () => {
      boxes.forEach((box) => (box.checked = head.checked));
      tell();
    });
    boxes.forEach((box) => box.addEventListener("change", tell));
    tell();
  }

  // Cards open by press and key without a script; with one also while the pointer rests (WCAG 2.2, 1.4.13).
  for (const button of all("[popovertarget][data-hover]")) {
    const card = document.getElementById(button.getAttribute("popovertarget"));
    if (!card || !card.showPopover || !matchMedia("(hover: hover)").matches) continue;
    let waiting = 0;
    const soon = (act, delay) => {
      clearTimeout(waiting);
      waiting = setTimeout(act, delay);
    };
    const open = () => soon(() => card.matches(":popover-open") || card.showPopover({ source: button }), 250);
    const close = () => soon(() => card.matches(":popover-open") && card.hidePopover(), 250);
    for (const part of [button, card]) {
      part.addEventListener("pointerenter", open);
      part.addEventListener("pointerleave", close);
    }
    button.addEventListener("click", () => clearTimeout(waiting));
  }

  // What only a script can do is shown where one runs.
  all("[data-needs-script]").forEach((place) => (place.hidden = false));
  for (const button of all("[data-copy]")) {
    if (!navigator.clipboard) button.hidden = true;
    button.addEventListener("click", () => {
      const said = document.getElementById(button.dataset.said);
      navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim()).then(
        () => said && (said.textContent = said.dataset.done),
        () => said && (said.textContent = said.dataset.failed),
      );
    });
  }
})();
