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
 * Makes a button that runs `act`, and can't be pressed again until `act` is done. With `sure`, the
 * first press only changes the button's words to these for a while, and the second runs `act`.
 */
export function button(words, label, act, isDanger = false, sure = null) {
  const classes = `button is-quiet${isDanger ? " is-danger" : ""}`;
  const element = made("button", { type: "button", className: classes });
  const say = (isAsking) => {
    element.textContent = isAsking ? sure : words;
    element.setAttribute("aria-label", isAsking ? `${sure} ${label}` : label);
    element.classList.toggle("is-asking", isAsking);
  };
  say(false);
  let timer = 0;
  element.addEventListener("click", async (click) => {
    // A double click is one press.
    if (element.disabled || click.detail > 1) return;
    const asks = sure !== null && !element.classList.contains("is-asking");
    clearTimeout(timer);
    say(asks);
    if (asks) {
      timer = setTimeout(say, SURE_MILLISECONDS, false);
      return;
    }
    element.disabled = true;
    try {
      await act();
    } finally {
      element.disabled = false;
    }
  });
  return element;
}

/**
 * Says whether a form's button was pressed a second time. The first press only changes its words to
 * `sure` for a while.
 */
export function isSure(element, sure) {
  if (element.classList.contains("is-asking")) return true;
  const words = element.textContent;
  element.textContent = sure;
  element.classList.add("is-asking");
  setTimeout(() => {
    element.textContent = words;
    element.classList.remove("is-asking");
  }, SURE_MILLISECONDS);
  return false;
}

/** Fills a section with rows. Without a row and without a note, the section is hidden. */
export function fill(section, rows, note = "") {
  section.querySelector(".rows").replaceChildren(...rows);
  section.querySelector(".rows-note").textContent = note;
  section.hidden = rows.length === 0 && !note;
}
