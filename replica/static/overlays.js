import { show } from "./dialogs.js";
import { el } from "./dom.js";
import { skin } from "./skins.js";

const OVERLAYS = {
  onboarding: {
    title: "Welcome to ChatGPT",
    text: "Ask anything, make pictures, and talk. Shall we look around?",
    closable: false,
    ways: ["Skip", "Continue"],
  },
  billing: {
    title: "Your plan renews soon",
    text: "Your plan renews in three days. There is nothing that you have to do.",
    closable: true,
    ways: ["Later", "Not now"],
  },
};
// It comes when the page is already being used.
const COMES_AFTER_MS = 300;

function appear({ title, text, closable, ways }) {
  const button = (attributes, name) => el("button", { type: "button", onclick: () => hide(), ...attributes }, name);
  const hide = show(el(
    "div",
    { class: "overlay" },
    el(
      "div",
      { class: "dialog small", role: "dialog", "aria-modal": "true", "aria-labelledby": "overlay-title", "aria-describedby": "overlay-text" },
      closable && button({ class: "plain close", "aria-label": "Close" }, "\u00D7"),
      el("h2", { id: "overlay-title" }, title),
      el("p", { id: "overlay-text" }, text),
      el("div", { class: "buttons" }, ...ways.map((name) => button({}, name))),
    ),
  ));
}

// What lies over the app once in the life of a page, whatever the person came for.
export function startOverlay() {
  const overlay = OVERLAYS[skin.overlay];
  if (overlay) setTimeout(() => appear(overlay), COMES_AFTER_MS);
}
