import { showExpired } from "./dialogs.js";

let token = null;

// Whatever the site says of caches: an answer from one would tell of a session as it was.
const FRESH = { cache: "no-store" };

// Asks who is signed in, and keeps the access token. Null when the session is refused; throws when unknown.
export async function loadSession() {
  const response = await fetch("/api/auth/session", FRESH);
  // an outage is not a refusal
  if (!response.ok) throw new Error(`the session is not known: ${response.status}`);
  const session = await response.json();
  token = session.accessToken ?? null;
  return session.user ? session : null;
}

function send(path, body, signal) {
  const headers = { authorization: `Bearer ${token}` };
  if (body === undefined) return fetch(path, { ...FRESH, headers, signal });
  headers["content-type"] = "application/json";
  return fetch(path, { method: "POST", headers, signal, body: JSON.stringify(body) });
}

async function expired(response) {
  const { detail, error } = await response.clone().json().catch(() => ({}));
  return (detail?.code ?? error?.code) === "token_expired";
}

// Calls the API as the person who is signed in. A token at its natural end is renewed once; any other 401
// means that the session is over.
export async function call(path, { body, signal } = {}) {
  // somebody may be quicker than a slow network: without a token the call would be refused for no reason
  if (token === null) await loadSession();
  let response = await send(path, body, signal);
  if (response.status === 401 && await expired(response) && await loadSession()) {
    response = await send(path, body, signal);
  }
  if (response.status === 401) showExpired();
  return response;
}
