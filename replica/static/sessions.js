import { call } from "./api.js";
import { askCaptured, captured, capturedView, wayIn } from "./captured.js";
import { defects } from "./defects.js";
import { ask, show, toast } from "./dialogs.js";
import { el, setting } from "./dom.js";
import { sessionRows } from "./rows.js";
import { cased, label, skin } from "./skins.js";

const FAILED = "We were unable to process your request at this time. Please try again later.";
const CLIENT_NAMES = { "ChatGPT Web": "ChatGPT" };
const LISTED = "/backend-api/accounts/sessions?include_trusted_devices=true";
// Long enough to read the toast before the page is left.
const LEAVE_MS = 1000;

const shell = document.querySelector("#shell");
const signedInFormat = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "short" });

// Sends one request and tells how it went; true when it went well. What fails `silently` is told as done.
async function attempt(path, body, success, { silently = false } = {}) {
  const response = await call(path, { body }).catch(() => null);
  // a 401 has its own dialog, which says more than a toast
  if (response?.status === 401) return false;
  const done = Boolean(response?.ok);
  if (done || silently) toast(success);
  else toast(FAILED, { failed: true });
  return done;
}

// What Cancel does before the question goes; the question stays if that is false.
function cancelling(act) {
  if (defects.has("cancel_ignored")) return () => false;
  if (act && defects.has("cancel_logs_out")) return () => act().then(() => true);
  return () => true;
}

function confirmed(question) {
  const asked = askCaptured(question.about ? "question-one" : "question-all", question);
  if (asked) return asked;
  return skin.asks ? ask({ ...question, title: label(question.title), verb: label(question.verb) }) : question.act();
}

async function logOutOne(device, button, reload) {
  const act = () => attempt(
    "/backend-api/accounts/sessions/revoke",
    { session_id: device.session_id },
    "Session logged out.",
    { silently: defects.has("done_told_but_failed") },
  );
  button.disabled = !skin.asks;
  await confirmed({
    title: "Log out of this session?",
    text: `${nameOf(device)} will be logged out.`,
    about: device,
    verb: "Log out",
    act,
    cancel: cancelling(act),
  });
  // whatever happened: what is shown next is what the site says
  await reload();
}

function logOutAll() {
  return confirmed({
    title: "Log out of all sessions?",
    text: "You will be logged out on every device, this one included.",
    verb: "Log out all",
    act: async () => {
      const done = await attempt("/backend-api/accounts/logout_all", {}, "Successfully logged out of all sessions.");
      if (done) setTimeout(() => location.assign("/auth/logout"), LEAVE_MS);
    },
    cancel: cancelling(),
  });
}

async function untrust(device, button, reload) {
  button.disabled = true;
  await attempt("/backend-api/accounts/trusted_devices/revoke", { device_id_hash: device.hashed_device_id }, "Trusted device removed.");
  await reload();
}

function nameOf(device) {
  return device.display_name ?? "Unknown device";
}

function timeOf(device) {
  if (device.last_signed_in_timestamp_second == null) return null;
  const signedIn = new Date(device.last_signed_in_timestamp_second * 1000);
  return el("time", { datetime: signedIn.toISOString().replace(/\.\d+/, "") }, signedInFormat.format(signedIn));
}

// What its row's log-out does; null if it has none.
function logOutOf(device, reload) {
  const ends = device.session_id && (!device.is_current_device || defects.has("current_offers_log_out"));
  return ends ? (button) => logOutOne(device, button, reload) : null;
}

function actionsOf(device, reload) {
  const logOut = logOutOf(device, reload);
  return [
    device.can_untrust && { name: label("Remove trusted device"), act: (button) => untrust(device, button, reload) },
    logOut && { name: label("Log out"), act: logOut },
  ].filter(Boolean);
}

// What the site said of a session, as the faces show it. It may leave out any detail.
function shownOf(device, reload) {
  const badge = (kind, text) => el("span", { class: `badge ${kind}` }, label(text));
  const apps = (device.app_sessions ?? []).map(({ client_name: name }) => CLIENT_NAMES[name] ?? name);
  const place = [device.last_signed_in_city, device.last_signed_in_country].filter(Boolean);
  return {
    key: device.render_id ?? device.session_id,
    name: nameOf(device),
    badges: [
      device.is_current_device && badge("current", "Current session"),
      device.is_trusted_device && badge("trusted", "Trusted device"),
    ].filter(Boolean),
    apps: apps.join(" \u00B7 ") || null,
    place: place.join(", ") || null,
    time: timeOf(device),
    actions: actionsOf(device, reload),
  };
}

// Reads the list and shows it, now and after whatever is done to a session; `of` makes of a device what `fill` shows.
function keepFilled({ element, fill }, of) {
  element.setAttribute("aria-busy", "true");
  const reload = async () => {
    const response = await call(LISTED).catch(() => null);
    if (response?.ok) {
      const { devices } = await response.json();
      const told = defects.has("view_hides_a_row") ? devices.slice(0, -1) : devices;
      fill(told.map((device) => of(device, reload)));
    } else if (response?.status !== 401) {
      toast(FAILED, { failed: true });
    }
    element.removeAttribute("aria-busy");
  };
  reload();
}

// The view of another site, with this one's sessions.
function foreignView() {
  const view = capturedView(logOutAll);
  keepFilled(view, (device, reload) => ({ device, logOut: logOutOf(device, reload) }));
  return view.elements;
}

// The sessions, and the end of them all.
function view() {
  const rows = sessionRows();
  keepFilled(rows, shownOf);
  return [
    el("p", { class: "hint" }, "Where this account is signed in. Locations are approximate."),
    rows.element,
    setting(
      skin.rows === "strange" ? null : "logout-all-setting",
      label("Log out of all sessions"),
      `It may take up to ${shell.dataset.window} to reach every device.`,
      el("button", { type: "button", class: "danger", onclick: logOutAll }, label("Log out all")),
    ),
  ];
}

function dialog(close) {
  return el(
    "div",
    { class: "dialog manager", role: "dialog", "aria-modal": "true", "aria-labelledby": "manager-title" },
    el("button", { type: "button", class: "plain close", "aria-label": "Close", onclick: close }, "\u00D7"),
    el("h2", { id: "manager-title" }, label("Active sessions")),
    ...view(),
  );
}

function openDialog() {
  const close = () => hide();
  const hide = show(el("div", { class: "overlay" }, captured ? foreignView()[0] : dialog(close)), close);
  // it is a part of the settings, and goes with them
  addEventListener("hashchange", () => hide(), { once: true });
}

// The Active sessions view: every element of it.
export function sessionManager() {
  if (captured) return captured.is_dialog ? wayIn(openDialog) : foreignView();
  if (skin.nested) {
    const button = el("button", { type: "button", onclick: openDialog }, cased("Manage"));
    return [setting("active-sessions-setting", label("Active sessions"), "Where this account is signed in", button)];
  }
  return [el(skin.rows === "strange" ? "div" : "h3", { class: "title" }, label("Active sessions")), ...view()];
}
