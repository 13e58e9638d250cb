import { defects } from "./defects.js";
import { el } from "./dom.js";
import { cased } from "./skins.js";
import { clearStorage } from "./storage.js";

export const FAILED = "We were unable to process your request at this time. Please try again later.";

// What lies under the topmost overlay can neither be clicked nor focused.
function settle() {
  const overlays = [...document.querySelectorAll(".overlay")];
  const layers = [document.querySelector("#shell"), ...overlays];
  layers.forEach((layer, depth) => { layer.inert = depth < layers.length - 1; });
}

// Puts a dialog on top. `onescape` says what Escape does; without it the dialog stays.
export function show(overlay, onescape) {
  const cameFrom = document.activeElement;
  const onkeydown = (event) => {
    if (event.key === "Escape" && !overlay.inert) onescape?.();
  };
  document.addEventListener("keydown", onkeydown);
  document.body.append(overlay);
  settle();
  overlay.querySelector("input, button, [tabindex]")?.focus();
  return function hide() {
    document.removeEventListener("keydown", onkeydown);
    overlay.remove();
    settle();
    cameFrom?.focus?.();
  };
}

// Asks before something is ended. Resolves when the question is gone; `act` runs with the buttons disabled. It stays
// if `cancel`, which is asked when it is declined, says false.
export function ask({ role = "alertdialog", title, text, verb, act, cancel = () => true }) {
  return new Promise((resolve) => {
    const close = () => { hide(); resolve(); };
    const confirm = async () => {
      buttons.forEach((button) => { button.disabled = true; });
      try { await act(); } finally { close(); }
    };
    const decline = async () => { if (await cancel()) close(); };
    const buttons = [
      el("button", { type: "button", onclick: decline }, cased("Cancel")),
      el("button", { type: "button", class: "danger", onclick: confirm }, verb),
    ];
    const dialog = el(
      "div",
      { class: "dialog small", role, "aria-modal": "true", "aria-labelledby": "ask-title", "aria-describedby": "ask-text" },
      el("h2", { id: "ask-title" }, title),
      el("p", { id: "ask-text" }, text),
      el("div", { class: "buttons" }, ...buttons),
    );
    const hide = show(el("div", { class: "overlay" }, dialog), () => { if (!buttons[0].disabled) decline(); });
  });
}

const TOAST_MS = 5000;

// Tells how something went, outside of every dialog.
export function toast(text, { failed = false } = {}) {
  let toasts = document.querySelector(".toasts");
  if (!toasts) document.body.append(toasts = el("div", { class: "toasts" }));
  const one = el("div", { class: "toast", role: failed ? "alert" : "status" }, text);
  toasts.append(one);
  setTimeout(() => one.remove(), TOAST_MS);
}

export function expiredIsShown() {
  return document.querySelector("#modal-expired-session") !== null;
}

// The session is over: nothing on this page can go on.
export function showExpired() {
  if (defects.has("screen_says_in") || expiredIsShown()) return;
  clearStorage();
  show(document.querySelector("#expired").content.firstElementChild.cloneNode(true));
}
