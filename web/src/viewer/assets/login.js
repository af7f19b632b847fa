// The login form at "/". If the person is logged in already, it goes on to the wall.
// Must never put the password anywhere but into the one request that needs it.

import { ask, forgetWall, rememberWall, rememberedWall, wallAddress } from "./ask.js";
import { explain, triesWords } from "./words.js";

const part = (id) => document.getElementById(id);
const form = part("login");
const nameField = part("login-name");
const passwordField = part("login-password");
const submit = part("login-submit");
const error = part("login-error");

if (window.location.hash === "#password-changed") {
  part("login-news").textContent = "Your password was changed. Log in with the new one.";
  window.history.replaceState(null, "", window.location.pathname);
}
goOnIfLoggedIn();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  logIn();
});

async function goOnIfLoggedIn() {
  const wall = rememberedWall();
  if (!wall) return;
  try {
    await ask(wall, { method: "HEAD" });
    // replace: "back" from the wall then leaves the site, and does not return to this page.
    window.location.replace(wall);
  } catch (trouble) {
    if (trouble.kind === "ended" || trouble.kind === "missing") forgetWall();
  }
}

async function logIn() {
  if (submit.disabled) return;
  const name = nameField.value.trim();
  if (!name) return complain("Please type your name.", nameField);
  if (!passwordField.value) return complain("Please type your password.", passwordField);
  error.textContent = "";
  markInvalid(null);
  setBusy(true);
  try {
    const answer = await ask("/v1/session", {
      method: "POST",
      body: { name, password: passwordField.value },
    });
    const wall = wallAddress(answer.headers.get("Location"));
    if (!wall) throw new Error("no wall");
    passwordField.value = "";
    rememberWall(wall);
    window.location.replace(wall);
  } catch (trouble) {
    setBusy(false);
    complain(whyNot(trouble), trouble.kind === "ended" ? passwordField : submit);
  }
}

function whyNot(trouble) {
  switch (trouble.kind) {
    case "ended":
      return "This name and password don't match. Check both and try again.";
    case "throttled":
      return triesWords(trouble);
    default:
      return explain(trouble, "Couldn't log in");
  }
}

function complain(message, focusOn) {
  error.textContent = message;
  markInvalid(focusOn === submit ? null : focusOn);
  focusOn.focus();
  if (focusOn === passwordField) passwordField.select();
}

function markInvalid(field) {
  for (const each of [nameField, passwordField]) {
    each.toggleAttribute("aria-invalid", false);
    each.removeAttribute("aria-describedby");
  }
  field?.setAttribute("aria-invalid", "true");
  field?.setAttribute("aria-describedby", "login-error");
}

function setBusy(busy) {
  submit.disabled = busy;
  submit.textContent = busy ? "Logging in…" : "Log in";
}
