// Completes words of a condition: <textarea data-complete="/rules/words" aria-controls="id of the list">.
"use strict";

const SHOWN_MAX = 8;

function began(area) {
  const before = area.value.slice(0, area.selectionStart);
  return (before.match(/[A-Za-z_][\w.-]*$/) || [""])[0];
}

async function complete(area) {
  const list = document.getElementById(area.getAttribute("aria-controls"));
  const answer = await fetch(area.dataset.complete);
  const words = answer.ok ? await answer.json() : [];
  let shown = [], chosen = 0;

  function hide() {
    list.hidden = true;
    area.setAttribute("aria-expanded", "false");
    area.removeAttribute("aria-activedescendant");
  }

  function choose(place) {
    chosen = (place + shown.length) % shown.length;
    for (const [number, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(number === chosen));
    list.children[chosen].scrollIntoView({block: "nearest"});
    area.setAttribute("aria-activedescendant", list.children[chosen].id);
  }

  function show() {
    const begun = began(area).toLowerCase();
    const starting = words.filter((each) => each.word.toLowerCase().startsWith(begun));
    const within = words.filter((each) => !starting.includes(each) && each.word.toLowerCase().includes(begun));
    shown = begun ? [...starting, ...within].slice(0, SHOWN_MAX) : [];
    if (!shown.length || (shown.length === 1 && shown[0].typed.trim() === began(area))) return hide();
    list.replaceChildren(...shown.map((each, number) => {
      const item = document.createElement("li"), what = document.createElement("small");
      item.id = `word-${number}`;
      item.setAttribute("role", "option");
      item.append(each.word, what);
      what.textContent = each.what;
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(number); });
      return item;
    }));
    list.hidden = false;
    area.setAttribute("aria-expanded", "true");
    choose(0);
  }

  function take(place) {
    const end = area.selectionStart;
    area.setRangeText(shown[place].typed, end - began(area).length, end, "end");
    hide();
    area.dispatchEvent(new Event("input", {bubbles: true}));
    hide();
  }

  area.addEventListener("input", show);
  area.addEventListener("blur", hide);
  area.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const keys = {ArrowDown: () => choose(chosen + 1), ArrowUp: () => choose(chosen - 1), Enter: () => take(chosen), Tab: () => take(chosen), Escape: hide};
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}

for (const area of document.querySelectorAll("textarea[data-complete]")) complete(area);
