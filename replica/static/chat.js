import { el } from "./dom.js";

const turns = document.querySelector("#turns");
const composer = document.querySelector("#composer");
const prompt = document.querySelector("#prompt-textarea");
const button = composer.querySelector("button");

function addTurn(role, text = "") {
  turns.querySelector(".greeting")?.remove();
  const words = el("div", { "data-message-author-role": role }, text);
  const turn = el("article", { class: "turn", "data-role": role }, words);
  turns.append(turn);
  turn.scrollIntoView({ block: "end" });
  return { turn, words };
}

// Yields the data of each event of the stream.
async function* events(response) {
  let rest = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) yield block.replace(/^data: /, "");
  }
}

// Fills in the answer while it comes; false when it broke off.
async function read(response, words) {
  if (!response.ok) return false;
  for await (const data of events(response)) {
    if (data === "[DONE]") return true;
    words.textContent = JSON.parse(data).message.content.parts.join("");
  }
  return false;
}

async function answer(text, post, signal) {
  const { turn, words } = addTurn("assistant");
  turn.setAttribute("aria-busy", "true");
  const body = { action: "next", messages: [{ author: { role: "user" }, content: { content_type: "text", parts: [text] } }] };
  const whole = await post(composer.dataset.endpoint, { body, signal })
    .then((response) => read(response, words))
    .catch(() => signal.aborted);
  turn.removeAttribute("aria-busy");
  if (!whole) turn.append(el("p", { class: "error", role: "alert" }, "Something went wrong. The answer is not complete."));
}

function label(name, testId, sign) {
  button.setAttribute("aria-label", name);
  button.dataset.testid = testId;
  button.textContent = sign;
}

// Makes the composer work; `post` sends a message and brings back the streaming response.
export function startChat(post) {
  let running = null;
  const submit = async () => {
    const text = prompt.innerText.trim();
    if (running || !text) return;
    running = new AbortController();
    prompt.replaceChildren();
    label("Stop streaming", "stop-button", "\u25A0");
    addTurn("user", text);
    await answer(text, post, running.signal);
    running = null;
    label("Send prompt", "send-button", "\u2191");
  };
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) running.abort();
    else submit();
  });
  prompt.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
}
