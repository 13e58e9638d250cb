import { captured } from "./captured.js";
import { credentials } from "./credentials.js";
import { el } from "./dom.js";
import { sessionManager } from "./sessions.js";

const shell = document.querySelector("#shell");

export function securityPanel(title, user) {
  if (captured) return sessionManager(); // it is the whole panel
  return [
    el("h2", {}, title),
    ...credentials(user),
    ...("sessionManager" in shell.dataset ? sessionManager() : []),
  ];
}
