import { el } from "./dom.js";
import { openMenu } from "./kebab.js";
import { label, skin } from "./skins.js";

// A session, as every face is given it: `key`, `name`, `badges`, `apps`, `place`, `time`, and its `actions`, each a
// `name` and what it does (`act`). Badges, place and time are elements or texts; what is not known is null.

function buttons(actions) {
  if (!skin.menus) {
    return actions.map(({ name, act }) => el("button", { type: "button", onclick: (event) => act(event.currentTarget) }, name));
  }
  return actions.length === 0 ? [] : [el(
    "button",
    {
      type: "button",
      class: "plain",
      "aria-label": label("Session options"),
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      onclick: (event) => openMenu(event.currentTarget, actions),
    },
    "\u22EF",
  )];
}

function details({ badges, apps, place, time }) {
  return [
    ...badges,
    apps && el("p", { class: "hint" }, apps),
    place && el("p", { class: "hint" }, place),
    time && el("p", { class: "hint" }, "Signed in ", time),
  ];
}

function listRow(session) {
  return el(
    "li",
    { class: "session", "data-testid": "active-session" },
    el("div", {}, el("h4", {}, session.name), ...details(session)),
    el("div", { class: "actions" }, ...buttons(session.actions)),
  );
}

function tableRow({ name, badges, apps, place, time, actions }) {
  const cell = (...children) => el("td", {}, ...children);
  return el(
    "tr",
    { "data-testid": "active-session" },
    el("th", { scope: "row" }, el("div", {}, name), ...badges),
    cell(apps),
    cell(place),
    cell(time),
    el("td", { class: "actions" }, ...buttons(actions)),
  );
}

// Which cards are open, so that they stay so when the list is read again.
const open = new Set();

function card(session) {
  const body = el("div", { class: "body", hidden: true });
  const expander = el("button", { type: "button", class: "plain", onclick: () => unfold(!open.has(session.key)) }, session.name);
  // what is not to be seen is not there either
  const unfold = (unfolded) => {
    expander.setAttribute("aria-expanded", String(unfolded));
    body.hidden = !unfolded;
    if (unfolded) open.add(session.key);
    else open.delete(session.key);
    body.replaceChildren(...(unfolded ? [
      el("div", {}, ...details(session).filter(Boolean)),
      el("div", { class: "actions" }, ...buttons(session.actions)),
    ] : []));
  };
  unfold(open.has(session.key));
  return el("li", { class: "card", "data-testid": "active-session" }, el("h4", {}, expander), body);
}

function strangeRow(session) {
  return el(
    "div",
    { class: "session" },
    el("div", {}, el("div", {}, session.name), ...details(session)),
    el("div", { class: "actions" }, ...buttons(session.actions)),
  );
}

function list(row) {
  const element = el("ul", { class: "sessions", "aria-label": label("Active sessions") });
  return { element, fill: (sessions) => element.replaceChildren(...sessions.map(row)) };
}

function table() {
  const body = el("tbody");
  const columns = ["Device", "App", "Location", "Signed in", "Actions"];
  const element = el(
    "table",
    { class: "sessions", "aria-label": label("Active sessions") },
    el("thead", {}, el("tr", {}, ...columns.map((name) => el("th", { scope: "col" }, label(name))))),
    body,
  );
  return { element, fill: (sessions) => body.replaceChildren(...sessions.map(tableRow)) };
}

function strange() {
  const element = el("div", { class: "sessions" });
  return { element, fill: (sessions) => element.replaceChildren(...sessions.map(strangeRow)) };
}

const FACES = { list: () => list(listRow), cards: () => list(card), table, strange };

// Where the sessions are shown: an element, and `fill`, which is told of them all.
export function sessionRows() {
  return FACES[skin.rows]();
}
