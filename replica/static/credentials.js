import { call } from "./api.js";
import { FAILED, show, toast } from "./dialogs.js";
import { el, setting } from "./dom.js";

const shell = document.querySelector("#shell");

function field({ name, label, ...attributes }) {
  const id = `credential-${name}`;
  return [el("label", { for: id }, label), el("input", { id, name, required: true, ...attributes })];
}

// Asks for something in a dialog. `act` is given what was filled in, by name, and says what was wrong with it; the
// dialog goes when nothing was. Cancel and Escape leave everything as it is.
function askFor({ title, about = [], fields, verb, act }) {
  const error = el("p", { class: "error", role: "alert", hidden: true });
  const cancel = el("button", { type: "button", onclick: () => hide() }, "Cancel");
  const submit = el("button", { class: "primary" }, verb);
  const send = async (event) => {
    event.preventDefault();
    error.hidden = true;
    submit.disabled = cancel.disabled = true;
    const wrong = await act(Object.fromEntries(new FormData(form)));
    submit.disabled = cancel.disabled = false;
    if (!wrong) return hide();
    error.textContent = wrong;
    error.hidden = false;
  };
  const form = el(
    "form",
    { class: "dialog small", role: "dialog", "aria-modal": "true", "aria-labelledby": "ask-for-title", onsubmit: send },
    el("h2", { id: "ask-for-title" }, title),
    ...about,
    el("div", { class: "fields" }, ...fields.flatMap(field)),
    error,
    el("div", { class: "buttons" }, cancel, submit),
  );
  const hide = show(el("div", { class: "overlay" }, form), () => { if (!cancel.disabled) hide(); });
}

// Sends what was filled in; what was wrong with it, or nothing. `refused` is said of a 403.
async function attempt(path, body, { refused, success }) {
  const response = await call(path, { body }).catch(() => null);
  if (response?.status === 403) return refused;
  // a 401 has its own dialog, which says more than a toast
  if (response?.ok) success();
  else if (response?.status !== 401) toast(FAILED, { failed: true });
  return null;
}

function changePassword() {
  askFor({
    title: "Change password",
    fields: [
      { name: "current_password", label: "Current password", type: "password", autocomplete: "current-password" },
      { name: "new_password", label: "New password", type: "password", autocomplete: "new-password" },
    ],
    verb: "Change password",
    act: (filledIn) => attempt("/backend-api/accounts/password", filledIn, {
      refused: "Incorrect password",
      success: () => {
        toast("Password changed. Other sessions were logged out.");
        // the settings are shown afresh, for the list of the sessions is another one now
        dispatchEvent(new HashChangeEvent("hashchange"));
      },
    }),
  });
}

async function setUpAuthenticator(user, control) {
  control.disabled = true;
  const response = await call("/backend-api/accounts/mfa/enroll", { body: {} }).catch(() => null);
  control.disabled = false;
  if (!response?.ok) {
    if (response?.status !== 401) toast(FAILED, { failed: true });
    return;
  }
  const { secret } = await response.json();
  askFor({
    title: "Set up authenticator app",
    about: [
      el("p", { id: "secret-label" }, "Give your authenticator app this secret, then enter the code that it shows."),
      el("output", { class: "secret", "data-testid": "totp-secret", "aria-labelledby": "secret-label" }, secret),
    ],
    fields: [{ name: "code", label: "Code", inputmode: "numeric", autocomplete: "one-time-code" }],
    verb: "Turn on",
    act: (filledIn) => attempt("/backend-api/accounts/mfa/confirm", filledIn, {
      refused: "Incorrect code",
      success: () => {
        user.mfa = true;
        showAsOn(control);
        toast("Authenticator app turned on.");
      },
    }),
  });
}

// It cannot be turned off again here.
function showAsOn(control) {
  control.setAttribute("aria-checked", "true");
  control.disabled = true;
}

function authenticator(user) {
  const control = el("button", {
    type: "button",
    role: "switch",
    "aria-label": "Authenticator app",
    "aria-checked": "false",
    onclick: () => setUpAuthenticator(user, control),
  });
  if (user.mfa) showAsOn(control);
  return control;
}

// How this account signs in: its password, where it has one of its own, and its second factor.
export function credentials(user) {
  return [
    !("sso" in shell.dataset) && setting(
      "password-setting",
      "Password",
      "The password of this account",
      el("button", { type: "button", onclick: changePassword }, "Change"),
    ),
    setting("authenticator-setting", "Authenticator app", "One-time codes at sign-in", authenticator(user)),
  ].filter(Boolean);
}
