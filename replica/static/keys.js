import { el } from "./dom.js";

const list = document.querySelector("#keys");
const made = document.querySelector("#new-key");
const failure = document.querySelector("#keys-failure");

// Sends one request; null when it failed, which is told.
async function ask(path, method) {
  const response = await fetch(`/platform/api/keys${path}`, { method }).catch(() => null);
  failure.hidden = Boolean(response?.ok);
  return response?.ok ? response.json() : null;
}

function row({ id, masked }) {
  const revoke = async (event) => {
    event.currentTarget.disabled = true;
    await ask(`/${id}/revoke`, "POST");
    await reload();
  };
  return el(
    "li",
    { class: "key", "data-testid": "api-key" },
    el("code", {}, masked),
    el("button", { type: "button", class: "danger", onclick: revoke }, "Revoke key"),
  );
}

async function reload() {
  const answer = await ask("", "GET");
  if (answer) list.replaceChildren(...answer.keys.map(row));
}

async function make() {
  const key = await ask("", "POST");
  if (!key) return;
  // this once: the site keeps it to itself from now on
  made.replaceChildren(
    el("p", { id: "new-key-label" }, "Copy your new secret key now. It will not be shown again."),
    el("output", { class: "secret", "data-testid": "new-api-key", "aria-labelledby": "new-key-label" }, key.key),
  );
  await reload();
}

document.querySelector("#make-key").addEventListener("click", make);
await reload();
// shown only now: what is visible works
document.querySelector("#keys-section").hidden = false;
