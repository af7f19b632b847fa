// The answer to an invitation. The token is the part of the address after "#", which no browser
// sends to a server.
// Must never spend the invitation before the person has asked for it, nor leave the token in the
// browser's history once it is spent.

import { ask, rememberWall, rememberedWall, wallAddress } from "./ask.js";
import { joined, kindsWords, untilWords, windowWords } from "./terms.js";
import { explain, triesWords } from "./words.js";

const part = (id) => document.getElementById(id);
const form = part("join");
const nameField = part("join-name");
const passwordField = part("join-password");
const submit = part("join-submit");
const error = part("join-error");
const token = window.location.hash.slice(1);
const PASSWORD_BYTES = [10, 256];
const DOES_NOT_HOLD = "This invitation does not hold. Open the whole link, or ask for a new one.";
/** Who is signed in here already, with the address of their wall: {name, wall}, or null. */
let me = null;
/** The account was made, in this page. From then on the person logs in to ask. */
let isMade = false;
/** No answer came to a question for the account, so it may have been made all the same. */
let mayBeMade = false;

look();
// Another link was opened in the same tab.
window.addEventListener("hashchange", () => window.location.reload());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
for (const choice of form.querySelectorAll("[name=which]")) {
  choice.addEventListener("change", showChoice);
}

function choose(which) {
  form.elements.which.value = which;
  showChoice();
}

function showChoice() {
  for (const hint of form.querySelectorAll(".hint")) hint.hidden = !is("new");
  part("join-account").hidden = is("this");
  passwordField.autocomplete = is("new") ? "new-password" : "current-password";
}

/** Says what is chosen: "this" who is signed in, somebody "known", or somebody "new". */
function is(which) {
  return form.querySelector("[name=which]:checked").value === which;
}

/** Offers to ask as whoever is signed in. */
async function meet() {
  const wall = rememberedWall();
  if (!wall) return choose("new");
  choose("known");
  try {
    const { body } = await ask(`${wall}sharing`, { as: "json" });
    me = { name: body.name, wall };
    part("join-me").textContent = me.name;
    part("join-this").hidden = false;
    choose("this");
  } catch {
    // They type their name and password.
  }
}

async function look() {
  if (!token) return refuse("There is no invitation in this address. Open the whole link.");
  try {
    const looked = ask("/v1/invitation", { method: "POST", body: { token }, as: "json" });
    const [{ body }] = await Promise.all([looked, meet()]);
    part("offer").textContent = `${body.household} offers you ${joined(body.cameras)}: `
      + `${kindsWords(body.kinds)}, ${windowWords(body.window, body.past)}, `
      + `${untilWords(body.expires_at_seconds)}. What you look at is recorded, and the household `
      + "sees it.";
    form.hidden = false;
  } catch (trouble) {
    refuse(trouble.kind === "missing"
      ? DOES_NOT_HOLD
      : explain(trouble, "The invitation didn't load"));
  }
}

function refuse(words) {
  part("offer").textContent = words;
  form.hidden = true;
}

async function join() {
  if (submit.disabled) return;
  const name = nameField.value.trim();
  const password = passwordField.value;
  error.textContent = is("this") ? "" : whatIsWrong(name, password);
  if (error.textContent) return;
  submit.disabled = true;
  let step = "account";
  try {
    if (is("new") && !isMade) await makeAccount(name, password);
    step = "login";
    const wall = is("this") ? me.wall : await logIn(name, password);
    step = "ask";
    const answer = await ask(`${wall}invitation`, { method: "POST", body: { token }, as: "json" });
    passwordField.value = "";
    done(wall, answer.body.state === "shared");
  } catch (trouble) {
    error.textContent = whyNot(trouble, step);
    if (step === "ask" && trouble.kind === "ended") {
      part("join-this").hidden = true;
      choose("known");
    }
  } finally {
    submit.disabled = false;
  }
}

function whatIsWrong(name, password) {
  if (!name || !password) return "Please type a name and a password.";
  const bytes = new TextEncoder().encode(password).length;
  const fits = bytes >= PASSWORD_BYTES[0] && bytes <= PASSWORD_BYTES[1];
  if (is("new") && !fits) return "This password can't be used. It needs 10 to 256 characters.";
  return "";
}

/** Logs in, and returns the address of the person's wall. */
async function logIn(name, password) {
  const { headers } = await ask("/v1/session", { method: "POST", body: { name, password } });
  const wall = wallAddress(headers.get("Location"));
  if (!wall) throw new Error("no wall");
  rememberWall(wall);
  return wall;
}

async function makeAccount(name, password) {
  try {
    const body = { token, name, password };
    await ask("/v1/invitation/account", { method: "POST", body });
    isMade = true;
  } catch (trouble) {
    // If it was made, it can log in, and its name and the invitation are taken.
    if (mayBeMade && ["missing", "conflict"].includes(trouble.kind)) return;
    mayBeMade ||= trouble.kind === "offline";
    throw trouble;
  }
}

function done(wall, isShared) {
  form.hidden = true;
  window.history.replaceState(null, "", window.location.pathname);
  part("join-done").textContent = isShared
    ? "It is shared with you."
    : "You have asked. As soon as the household confirms you, the cameras appear on your page.";
  part("join-wall").href = wall;
  part("join-wall").hidden = false;
  part("join-wall").focus();
}

function whyNot(trouble, step) {
  switch (trouble.kind) {
    case "missing":
      return DOES_NOT_HOLD;
    case "conflict":
      return step === "account"
        ? "This name is taken. Choose another."
        : "One of these cameras is yours, or shared with you already. That stays as it is.";
    case "unusable":
      return step === "account"
        ? "This name can't be used. It needs 1 to 64 small letters, digits and - _ . @ +."
        : explain(trouble, "You have not asked yet");
    case "ended":
      if (step === "ask") return "You are not logged in any more. Type your name and password.";
      return "This name and password don't match. Check both and try again.";
    case "throttled":
      return triesWords(trouble);
    default:
      return explain(trouble, "It didn't work");
  }
}
