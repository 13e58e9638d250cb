import { show } from "./dialogs.js";
import { el } from "./dom.js";
import { closeMenu, openMenu } from "./kebab.js";
import { skin } from "./skins.js";

// The view as it was captured on another site: its elements, with this site's sessions in them. The server has found
// the rows and the buttons, and marked them; here they are filled in and do what the plain view's do.

const MARK = "data-captured";
const TEXTS = [
  "display_name", "human_readable_description", "platform", "os_version", "device_model",
  "last_signed_in_city", "last_signed_in_region_code", "last_signed_in_country",
];
const STYLES = ["full", "long", "medium", "short", undefined];

async function load() {
  const response = await fetch("/captured.json");
  return response.ok ? response.json() : null;
}

// What was captured; null on every other face.
export const captured = skin.captured ? await load() : null;

function element(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

// The element with this mark in another one, or that one itself; the mark goes.
function marked(root, mark) {
  const found = root.matches(`[${MARK}="${mark}"]`) ? root : root.querySelector(`[${MARK}="${mark}"]`);
  found?.removeAttribute(MARK);
  return found;
}

function onPress(control, act) {
  control?.addEventListener("click", (event) => { event.preventDefault(); act(control); });
}

const plain = (text) => text.replace(/\s+/g, " ");
const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// Every way to write a time that is worth trying, the longest first.
function* formats() {
  for (const locale of new Set([captured.locale, "en-US", "en-GB"])) {
    for (const dateStyle of STYLES) {
      for (const timeStyle of STYLES) yield [locale, { dateStyle, timeStyle }];
    }
    for (const year of ["numeric", undefined]) {
      for (const month of ["long", "short", "numeric", "2-digit"]) yield [locale, { year, month, day: "numeric" }];
    }
  }
}

// How a time is written in a text; null if it is not in it.
function formatIn(text, seconds) {
  let best = null;
  for (const [locale, options] of formats()) {
    const written = plain(new Intl.DateTimeFormat(locale, { ...options, timeZone: captured.time_zone }).format(seconds * 1000));
    if (text.includes(written) && written.length > (best?.written.length ?? 3)) best = { written, locale, options };
  }
  return best;
}

// A text of one session as it is for another.
function retold(text, from, to) {
  const live = new Map();
  for (const name of TEXTS) if (from[name]) live.set(from[name], to[name] ?? "");
  const [was, is] = [from, to].map((device) => device.last_signed_in_timestamp_second);
  const format = was == null ? null : formatIn(plain(text), was);
  if (format) {
    const { written, locale, options } = format;
    live.set(written, is == null ? "" : new Intl.DateTimeFormat(locale, options).format(is * 1000));
  }
  if (live.size === 0) return text;
  const longestFirst = [...live.keys()].sort((one, other) => other.length - one.length).map(literal);
  return (format ? plain(text) : text).replace(new RegExp(longestFirst.join("|"), "g"), (found) => live.get(found));
}

function instant(written, seconds) {
  if (seconds == null) return "";
  const iso = new Date(seconds * 1000).toISOString();
  return written.includes(".") ? iso : iso.replace(/\.\d+/, "");
}

// Puts one session in the place of another in all texts.
function retell(root, from, to) {
  const texts = document.createNodeIterator(root, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const now = retold(text.data, from, to);
    if (now !== text.data) text.data = now;
  }
  for (const each of [root, ...root.querySelectorAll("*")]) {
    for (const name of ["aria-label", "title"]) {
      if (each.hasAttribute(name)) each.setAttribute(name, retold(each.getAttribute(name), from, to));
    }
    if (each.hasAttribute("datetime")) each.setAttribute("datetime", instant(each.getAttribute("datetime"), to.last_signed_in_timestamp_second));
  }
  return root;
}

// Asks as the captured site did. Null if it was not seen asking; then the plain question is as good as any.
export function askCaptured(which, { about, act, cancel }) {
  const html = captured?.questions[which];
  if (html === undefined) return null;
  if (html === null) return act();
  return new Promise((resolve) => {
    const dialog = element(html);
    if (about) retell(dialog, captured.whose.other, about);
    const close = () => { hide(); resolve(); };
    onPress(marked(dialog, "yes"), async (yes) => {
      yes.disabled = true;
      try { await act(); } finally { close(); }
    });
    const decline = async () => { if (await cancel()) close(); };
    for (let no = marked(dialog, "no"); no; no = marked(dialog, "no")) onPress(no, decline);
    const hide = show(el("div", { class: "overlay" }, dialog), decline);
  });
}

function menuFor(act) {
  if (!captured.menu) return {};
  const menu = element(captured.menu);
  const named = menu.hasAttribute(`${MARK}-named`);
  menu.removeAttribute(`${MARK}-named`);
  onPress(marked(menu, "log-out"), () => { closeMenu(); act(); });
  return { menu, named };
}

function rowOf(template, { device, logOut }) {
  const row = template.cloneNode(true);
  retell(row, captured.whose[row.getAttribute(MARK)], device);
  row.removeAttribute(MARK);
  const button = marked(row, "log-out");
  if (logOut) onPress(button, logOut);
  else button?.remove();
  onPress(marked(row, "more"), (more) => openMenu(more, [], menuFor(() => logOut?.(more))));
  return row;
}

// The panel with the way to the view, if that is in a dialog of its own.
export function wayIn(open) {
  const panel = element(captured.way_in);
  onPress(marked(panel, "way-in"), open);
  return [...panel.childNodes];
}

// The whole view: its `elements`, and `fill`, which is told of all sessions, each a `device` as the site lists it and
// `logOut`, if it can be logged out.
export function capturedView(logOutAll) {
  const view = element(captured.view);
  onPress(marked(view, "log-out-all"), logOutAll);
  const templates = {};
  const places = {};
  for (const kind of ["current", "other"]) {
    templates[kind] = view.querySelector(`[${MARK}="${kind}"]`);
    places[kind] = document.createComment(kind);
    templates[kind].before(places[kind]);
  }
  // rows of one list keep the order in which they are told
  const isOneList = places.current.parentNode === places.other.parentNode;
  Object.values(templates).forEach((template) => template.remove());
  let shown = [];
  const fill = (sessions) => {
    shown.forEach((row) => row.remove());
    shown = sessions.map((session) => {
      const kind = session.device.is_current_device ? "current" : "other";
      const row = rowOf(templates[kind], session);
      (isOneList ? places.other : places[kind]).before(row);
      return row;
    });
  };
  // a panel comes in the place of this site's own
  const elements = view.getAttribute("role") === "tabpanel" ? [...view.childNodes] : [view];
  return { element: view, elements, fill };
}
