import { cased } from "./skins.js";

// Makes an element. Text is only ever set as text, so nothing that a person typed becomes markup.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

// One line of a settings panel: what it is about, a hint, and what can be done.
export function setting(testId, name, hint, control) {
  return el(
    "div",
    { class: "setting", "data-testid": testId },
    el("div", {}, el("div", {}, cased(name)), el("div", { class: "hint" }, hint)),
    control,
  );
}
