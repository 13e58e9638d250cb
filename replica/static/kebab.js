import { el } from "./dom.js";

const ID = "session-menu";

let close = null;

// Below its button, or above it where there is no room.
function place(menu, { top, bottom, right }) {
  const above = bottom + menu.offsetHeight > innerHeight;
  menu.style.top = `${above ? top - menu.offsetHeight : bottom}px`;
  menu.style.right = `${document.documentElement.clientWidth - right}px`;
}

export function closeMenu() {
  close?.();
}

function menuOf(button, actions) {
  const item = ({ name, act }) => el("button", { type: "button", role: "menuitem", onclick: () => { close(); act(button); } }, name);
  return el(
    "div",
    { class: "menu floating", id: ID, role: "menu", "aria-label": button.getAttribute("aria-label") },
    ...actions.map(item),
  );
}

// Opens a menu beside its button, outside of every dialog; pressed again, the button closes it. It can be a menu that
// is there already, and the button need not name it.
export function openMenu(button, actions, { menu = menuOf(button, actions), named = true } = {}) {
  const again = button.getAttribute("aria-expanded") === "true";
  close?.();
  if (again) return;
  const onclick = (event) => {
    if (!menu.contains(event.target) && !button.contains(event.target)) close();
  };
  // Escape is for what is on top: the dialog below stays
  const onkeydown = (event) => {
    if (event.key !== "Escape") return;
    event.stopImmediatePropagation();
    close();
  };
  close = () => {
    document.removeEventListener("click", onclick, true);
    document.removeEventListener("keydown", onkeydown, true);
    menu.remove();
    button.setAttribute("aria-expanded", "false");
    button.removeAttribute("aria-controls");
    button.focus();
    close = null;
  };
  document.addEventListener("click", onclick, true);
  document.addEventListener("keydown", onkeydown, true);
  document.body.append(menu);
  place(menu, button.getBoundingClientRect());
  button.setAttribute("aria-expanded", "true");
  if (named) button.setAttribute("aria-controls", menu.id);
  menu.querySelector('[role="menuitem"]')?.focus();
}
