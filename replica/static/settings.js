import { el } from "./dom.js";
import { show } from "./dialogs.js";
import { startOverlay } from "./overlays.js";
import { securityPanel } from "./security.js";
import { cased, skin } from "./skins.js";

// The segment of the address, the name of the tab, and its test id.
const TABS = [
  ["General", "General", "general-tab"],
  ["Notifications", "Notifications", "notifications-tab"],
  ["Personalization", "Personalization", "personalization-tab"],
  ["DataControls", "Data controls", "data-controls-tab"],
  ["Security", skin.tab, "security-tab"],
  ["Account", "Account", "account-tab"],
];
const HASH = /^#settings(?:\/(.*))?$/;

const shell = document.querySelector("#shell");
let hide = null;
let dialog = null;
let user = null;

function emptyPanel(name) {
  return [el("h2", {}, name), el("p", { class: "setting hint" }, "There is nothing to set here.")];
}

function tabButton([segment, name, testId]) {
  const go = () => { location.hash = segment === "General" ? "settings" : `settings/${segment}`; };
  return el(
    "button",
    { type: "button", role: "tab", id: `tab-${segment}`, "data-testid": testId, "aria-controls": "panel", onclick: go },
    cased(name),
  );
}

function build() {
  return el(
    "div",
    { class: "dialog settings", role: "dialog", "aria-modal": "true", "aria-label": cased("Settings") },
    el(
      "div",
      { class: "tabs" },
      el("button", { type: "button", class: "plain close", "aria-label": "Close", "data-testid": "close-button", onclick: leave }, "\u00D7"),
      el("div", { role: "tablist", "aria-label": "Settings", "aria-orientation": "vertical" }, ...TABS.map(tabButton)),
    ),
    el("section", { class: "panel", role: "tabpanel", id: "panel", tabindex: "0" }),
  );
}

function select(segment) {
  if (segment === "Security" && "isToVerify" in shell.dataset) {
    // who is signed in shows again who that is, and comes back to this tab
    location.assign("/auth/verify");
    return;
  }
  const [, name] = TABS.find(([known]) => known === segment);
  dialog.querySelectorAll('[role="tab"]').forEach((tab) => {
    tab.setAttribute("aria-selected", String(tab.id === `tab-${segment}`));
  });
  const panel = dialog.querySelector("#panel");
  panel.setAttribute("aria-labelledby", `tab-${segment}`);
  panel.replaceChildren(...(segment === "Security" ? securityPanel(cased(name), user) : emptyPanel(cased(name))));
}

function leave() {
  history.replaceState(null, "", location.pathname + location.search);
  sync();
}

// Makes the dialog what the address says. Case matters, and an unknown tab is General.
function sync() {
  const match = HASH.exec(location.hash);
  if (!match) {
    hide?.();
    hide = dialog = null;
    return;
  }
  if (!dialog) {
    dialog = build();
    hide = show(el("div", { class: "overlay" }, dialog), leave);
  }
  select(TABS.some(([segment]) => segment === match[1]) ? match[1] : "General");
}

export function startSettings(signedIn) {
  user = signedIn;
  addEventListener("hashchange", sync);
  sync();
  startOverlay();
}
