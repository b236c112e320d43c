// A certified OpenID provider. Who signs in there, and how, is what the test posts to the interaction.
import { createServer } from "node:http";
import Provider, { interactionPolicy } from "oidc-provider";

const [clientId, clientSecret, ...redirectUris] = process.argv.slice(2);
const MFA = "https://refeds.org/profile/mfa";
const { Check, base } = interactionPolicy;

const policy = base();
policy.get("login").checks.add(
  new Check("weak_session", "a stronger authentication was asked for", "login_required", ({ oidc }) => {
    const asked = (oidc.params.acr_values ?? "").split(" ").filter(Boolean);
    const isMet = asked.length === 0 || asked.includes(oidc.session.acr) || Boolean(oidc.result?.login);
    return oidc.session.accountId && !isMet ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
  }),
);

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: redirectUris }],
    acrValues: [MFA],
    claims: { openid: ["sub", "acr", "amr", "auth_time"], profile: ["name"], email: ["email"] },
    cookies: { keys: ["a key of the tests"] },
    features: { devInteractions: { enabled: false } },
    interactions: { policy, url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: "Ann", email: "ann@example.org" }) }),
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope("openid profile email");
      await grant.save();
      return grant;
    },
  });
  const callback = provider.callback();
  server.on("request", async (request, response) => {
    if (!request.url.startsWith("/interaction/")) return callback(request, response);
    let body = "";
    for await (const part of request) body += part;
    if (request.method === "POST") {
      return provider.interactionFinished(request, response, JSON.parse(body), { mergeWithLastSubmission: false });
    }
    const { prompt, params } = await provider.interactionDetails(request, response);
    response.end(JSON.stringify({ prompt: prompt.name, reasons: prompt.reasons, params }));
  });
  console.log(`listening on ${issuer}`);
});
