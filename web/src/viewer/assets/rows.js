// Lists of words with buttons.
// Must never take text for markup.

const SURE_MILLISECONDS = 5_000;

/** Makes an element with these children: elements, or texts. */
export function made(name, words, ...children) {
  const element = document.createElement(name);
  Object.assign(element, words);
  element.append(...children);
  return element;
}

/** Makes a row: a strong name, the rest of the words, and buttons. */
export function row(name, words, ...buttons) {
  const item = made("li", { className: "row" });
  const text = made("p", { className: "row-words" });
  text.append(made("strong", { dir: "auto" }, name), " ", made("span", {}, words));
  item.append(text, made("span", { className: "row-acts" }, ...buttons));
  return item;
}

/**
 * Makes a button that runs `act`, and can't be pressed again until `act` is done. With `sure`, it
 * asks once more, as `isSure` does.
 */
export function button(words, label, act, isDanger = false, sure = null) {
  const classes = `button is-quiet${isDanger ? " is-danger" : ""}`;
  const element = made("button", { type: "button", className: classes }, words);
  element.setAttribute("aria-label", label);
  element.addEventListener("click", async (click) => {
    // A double click is one press.
    if (element.disabled || click.detail > 1) return;
    if (sure !== null && !isSure(element, sure)) return;
    element.disabled = true;
    try {
      await act();
    } finally {
      element.disabled = false;
    }
  });
  return element;
}

/** Buttons that ask once more, each with what takes its question back. */
const asking = new WeakMap();

/**
 * Says whether a button was pressed a second time. The first press only changes its words to `sure`
 * for a while.
 */
export function isSure(element, sure) {
  const takeBack = asking.get(element);
  if (takeBack) {
    takeBack();
    return true;
  }
  const say = (words, label, isAsking) => {
    element.textContent = words;
    if (label !== null) element.setAttribute("aria-label", label);
    element.classList.toggle("is-asking", isAsking);
  };
  const [words, label] = [element.textContent, element.getAttribute("aria-label")];
  say(sure, label && `${sure} ${label}`, true);
  const back = () => {
    clearTimeout(timer);
    asking.delete(element);
    say(words, label, false);
  };
  const timer = setTimeout(back, SURE_MILLISECONDS);
  asking.set(element, back);
  return false;
}

/** Fills a section with rows. Without a row and without a note, the section is hidden. */
export function fill(section, rows, note = "") {
  section.querySelector(".rows").replaceChildren(...rows);
  section.querySelector(".rows-note").textContent = note;
  section.hidden = rows.length === 0 && !note;
}
