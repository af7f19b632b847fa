// A camera that is switched off and on, and a camera that another household takes over.
// Must never ask for a code or a credential a second time: each is shown once.

import { ask } from "./ask.js";
import { button, made, row } from "./rows.js";
import { untilWords } from "./terms.js";
import { explain } from "./words.js";

const part = (id) => document.getElementById(id);
const segment = encodeURIComponent;

/**
 * Makes the rows of a household's cameras, with `of` after each name. `page` changes things and
 * says what came of it.
 */
export function cameraRows(household, of, page) {
  return household.cameras.map((camera) => {
    const name = camera.name + of;
    if (camera.state === "closed") return row(name, "was handed over; you keep the past");
    const isOff = camera.state === "off";
    const state = isOff ? "is switched off, and takes nothing" : "is on";
    const offer = camera.offered ? ". It is offered to another household" : "";
    return row(name, state + offer, handOver(camera, page), switchIt(camera, isOff, page));
  });
}

function switchIt(camera, isOff, page) {
  const label = `Switch ${camera.name} ${isOff ? "on" : "off"}`;
  return button(isOff ? "Switch on" : "Switch off", label, () => page.change(
    `${camera.name} is ${isOff ? "on" : "off"}.`, "Nothing was switched",
    `../switches/${segment(camera.id)}`, { method: "PUT", body: { on: isOff } },
  ));
}

function handOver(camera, page) {
  const at = `../transfers/${segment(camera.id)}`;
  if (camera.offered) {
    return button("Keep it", `Take the offer of ${camera.name} back`, async () => {
      part("offer-made").hidden = true;
      await page.change(
        `${camera.name} stays with you.`, "It is still offered", at, { method: "DELETE" },
        { missing: "it was taken meanwhile. Reload the page." },
      );
    });
  }
  return button("Hand over", `Hand ${camera.name} over to another household`, async () => {
    try {
      const { body } = await ask(at, { method: "POST", as: "json" });
      await page.renew();
      page.showOnce("offer", body.token, `It holds ${untilWords(body.until_seconds)}. With it, `
        + `they take ${camera.name} over on this page of theirs. Then it stops filming for you, `
        + "you keep what it filmed before, and they see nothing of that. It is not shown again.");
    } catch (trouble) {
      if (trouble.kind === "ended") page.leave();
      else page.tell(explain(trouble, "There is no code"));
    }
  });
}

/** Shows the form to take a camera over, to whoever owns a household. */
export function showTaking(households) {
  part("take").hidden = households.length === 0;
  const select = part("take-household");
  const chosen = select.value;
  select.replaceChildren(...households.map(({ id, name }) => made("option", { value: id }, name)));
  if (households.some(({ id }) => id === chosen)) select.value = chosen;
  const isOnlyOne = households.length < 2;
  for (const element of [select, select.previousElementSibling]) element.hidden = isOnlyOne;
}

/** Takes the camera of the form's code. */
export async function take(page) {
  const [code, name, select] = [part("take-code"), part("take-name"), part("take-household")];
  const body = { token: code.value.trim(), name: name.value.trim() };
  if (!body.token || !body.name) return page.tell("Type the code, and a name for the camera.");
  try {
    const at = `../households/${segment(select.value)}/cameras`;
    const { body: taken } = await ask(at, { method: "POST", body, as: "json" });
    for (const field of [code, name]) field.value = "";
    await page.renew();
    page.showOnce("take", taken.credential, "Give it to whoever sets the camera up: it is what the "
      + "camera sends as its bearer token (docs/cameras.md of this software). What the camera had "
      + "before is worth nothing any more. It is not shown again.");
    page.tell(`${body.name} is yours now.`);
  } catch (trouble) {
    if (trouble.kind === "ended") page.leave();
    else page.tell(whyNot(trouble));
  }
}

function whyNot(trouble) {
  switch (trouble.kind) {
    case "missing": return "This code does not hold. Copy all of it, or ask for a new one.";
    case "unusable":
      return "It can't be taken so. A name has 1 to 100 characters, and a household takes no "
        + "camera of its own.";
    default: return explain(trouble, "It was not taken over");
  }
}
