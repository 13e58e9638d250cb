import { el } from "./dom.js";

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
  overlay.querySelector("button, [tabindex]")?.focus();
  return function hide() {
    document.removeEventListener("keydown", onkeydown);
    overlay.remove();
    settle();
    cameFrom?.focus?.();
  };
}

// Asks before something is ended. Resolves when the question is gone; `act` runs with the buttons disabled.
export function ask({ role = "alertdialog", title, text, verb, act }) {
  return new Promise((resolve) => {
    const close = () => { hide(); resolve(); };
    const confirm = async () => {
      buttons.forEach((button) => { button.disabled = true; });
      try { await act(); } finally { close(); }
    };
    const buttons = [
      el("button", { type: "button", onclick: () => close() }, "Cancel"),
      el("button", { type: "button", class: "danger", onclick: confirm }, verb),
    ];
    const dialog = el(
      "div",
      { class: "dialog small", role, "aria-modal": "true", "aria-labelledby": "ask-title", "aria-describedby": "ask-text" },
      el("h2", { id: "ask-title" }, title),
      el("p", { id: "ask-text" }, text),
      el("div", { class: "buttons" }, ...buttons),
    );
    const hide = show(el("div", { class: "overlay" }, dialog), () => { if (!buttons[0].disabled) close(); });
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
  if (expiredIsShown()) return;
  show(document.querySelector("#expired").content.firstElementChild.cloneNode(true));
}
