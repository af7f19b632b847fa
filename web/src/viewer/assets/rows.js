// Lists of words with buttons.
// Must never take text for markup.

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

/** Makes a button that runs `act`, and can't be pressed again until `act` is done. */
export function button(words, label, act, isDanger = false) {
  const classes = `button is-quiet${isDanger ? " is-danger" : ""}`;
  const element = made("button", { type: "button", className: classes }, words);
  element.setAttribute("aria-label", label);
  element.addEventListener("click", async () => {
    if (element.disabled) return;
    element.disabled = true;
    try {
      await act();
    } finally {
      element.disabled = false;
    }
  });
  return element;
}

/** Fills a section with rows. Without a row and without a note, the section is hidden. */
export function fill(section, rows, note = "") {
  section.querySelector(".rows").replaceChildren(...rows);
  section.querySelector(".rows-note").textContent = note;
  section.hidden = rows.length === 0 && !note;
}
