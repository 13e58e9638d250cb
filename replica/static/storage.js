import { defects } from "./defects.js";

// What the app keeps in the browser to start quickly: of the person, but nothing that lets anybody in.
const PROFILE = "oai/profile";
const DRAFT = "oai/draft";
const DATABASE = "ConversationsDatabase";
const CACHE = "oai-assets";

const prompt = document.querySelector("#prompt-textarea");

// One thing after the other: what is cleared must not be kept again by what began before.
let work = Promise.resolve();

function after(step) {
  // storage that is refused is no reason to stop
  work = work.then(step).catch(() => {});
  return work;
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    // another tab is about to let go of it, and then it happens
    request.onblocked = () => resolve();
  });
}

async function keepConversation() {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("conversations", { keyPath: "id" });
  const database = await done(opening);
  const store = database.transaction("conversations", "readwrite").objectStore("conversations");
  await done(store.put({ id: "newest", title: "New chat", opened: Date.now() }));
  database.close();
}

async function keepAsset(name) {
  const cache = await caches.open(CACHE);
  await cache.put("/static/avatar.txt", new Response(name.slice(0, 1)));
}

function keepDraft() {
  sessionStorage.setItem(DRAFT, JSON.stringify({ text: prompt.textContent }));
}

// Keeps what belongs to the person who is signed in.
export function keepStorage({ user, account }) {
  return after(async () => {
    localStorage.setItem(PROFILE, JSON.stringify({ id: user.id, name: user.name, plan: account.planType }));
    keepDraft();
    prompt.addEventListener("input", keepDraft);
    await Promise.all([keepConversation(), keepAsset(user.name)]);
  });
}

// Clears all that this site keeps in the browser.
export function clearStorage() {
  if (defects.has("storage_kept")) return Promise.resolve();
  return after(async () => {
    prompt.removeEventListener("input", keepDraft);
    localStorage.clear();
    sessionStorage.clear();
    const databases = await indexedDB.databases();
    const names = await caches.keys();
    await Promise.all([
      ...databases.map(({ name }) => done(indexedDB.deleteDatabase(name))),
      ...names.map((name) => caches.delete(name)),
    ]);
  });
}
