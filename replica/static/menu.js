import { ask } from "./dialogs.js";

const button = document.querySelector('[data-testid="accounts-profile-button"]');
const menu = document.querySelector("#profile-menu");

function toggle(open) {
  menu.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
  if (open) menu.querySelector('[role="menuitem"]').focus();
}

function onItem(testId, act) {
  menu.querySelector(`[data-testid="${testId}"]`).addEventListener("click", () => {
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
  onItem("settings-menu-item", () => { location.hash = "settings"; });
  onItem("log-out-menu-item", () => {
    const email = menu.querySelector('[data-testid="account-email"]').textContent;
    ask({
      role: "dialog",
      title: "Are you sure you want to log out?",
      text: `Log out of ChatGPT as ${email}?`,
      verb: "Log out",
      act: () => location.assign("/auth/logout"),
    });
  });
}
