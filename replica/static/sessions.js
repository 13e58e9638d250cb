import { call } from "./api.js";
import { ask, toast } from "./dialogs.js";
import { el, setting } from "./dom.js";

const FAILED = "We were unable to process your request at this time. Please try again later.";
const CLIENT_NAMES = { "ChatGPT Web": "ChatGPT" };
// Long enough to read the toast before the page is left.
const LEAVE_MS = 1000;

const shell = document.querySelector("#shell");
const signedInFormat = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "short" });

// Sends one request and tells how it went; true when it went well.
async function attempt(path, body, success) {
  const response = await call(path, { body }).catch(() => null);
  // a 401 has its own dialog, which says more than a toast
  if (response?.status === 401) return false;
  toast(response?.ok ? success : FAILED, { failed: !response?.ok });
  return Boolean(response?.ok);
}

async function logOutOne(device, reload) {
  await ask({
    title: "Log out of this session?",
    text: `${device.display_name} will be logged out.`,
    verb: "Log out",
    act: () => attempt("/backend-api/accounts/sessions/revoke", { session_id: device.session_id }, "Session logged out."),
  });
  // whatever happened: what is shown next is what the site says
  await reload();
}

function logOutAll() {
  return ask({
    title: "Log out of all sessions?",
    text: "You will be logged out on every device, this one included.",
    verb: "Log out all",
    act: async () => {
      const done = await attempt("/backend-api/accounts/logout_all", {}, "Successfully logged out of all sessions.");
      if (done) setTimeout(() => location.assign("/auth/logout"), LEAVE_MS);
    },
  });
}

async function untrust(device, button, reload) {
  button.disabled = true;
  await attempt("/backend-api/accounts/trusted_devices/revoke", { device_id_hash: device.hashed_device_id }, "Trusted device removed.");
  await reload();
}

function details(device) {
  const signedIn = new Date(device.last_signed_in_timestamp_second * 1000);
  const apps = device.app_sessions.map(({ client_name: name }) => CLIENT_NAMES[name] ?? name);
  const place = [device.last_signed_in_city, device.last_signed_in_country].filter(Boolean);
  return [
    apps.length > 0 && el("p", { class: "hint" }, apps.join(" \u00B7 ")),
    place.length > 0 && el("p", { class: "hint" }, place.join(", ")),
    el(
      "p",
      { class: "hint" },
      "Signed in ",
      el("time", { datetime: signedIn.toISOString().replace(/\.\d+/, "") }, signedInFormat.format(signedIn)),
    ),
  ];
}

function actions(device, reload) {
  const revocable = device.session_id && !device.is_current_device;
  return [
    device.can_untrust && el("button", { type: "button", onclick: (event) => untrust(device, event.currentTarget, reload) }, "Remove trusted device"),
    revocable && el("button", { type: "button", onclick: () => logOutOne(device, reload) }, "Log out"),
  ].filter(Boolean);
}

function row(device, reload) {
  return el(
    "li",
    { class: "session", "data-testid": "active-session" },
    el(
      "div",
      {},
      el("h4", {}, device.display_name),
      device.is_current_device && el("span", { class: "badge current" }, "Current session"),
      device.is_trusted_device && el("span", { class: "badge trusted" }, "Trusted device"),
      ...details(device),
    ),
    el("div", { class: "actions" }, ...actions(device, reload)),
  );
}

// The Active sessions view: every element of it.
export function sessionManager() {
  const list = el("ul", { class: "sessions", "aria-label": "Active sessions", "aria-busy": "true" });
  const reload = async () => {
    const response = await call("/backend-api/accounts/sessions?include_trusted_devices=true").catch(() => null);
    if (response?.ok) {
      const { devices } = await response.json();
      list.replaceChildren(...devices.map((device) => row(device, reload)));
    } else if (response?.status !== 401) {
      toast(FAILED, { failed: true });
    }
    list.removeAttribute("aria-busy");
  };
  reload();
  return [
    el("h3", {}, "Active sessions"),
    el("p", { class: "hint" }, "Where this account is signed in. Locations are approximate."),
    list,
    setting(
      "logout-all-setting",
      "Log out of all sessions",
      `It may take up to ${shell.dataset.window} to reach every device.`,
      el("button", { type: "button", class: "danger", onclick: logOutAll }, "Log out all"),
    ),
  ];
}
