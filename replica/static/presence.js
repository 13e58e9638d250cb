import { loadSession } from "./api.js";
import { defects } from "./defects.js";
import { expiredIsShown, showExpired } from "./dialogs.js";

const shell = document.querySelector("#shell");
const HEARTBEAT_MS = Number(shell.dataset.heartbeatS) * 1000;

// Asks again who is signed in. An outage is not a refusal: then nothing happens.
async function recheck() {
  const session = await loadSession().catch(() => undefined);
  // what was asked before the page was left may be answered once it is come back to
  if (session === null && !asleep) showExpired();
}

// Whether the page is to stay as it was left, because it was come back to.
let asleep = defects.has("back_shows") && performance.getEntriesByType("navigation")[0]?.type === "back_forward";

export function isAsleep() {
  return asleep;
}

async function beat() {
  if (asleep) return;
  await recheck();
  // the next one only now, so that a slow site is not asked twice at once
  if (!expiredIsShown()) setTimeout(beat, HEARTBEAT_MS);
}

// Keeps looking whether somebody is still signed in: by itself, and when the page is come back to.
export function startPresence() {
  if (HEARTBEAT_MS > 0) setTimeout(beat, HEARTBEAT_MS);
  addEventListener("pageshow", (event) => {
    // what the back-forward cache brings back is as it was left, signed in or not
    if (!event.persisted) return;
    asleep = defects.has("back_shows");
    if (!asleep && "rechecksOnBack" in shell.dataset) recheck();
  });
}
