import { credentials } from "./credentials.js";
import { el } from "./dom.js";
import { sessionManager } from "./sessions.js";

const shell = document.querySelector("#shell");

export function securityPanel(title, user) {
  return [
    el("h2", {}, title),
    ...credentials(user),
    ...("sessionManager" in shell.dataset ? sessionManager() : []),
  ];
}
