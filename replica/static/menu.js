import { ask } from "./dialogs.js";
import { cased } from "./skins.js";

// by what stays: a test id may be another one
const button = document.querySelector(".profile-button");
const menu = document.querySelector("#profile-menu");
const [settings, logOut] = menu.querySelectorAll('[role="menuitem"]');

function toggle(open) {
  menu.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
  if (open) menu.querySelector('[role="menuitem"]').focus();
}

function onItem(item, act) {
  item.textContent = cased(item.textContent);
  item.addEventListener("click", () => {
    toggle(false);
    button.focus();
    act();
  });
}

export function startMenu() {
  button.addEventListener("click", () => toggle(menu.hidden));
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".profile")) toggle(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || menu.hidden) return;
    toggle(false);
    button.focus();
  });
  onItem(settings, () => { location.hash = "settings"; });
  onItem(logOut, () => {
    const email = menu.querySelector(".menu-head").textContent;
    ask({
      role: "dialog",
      title: cased("Are you sure you want to log out?"),
      text: `Log out of ChatGPT as ${email}?`,
      verb: cased("Log out"),
      act: () => location.assign("/auth/logout"),
    });
  });
}
