import { startChat } from "./chat.js";

startChat((path, { body, signal }) => fetch(path, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
  signal,
}));
// shown only now: what is visible works
document.querySelector("#shell").hidden = false;
