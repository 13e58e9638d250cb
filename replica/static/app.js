import { call, loadSession } from "./api.js";
import { startChat } from "./chat.js";
import { showExpired, toast } from "./dialogs.js";
import { startMenu } from "./menu.js";
import { startPresence } from "./presence.js";
import { startSettings } from "./settings.js";

startMenu();
startChat(call);
startPresence();
// shown only now: what is visible works
document.querySelector("#shell").hidden = false;
try {
  const session = await loadSession();
  if (session) {
    startSettings(session.user);
    await call("/backend-api/me");
  } else {
    showExpired();
  }
} catch {
  toast("Something went wrong. Please reload the page.", { failed: true });
}
