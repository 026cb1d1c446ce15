// The keys of the cases' pages. What a key does is on the page as [data-key]; here is only what it is called, and j, k, x and ?.
"use strict";

const KEYS = [
  ["j", "The next case, or payment of a case"],
  ["k", "The one before"],
  ["o", "Open it; Enter does, too"],
  ["x", "Choose it, to close many at once"],
  ["n", "Claim the next case"],
  ["c", "Claim this case"],
  ["f", "Close as fraud: say why, then Enter"],
  ["l", "Close as legitimate"],
  ["u", "Close as unsure"],
  ["z", "Undo a close, for ten seconds"],
  ["q", "Back to the queue"],
  ["?", "These keys"],
];

const rows = () => [...document.querySelectorAll("table.queue tbody tr, table.payments tbody tr")].filter((row) => row.querySelector("a"));
const chosen = () => document.querySelector("tr.chosen");

function choose(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(chosen());
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step))];
  chosen()?.classList.remove("chosen");
  next.classList.add("chosen");
  next.querySelector("a").focus();
  next.scrollIntoView({ block: "nearest" });
}

function press(target) {
  if (target.tagName === "FORM") target.requestSubmit();
  else if (target.tagName === "LABEL") {
    target.control.checked = true;
    target.closest("form").querySelector("[name=reason]").focus();
  } else target.click();
}

function help() {
  let dialog = document.getElementById("keys");
  if (!dialog) {
    dialog = Object.assign(document.createElement("dialog"), { id: "keys" });
    dialog.setAttribute("aria-labelledby", "keys-title");
    const list = document.createElement("dl");
    for (const [key, words] of KEYS) {
      const line = document.createElement("div");
      line.append(Object.assign(document.createElement("dt"), { className: "key", textContent: key }),
        Object.assign(document.createElement("dd"), { textContent: words }));
      list.append(line);
    }
    const close = Object.assign(document.createElement("button"), { textContent: "Close", autofocus: true });
    close.addEventListener("click", () => dialog.close());
    dialog.append(Object.assign(document.createElement("h2"), { id: "keys-title", textContent: "Keys" }), list, close);
    document.body.append(dialog);
  }
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

const OWN = {
  j: () => choose(1),
  k: () => choose(-1),
  o: () => chosen()?.querySelector("a").click(),
  x: () => chosen()?.querySelector("input[type=checkbox]")?.click(),
  "?": help,
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select");
  if (event.key === "Escape" && typing) typing.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.getElementById("keys")?.open && event.key !== "?") return;
  const target = OWN[event.key] ? null : [...document.querySelectorAll("[data-key]")].find((each) => each.dataset.key === event.key);
  if (!target && !OWN[event.key]) return;
  event.preventDefault();
  if (target) press(target);
  else OWN[event.key]();
});

// The keys stand beside what they do.
for (const target of document.querySelectorAll("[data-key]")) {
  const place = target.tagName === "FORM" ? target.querySelector("button") : target;
  place.append(" ", Object.assign(document.createElement("kbd"), { textContent: target.dataset.key }));
  place.setAttribute("aria-keyshortcuts", target.dataset.key);
}
const hint = Object.assign(document.createElement("button"), { type: "button", className: "plain keys-hint", textContent: "Keys ?" });
hint.addEventListener("click", help);
document.querySelector("footer .inner")?.append(hint);

// A close can be taken back for ten seconds; then the offer goes.
for (const offer of document.querySelectorAll("[data-left-ms]")) {
  const until = performance.now() + Number(offer.dataset.leftMs);
  const button = offer.querySelector("button");
  const seconds = document.createElement("small");
  button.after(seconds);
  const tick = () => {
    const left = until - performance.now();
    if (left <= 0) offer.remove();
    else {
      seconds.textContent = ` ${Math.ceil(left / 1000)} s`;
      setTimeout(tick, 250);
    }
  };
  tick();
}

const all = document.querySelector("[data-choose-all]");
if (all) {
  all.hidden = false;
  all.addEventListener("click", () => {
    for (const box of document.querySelectorAll("#many input[type=checkbox]")) box.checked = true;
  });
}

// A page that the browser kept may show a case as it was: ask again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
