import { call, loadSession } from "./api.js";
import { startChat } from "./chat.js";
import { showExpired, toast } from "./dialogs.js";
import { startMenu } from "./menu.js";
import { isAsleep, startPresence } from "./presence.js";
import { startSettings } from "./settings.js";
import { keepStorage } from "./storage.js";

async function open() {
  const session = await loadSession();
  if (!session) return showExpired();
  startSettings(session.user);
  keepStorage(session);
  await call("/backend-api/me");
}

startMenu();
startChat(call);
startPresence();
// shown only now: what is visible works
document.querySelector("#shell").hidden = false;
try {
  if (!isAsleep()) await open();
} catch {
  toast("Something went wrong. Please reload the page.", { failed: true });
}
