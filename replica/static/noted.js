// Tells this host that something was typed, and nothing of what it was.
addEventListener("input", () => navigator.sendBeacon("/noted"));
