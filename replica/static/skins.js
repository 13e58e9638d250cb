// The faces of the Active sessions view. Each turns a knob or two of the plain one.
const PLAIN = {
  rows: "list", // what a row is: list, table, cards, strange
  menus: false, // a row's actions are in a menu
  nested: false, // the view is in a dialog of its own
  asks: true, // before something is ended
  capitals: false,
  tab: "Security and login",
  words: {}, // what the view says instead
  overlay: null, // what lies over the app when it is opened
  testId: null, // what a test id becomes; null leaves it alone
  captured: false, // it is another site's, as captured.js has it
};

const STRANGE_WORDS = {
  "Active sessions": "Where you are logged in",
  "Current session": "You are here",
  "Trusted device": "Known",
  "Remove trusted device": "Forget",
  "Log out": "Kick",
  "Log out of this session?": "Really?",
  "Log out of all sessions": "Everywhere",
  "Log out of all sessions?": "Really?",
  "Log out all": "Kick everybody",
};

const RENAMED = "v2-";

const SKINS = {
  list: {},
  table: { rows: "table" },
  cards: { rows: "cards" },
  kebab: { menus: true },
  nested: { nested: true },
  no_test_ids: { testId: () => null },
  changed_test_ids: { testId: (id) => (id.startsWith(RENAMED) ? id : RENAMED + id) },
  security: { tab: "Security" },
  upper_cased: { capitals: true },
  no_confirm: { asks: false },
  onboarding: { overlay: "onboarding" },
  billing: { overlay: "billing" },
  unmatched: { rows: "strange", words: STRANGE_WORDS },
  captured: { captured: true },
};

export const skin = { ...PLAIN, ...SKINS[document.querySelector("#shell")?.dataset.skin] };

// A label of the app, in its case.
export function cased(text) {
  return skin.capitals ? text.toUpperCase() : text;
}

// A label of the view, in its words and its case.
export function label(text) {
  return cased(skin.words[text] ?? text);
}

function changeTestIds() {
  document.querySelectorAll("[data-testid]").forEach((element) => {
    const id = skin.testId(element.dataset.testid);
    if (id === null) delete element.dataset.testid;
    else if (id !== element.dataset.testid) element.dataset.testid = id;
  });
}

// Whoever sets one, the server included: it is changed before anybody sees it.
if (skin.testId) {
  changeTestIds();
  new MutationObserver(changeTestIds).observe(document, {
    subtree: true, childList: true, attributeFilter: ["data-testid"],
  });
}
