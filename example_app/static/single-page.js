import { gateFetch } from "./gate-fetch.js";

const form = document.querySelector("#transfer");
const said = document.querySelector("#said");
const dialog = document.querySelector("#verify");
const typed = dialog.querySelector("input");
const wrong = dialog.querySelector("[role=alert]");

function askForCode(problem, message) {
  wrong.textContent = message;
  typed.value = "";
  // Without a fault there is no attribute: "false" is drawn as a tick, beside a field that is empty.
  typed.ariaInvalid = message ? "true" : null;
  dialog.querySelector("#other").href = problem.continue_url;
  if (!dialog.open) dialog.showModal();
  typed.focus();
  return new Promise((done) => {
    const end = (code) => {
      controller.abort();
      if (code === null) dialog.close();
      done(code);
    };
    const controller = new AbortController();
    const options = { signal: controller.signal };
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      end(typed.value);
    }, options);
    dialog.querySelector("#cancel").addEventListener("click", () => end(null), options);
    dialog.addEventListener("cancel", () => end(null), options);
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await gateFetch("/api/transfers", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ amount: new FormData(form).get("amount") }),
  }, askForCode);
  dialog.close();
  const told = await answer.json();
  said.textContent = answer.ok ? `The transfer of ${told.amount} is on its way.` : told.detail;
});
