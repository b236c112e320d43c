// fetch() for pages that stay open: where the gate asks for a code, the user is asked here, and the request is sent once more.
const PROVABLE = ["mfa_step_up_required", "mfa_challenge_required"];

function send(url, options) {
  const headers = new Headers(options.headers);
  headers.set("Accept", "application/json");
  return fetch(url, { ...options, headers });
}

// The problem document (RFC 9457) of a refusal; null for any other answer.
async function problemOf(answer) {
  const isProblem = answer.headers.get("Content-Type")?.startsWith("application/problem+json");
  return isProblem ? answer.clone().json() : null;
}

async function prove(code) {
  const { csrf_token } = await (await send("/mfa/status", {})).json();
  return send("/mfa/challenge", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf_token },
    body: JSON.stringify({ code }),
  });
}

// askForCode(problem, message) gives what the user typed, or null. message is what was wrong with the code before.
export async function gateFetch(url, options, askForCode) {
  const answer = await send(url, options);
  const problem = await problemOf(answer);
  if (problem === null) return answer;
  if (!PROVABLE.includes(problem.code)) {
    // Sign-in, setup, a page that says why: all of that has pages, which lead back here.
    if (problem.continue_url) location.assign(problem.continue_url);
    return answer;
  }
  for (let message = ""; ; ) {
    const code = await askForCode(problem, message);
    if (code === null) return answer;
    const proof = await prove(code);
    if (proof.ok) return send(url, options);
    // Incorrect, or too many of them; detail says which.
    message = (await problemOf(proof))?.detail ?? "Something went wrong. Try again.";
  }
}
