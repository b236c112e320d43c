"use strict";

const part = id => document.getElementById(id);
const SHOWN = ["sub", "name", "email", "acr", "amr", "auth_time", "sid"];

function manager(config) {
  return new oidc.UserManager({
    authority: config.authority,
    client_id: config.client_id,
    redirect_uri: location.origin + "/",
    post_logout_redirect_uri: location.origin + "/",
    scope: "openid profile email",
    // Otherwise acr, amr and auth_time are dropped.
    filterProtocolClaims: false,
    // Name and address are told there, and not in the ID token.
    loadUserInfo: true,
    automaticSilentRenew: false,
    userStore: new oidc.WebStorageStateStore({store: sessionStorage}),
  });
}

function show(user) {
  part("out").hidden = Boolean(user);
  part("in").hidden = !user;
  part("state").textContent = user ? `Signed in as ${user.profile.name || user.profile.sub}.` : "Nobody is signed in.";
  part("claims").replaceChildren(...(user ? SHOWN.filter(name => name in user.profile).flatMap(name => {
    const term = document.createElement("dt"), value = document.createElement("dd");
    term.textContent = name;
    value.textContent = [user.profile[name]].flat().join(" ");
    value.dataset.claim = name;
    return [term, value];
  }) : []));
}

function complain(error) {
  part("error").hidden = false;
  part("error").textContent = `${error.error || error.name}: ${error.error_description || error.message}`;
}

async function comeBack(users, config) {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("state")) return;
  const sent = location.href;
  // The code and the state belong neither into the history nor into a bookmark.
  history.replaceState(null, "", "/");
  if (!answer.has("code") && !answer.has("error")) return users.signoutRedirectCallback(sent);
  // RFC 9207: an answer of another provider is none for us.
  if (answer.get("iss") !== config.authority) throw new Error("This answer is not from the portal.");
  await users.signinRedirectCallback(sent);
}

async function start() {
  const config = await (await fetch("config.json")).json();
  const users = manager(config);
  part("portal").href = config.authority;
  const doing = act => act().catch(complain);
  await doing(() => comeBack(users, config));
  show(await users.getUser());
  for (const button of document.querySelectorAll("[data-sign-in]"))
    button.addEventListener("click", () => doing(() => users.signinRedirect(JSON.parse(button.dataset.signIn))));
  part("refresh").addEventListener("click", () => doing(async () => {
    const user = await users.signinSilent();
    show(user);
    part("state").textContent += " The tokens are new.";
  }));
  part("sign-out").addEventListener("click", () => doing(() => users.signoutRedirect()));
}

start().catch(complain);
