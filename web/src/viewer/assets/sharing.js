// Who sees what: requests, shares, invitations, what others share with the person, who viewed the
// cameras, sessions, and the password.
// Must never say that something has ended before the server has said so.

import { ask, forgetWall } from "./ask.js";
import { cameraRows, showTaking, take } from "./handover.js";
import { button, fill, isSure, made, row } from "./rows.js";
import { joined, kindsWords, moment, untilWords, windowWords } from "./terms.js";
import { explain, triesWords } from "./words.js";

const part = (id) => document.getElementById(id);
const segment = encodeURIComponent;
const HANDED = new Map([
  ["still", "pictures"], ["events", "events"], ["clip", "a video"], ["live view", "live"],
  ["deletion", "deleted an event"],
]);
const INSTALLER_HOURS = 4;
const ROLES = new Map([["owner", "owner"], ["member", "member"], ["installer", "installer"]]);

const STATUS_MILLISECONDS = 8_000;
let statusTimer = 0;

function tell(words) {
  clearTimeout(statusTimer);
  part("status").textContent = words;
  statusTimer = setTimeout(() => { part("status").textContent = ""; }, STATUS_MILLISECONDS);
}

/**
 * Runs one change, says what became of it, and renews the page. `why` has better words for some
 * kinds of trouble.
 */
async function change(done, failed, address, options, why = {}) {
  try {
    await ask(address, options);
    tell(done);
    await renew();
  } catch (trouble) {
    if (trouble.kind === "ended") return leave();
    tell(why[trouble.kind] ? `${failed}: ${why[trouble.kind]}` : explain(trouble, failed));
  }
}

function leave(why = "") {
  forgetWall();
  document.body.replaceChildren();
  window.location.replace(`/${why}`);
}

/** Returns a list, or null if this edition does not have it. */
async function list(address) {
  try {
    return (await ask(address, { as: "json" })).body;
  } catch (trouble) {
    if (trouble.kind === "not-here") return null;
    throw trouble;
  }
}

/** Shows what is shown only once: a link, a code, or a credential. */
function showOnce(name, words, note) {
  part(`${name}-once`).value = words;
  part(`${name}-note`).textContent = note;
  part(`${name}-made`).hidden = false;
  tell("");
  mark(part(`${name}-once`));
}

/** Marks what is in a field, and shows its head. */
function mark(field) {
  field.focus();
  field.select();
  field.scrollLeft = 0;
}

/** What the other parts of the page do with it. */
const page = { change, leave, renew, showOnce, tell };

const RENEW_MILLISECONDS = 15_000;
let renewal = null;
let isStale = false;
/** The person made a change, and waits for the renewal. */
let isWanted = false;

/** Shows what is true now, also if the page is being renewed with what was true a moment ago. */
function renew() {
  isWanted = true;
  return start();
}

/**
 * Renews the page where somebody new asks, unless the person looks elsewhere or is about to change
 * something. What it asks the server each time is on no record; the lists of the page are.
 */
async function renewByItself() {
  if (renewal || document.hidden || isHeld()) return;
  try {
    const { body } = await ask("../watching", { as: "json" });
    const shown = part("requests").querySelectorAll(".row").length;
    if (body.asks !== shown && !renewal && !isHeld()) start();
  } catch (trouble) {
    if (trouble.kind === "ended") leave();
  }
}

function start() {
  isStale = true;
  renewal ??= renewAll();
  return renewal;
}

async function renewAll() {
  while (isStale) {
    isStale = false;
    await renewOnce();
  }
  renewal = null;
  isWanted = false;
}

/** Says whether the person has something in hand that a renewal would replace. */
function isHeld() {
  const focused = document.activeElement?.closest(".rows, #share-cameras, #take-household, #role");
  return Boolean(focused || document.querySelector(".row-form, .is-asking"));
}

async function renewOnce() {
  try {
    const [sharing, sessions] = await Promise.all([list("../sharing"), list("../sessions")]);
    complain("");
    if (!isWanted && isHeld()) return;
    showHouseholds(sharing.households, sharing.viewer);
    showGiven(sharing.given, sharing.viewer);
    showSessions(sessions?.sessions);
    await showViewed(sharing.households, sharing.viewer);
  } catch (trouble) {
    if (trouble.kind === "ended") return leave();
    complain(explain(trouble, "The page didn't load"));
  }
}

/** Says what is wrong with the page, once and not with each renewal. */
function complain(words) {
  const error = part("sharing-error");
  if (error.textContent !== words) error.textContent = words;
}

function nameIn(household) {
  const names = new Map(household.cameras.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? "a camera that is gone";
}

function termsWords(terms, past = null) {
  return `${kindsWords(terms.kinds)}, ${windowWords(terms.window, past)}, `
    + untilWords(terms.expires_at_seconds);
}

// ---- what the person shares ---------------------------------------------------------------------

function showHouseholds(households, viewer) {
  const each = (rowsOf) => households.flatMap((household) => rowsOf(household, nameIn(household)));
  fill(part("requests"), each(requestRows));
  fill(part("invitations"), each(invitationRows));
  fill(part("shares"), each(shareRows));
  fill(part("members"), households.flatMap((household) => memberRows(household, viewer)));
  showRoles(households, viewer);
  fill(part("cameras"), households.flatMap((household) =>
    cameraRows(household, of(household, households), page)));
  showTaking(households);
  const chosen = new Set(checkedCameras().map((box) => box.value));
  const labels = households.flatMap((household) =>
    household.cameras.filter(({ state }) => state !== "closed").map((camera) => {
      const box = made("input", { type: "checkbox", name: "cameras", value: camera.id });
      box.dataset.household = household.id;
      box.checked = chosen.has(camera.id);
      return made("label", {}, box, " ", camera.name + of(household, households));
    }));
  part("share-cameras").replaceChildren(...labels);
  part("share").hidden = labels.length === 0;
}

const offered = (invitation, nameOf) => joined(invitation.offer.cameras.map(nameOf));

function requestRows(household, nameOf) {
  const asks = household.invitations.filter(({ request }) => request && !request.confirmed);
  return asks.map((invitation) => {
    const { request, offer } = invitation;
    const who = request.name ?? "An account that is gone";
    const at = `../households/${segment(household.id)}/invitations/${segment(invitation.id)}`;
    const words = `asks to see ${offered(invitation, nameOf)}: ${termsWords(offer, offer.past)}`;
    const confirm = button("Confirm", `Confirm ${who}`, () => change(
      `${who} may see it now.`, "Nothing was confirmed", `${at}/confirmation`,
      { method: "POST", body: { viewer: request.viewer } },
      { conflict: `${who} may see one of these cameras already.` },
    ));
    const refuse = button("Refuse", `Refuse ${who}`, () => change(
      `${who} was refused.`, "Nothing was refused", at, { method: "DELETE" },
    ), true);
    return row(who, words, confirm, refuse);
  });
}

function invitationRows(household, nameOf) {
  const open = household.invitations.filter(({ request }) => !request);
  return open.map((invitation) => {
    const at = `../households/${segment(household.id)}/invitations/${segment(invitation.id)}`;
    const cameras = offered(invitation, nameOf);
    const { offer } = invitation;
    const words = `${termsWords(offer, offer.past)}. The link holds `
      + untilWords(invitation.until_seconds);
    return row(cameras, words, button("Take back", `Take the invitation to ${cameras} back`,
      () => change("The invitation was taken back.", "It was not taken back", at,
        { method: "DELETE" }), true));
  });
}

function shareRows(household, nameOf) {
  return household.shares.map((share) => {
    const who = share.name ?? "An account that is gone";
    const camera = nameOf(share.camera);
    const at = `../shares/${segment(share.camera)}/${segment(share.viewer)}`;
    const stop = button("Stop sharing", `Stop sharing ${camera} with ${who}`, () => change(
      `${camera} isn't shared with ${who} any more.`, "Nothing was changed", at,
      { method: "DELETE" }, { missing: "it was given back already. Reload the page." },
    ), true, "Really stop?");
    const item = row(who, `sees ${camera}: ${termsWords(share)}`, stop);
    stop.before(button("Change", `Change what ${who} sees of ${camera}`, () => {
      if (item.querySelector("form")) item.querySelector("form").remove();
      else item.append(changeForm(share, at, who));
    }));
    return item;
  });
}

/** Makes the form that narrows or extends a share. */
function changeForm(share, at, who) {
  const box = (kind, words) => {
    const input = made("input", { type: "checkbox", value: kind, checked: share.kinds[kind] });
    return made("label", {}, input, " ", words);
  };
  const ends = made("select", {});
  ends.setAttribute("aria-label", "For how long");
  const choices = [["keep", "as long as now"], ["86400", "one more day"],
    ["604800", "one more week"], ["", "until I stop it"]];
  ends.append(...choices.map(([value, words]) => made("option", { value }, words)));
  const form = made("form", { className: "row-form" },
    box("live", "the live picture"), box("events", "events"), box("clips", "videos of events"),
    ends, made("button", { type: "submit", className: "button" }, "Save"));
  keepTogether(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const kinds = kindsOf(form.querySelectorAll("input:checked"));
    if (!kinds) return;
    const from = share.expires_at_seconds ?? Math.floor(Date.now() / 1000);
    const expires_at_seconds = ends.value === "keep" ? share.expires_at_seconds
      : ends.value === "" ? null : from + Number(ends.value);
    change(`What ${who} sees was changed.`, "Nothing was changed", at, {
      method: "PUT", body: { kinds, window: share.window, expires_at_seconds },
    });
  });
  return form;
}

/** Lets whoever chooses videos choose events too, by which the videos are found. */
function keepTogether(form) {
  const [events, clips] = ["events", "clips"].map((kind) => form.querySelector(`[value=${kind}]`));
  clips.addEventListener("change", () => { events.checked ||= clips.checked; });
  events.addEventListener("change", () => { clips.checked &&= events.checked; });
}

/** Returns the kinds of the boxes that are checked. If they can't be shared, it says why. */
function kindsOf(boxes) {
  const kinds = { live: false, events: false, clips: false };
  for (const box of boxes) kinds[box.value] = true;
  if (boxes.length === 0) tell("Choose what they may see.");
  else if (kinds.clips && !kinds.events) tell("The videos are found by their events: choose both.");
  else return kinds;
  return null;
}

function endOf(seconds) {
  return seconds === "" ? null : Math.floor(Date.now() / 1000) + Number(seconds);
}

function memberRows(household, viewer) {
  const owners = household.members.filter(({ role }) => role === "owner");
  return household.members.map((member) => {
    const until = typeof member.until_seconds === "number"
      ? `, ${untilWords(member.until_seconds)}` : "";
    const who = member.viewer === viewer ? "you" : member.name ?? "An account that is gone";
    const words = `${ROLES.get(member.role) ?? member.role} of ${household.name}${until}`;
    const at = `../households/${segment(household.id)}/members/${segment(member.viewer)}`;
    const takeOut = button("Take out", `Take ${who} out of ${household.name}`,
      () => change(`${household.name} is without ${who} now.`, "Nothing was changed", at,
        { method: "DELETE" }, { unusable: "a household keeps at least one owner." }),
      true, "Really take out?");
    const isOnlyOwner = member.role === "owner" && owners.length === 1;
    return row(who, words, ...(isOnlyOwner ? [] : [takeOut]));
  });
}

/** Says which household it is of, if the person has several. */
function of(household, households) {
  return households.length > 1 ? ` (${household.name})` : "";
}

/** Shows the form that gives roles, to whoever shares with somebody or has members. */
function showRoles(households, viewer) {
  const select = part("role-who");
  const chosen = select.value;
  const options = households.flatMap((household) => {
    const people = new Map([...household.shares, ...household.members]
      .filter((one) => one.viewer !== viewer && one.name)
      .map((one) => [one.viewer, one.name]));
    return [...people].map(([id, name]) => {
      const at = `../households/${segment(household.id)}/members/${segment(id)}`;
      return made("option", { value: at }, name + of(household, households));
    });
  });
  select.replaceChildren(made("option", { value: "" }, "Choose somebody"), ...options);
  if (options.some((option) => option.value === chosen)) select.value = chosen;
  part("role").hidden = options.length === 0;
}

part("role-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { role } = event.target.elements;
  const body = role.value === "installer"
    ? { role: role.value, hours: INSTALLER_HOURS }
    : { role: role.value };
  const who = part("role-who").selectedOptions[0].textContent;
  if (!part("role-who").value) return tell("Choose somebody first.");
  if (role.value === "owner" && !isSure(part("role-submit"), "Really make an owner?")) return;
  const what = `${role.value === "member" ? "a" : "an"} ${ROLES.get(role.value)}`;
  change(`${who}: ${what} from now on.`, "Nothing was changed", part("role-who").value,
    { method: "PUT", body }, { unusable: "a household keeps at least one owner." });
});

// ---- what others share with the person ----------------------------------------------------------

function showGiven(given, viewer) {
  const rows = given.map((right) => {
    const at = `../shares/${segment(right.camera)}/${segment(viewer)}`;
    const back = button("Give back", `Give ${right.name} back`, () => change(
      `${right.name} isn't shared with you any more.`, "It is still shared with you", at,
      { method: "DELETE" },
    ), true, "Really give back?");
    const words = `of ${right.household}: ${termsWords(right)}`;
    return row(right.name, words, ...(right.role === "guest" ? [back] : []));
  });
  const households = new Map(given.filter(({ role }) => ["member", "installer"].includes(role))
    .map((right) => [right.household_id, right]));
  rows.push(...[...households].map(([id, { household, role }]) => row(
    household, `has you as its ${ROLES.get(role)}`, button("Leave", `Leave ${household}`,
      () => change(`You don't belong to ${household} any more.`, "You still belong to it",
        `../households/${segment(id)}/members/${segment(viewer)}`, { method: "DELETE" }),
      true, "Really leave?"),
  )));
  fill(part("given"), rows);
}

// ---- who viewed ---------------------------------------------------------------------------------

async function showViewed(households, viewer) {
  const views = [];
  let isPart = false;
  for (const household of households) {
    const at = `../households/${segment(household.id)}/viewed`;
    const viewed = await list(at);
    if (!viewed) return fill(part("viewed"), [], "Ask whoever runs this server who viewed them.");
    isPart ||= viewed.is_part;
    views.push(...viewed.views);
  }
  const isMine = (view) => view.viewer === viewer;
  const ordered = [...views.filter((view) => !isMine(view)), ...views.filter(isMine)];
  const note = isPart ? "Older ones are in the ledger: ask whoever runs this server." : "";
  fill(part("viewed"), ordered.map((view) => viewRow(view, isMine(view))), note);
}

function viewRow(view, isMine) {
  const who = isMine ? "you" : view.name ?? `An account that is gone (${view.viewer})`;
  const camera = view.camera_name ?? "a camera that is gone";
  const what = HANDED.get(view.handed) ?? view.handed;
  const from = moment(view.from_milliseconds);
  const until = moment(view.until_milliseconds);
  const when = from === until ? from : `${from} to ${until}`;
  return row(who, `${camera}: ${what}, ${when}`);
}

// ---- sessions and the password ------------------------------------------------------------------

function clientName(said) {
  const browser = ["Firefox", "Edg", "OPR", "Chrome", "Safari"].find((name) => said.includes(name));
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"]
    .find((name) => said.includes(name));
  const names = { Edg: "Edge", OPR: "Opera" };
  if (!browser) return said.split(" ")[0] || "Unknown";
  return system ? `${names[browser] ?? browser} on ${system}` : names[browser] ?? browser;
}

function showSessions(sessions) {
  if (!sessions) {
    fill(part("sessions"), [], "This server can't list them. A new password ends all of them.");
    return;
  }
  fill(part("sessions"), sessions.map((session) => {
    const since = typeof session.since_milliseconds === "number"
      ? `since ${moment(session.since_milliseconds)}` : "";
    const name = clientName(session.client);
    if (session.is_this) return row(name, `${since}: this one`);
    return row(name, since, button("Log out", `Log out ${name}, ${since}`, () => change(
      "That one is logged out.", "It is still logged in",
      `../sessions/${segment(session.id)}`, { method: "DELETE" },
    ), true));
  }));
}

part("password-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [old, fresh] = [part("password-old"), part("password-new")];
  try {
    await ask("../password", { method: "PUT", body: { old: old.value, new: fresh.value } });
    leave("#password-changed");
  } catch (trouble) {
    // A wrong password and a session that has ended have one status.
    const isOver = trouble.kind === "ended" && await hasEnded();
    if (isOver) leave();
    else part("password-error").textContent = whyNot(trouble);
  }
});

async function hasEnded() {
  try {
    await ask("../watching", { as: "json" });
    return false;
  } catch (trouble) {
    return trouble.kind === "ended";
  }
}

function whyNot(trouble) {
  switch (trouble.kind) {
    case "ended": return "The current password is wrong.";
    case "unusable": return "The new password must have 10 to 256 characters.";
    case "throttled": return triesWords(trouble);
    default: return explain(trouble, "The password is still the old one");
  }
}

// ---- a new invitation ---------------------------------------------------------------------------

function checkedCameras() {
  return [...part("share-cameras").querySelectorAll("input:checked")];
}

keepTogether(part("share-form"));
part("share-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const boxes = checkedCameras();
  const households = new Set(boxes.map((box) => box.dataset.household));
  if (boxes.length === 0) return tell("Choose a camera first.");
  if (households.size > 1) return tell("One link is for the cameras of one household.");
  const kinds = kindsOf(part("share-form").querySelectorAll("[name=kinds]:checked"));
  if (!kinds) return;
  const body = {
    cameras: boxes.map((box) => box.value),
    kinds,
    past: part("share-past").checked,
    expires_at_seconds: endOf(part("share-ends").value),
  };
  try {
    const at = `../households/${segment([...households][0])}/invitations`;
    const { body: invited } = await ask(at, { method: "POST", body, as: "json" });
    await renew();
    showOnce("share", `${window.location.origin}/join#${invited.token}`, "It works once, and holds "
      + `${untilWords(invited.until_seconds)}. Who opens it asks you, and sees nothing until you `
      + "confirm them here. It is not shown again.");
  } catch (trouble) {
    if (trouble.kind === "ended") return leave();
    tell(explain(trouble, "There is no link"));
  }
});

part("take-form").addEventListener("submit", (event) => {
  event.preventDefault();
  take(page);
});

for (const place of document.querySelectorAll(".shown-once")) {
  const field = place.querySelector("input");
  place.querySelector("button").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      tell("Copied.");
    } catch {
      mark(field);
      tell("Copy the marked text.");
    }
  });
}

window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !isHeld()) renew();
});
setInterval(renewByItself, RENEW_MILLISECONDS);
renew().then(() => {
  // The lists above it have pushed it down.
  if (window.location.hash === "#account") part("account").scrollIntoView();
});
