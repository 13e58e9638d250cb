import { startChat } from "./chat.js";
import { clearStorage } from "./storage.js";

startChat((path, { body, signal }) => fetch(path, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
  signal,
}));
// a log-out ends here, and so does a session that was refused
await clearStorage();
// shown only now: what is visible works
document.querySelector("#shell").hidden = false;
