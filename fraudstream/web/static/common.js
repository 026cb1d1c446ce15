/* Formatting and table rows, written as the server's templates write them (fraudstream/web/formatting.py). */
"use strict";
/* What a proxy has put before our addresses: this file is at BASE/static/common.js. */
const BASE = new URL("..", document.currentScript.src).pathname.slice(0, -1);
const ENTITY = document.documentElement.dataset.entity;
const DASH = "—";
const OUTCOMES = { approve: "Approved", review: "For review", block: "Blocked" };
const digits = (value, decimals) =>
  value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

const write = {
  count: (value) => (value === null ? DASH : digits(value, value === Math.trunc(value) || value >= 99.5 ? 0 : 1)),
  ms: (value) => (value === null ? DASH : digits(value, value >= 10 ? 0 : value >= 1 ? 1 : 2)),
  share: (value) => {
    if (value === null) return DASH;
    if (value === 0 || value === 1) return `${100 * value} %`;
    if (value < 0.001) return "< 0.1 %";
    if (value > 0.999) return "> 99.9 %";
    return `${digits(100 * value, 1).replace(/\.0$/, "")} %`;
  },
  money: (value) => (value === null ? DASH : digits(value, Number(document.documentElement.dataset.decimals))),
  clock: (epochMs) => new Date(epochMs).toISOString().slice(11, 19),
  stamp: (epochMs) => new Date(epochMs).toISOString().slice(0, 19).replace("T", " "),
  summary: (decision) => `${OUTCOMES[decision.outcome] || decision.outcome}, ${[write.money(decision.amount), write.owner(decision)].filter(Boolean).join(", ")}`,
  owner: ({ card, card_last4 }) => (card ? `${ENTITY} ${card_last4 ? `ending ${card_last4}` : card.slice(0, 8)}` : ""),
  row_key: ({ source }) => `${source.topic}-${source.partition}-${source.offset}${source.number ? `-${source.number}` : ""}`,
};

function element(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function bar(part, kind) {
  const NS = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("class", `bar ${kind}`);
  svg.setAttribute("viewBox", "0 0 100 6");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const width of [100, 100 * part]) {
    const rect = document.createElementNS(NS, "rect");
    rect.setAttribute("width", width.toFixed(1));
    rect.setAttribute("height", "6");
    if (!svg.hasChildNodes()) rect.setAttribute("class", "track");
    svg.append(rect);
  }
  return svg;
}

function problemItem(problem) {
  const item = element("li", { className: problem.severity }, `${problem.sentence}.`);
  if (problem.remedy.startsWith("fraudstream ")) item.append(" Run: ", element("code", { textContent: problem.remedy }));
  else if (problem.remedy) item.append(` To fix it: ${problem.remedy}.`);
  return item;
}

function cardLink(decision) {
  if (!decision.card) return "–";
  const owner = write.owner(decision);
  return element("a", {
    className: "card",
    href: `${BASE}/cards/${decision.card}`,
    textContent: decision.card_last4 ? `•••• ${decision.card_last4}` : `${decision.card.slice(0, 8)}…`,
    ariaLabel: owner[0].toUpperCase() + owner.slice(1),
  });
}

function decisionRow(decision) {
  const path = `${encodeURIComponent(decision.transaction_id)}?at=${decision.event_time}`;
  const outcome = decision.outcome in OUTCOMES ? decision.outcome : "";
  const at = write.stamp(decision.decided_at);
  const row = element("tr", {},
    element("td", { className: "time" }, element("a", { href: `${BASE}/decisions/${path}`, textContent: at, ariaLabel: `${at}, ${write.summary(decision)}` })),
    element("td", { className: "outcome" }, element("span", { className: `badge ${outcome}`, textContent: OUTCOMES[outcome] || decision.outcome })),
    element("td", { className: "number score" }, String(decision.score), bar(decision.score / 1000, outcome)),
    element("td", { className: "number amount", textContent: write.money(decision.amount) }),
    element("td", { className: "owner" }, cardLink(decision)),
    element("td", { className: "wide", textContent: decision.reasons.join("; ") }));
  row.dataset.id = write.row_key(decision);
  return row;
}

/* Show these decisions, newest first; a row that stays is left alone, and one that somebody is at stays until they leave. */
function showRows(body, decisions) {
  const rows = new Map([...body.children].map((row) => [row.dataset.id, row]));
  const wanted = new Map();
  for (const decision of decisions) {
    const key = write.row_key(decision);
    wanted.set(key, rows.get(key) || decisionRow(decision));
  }
  for (const [key, row] of rows) if (!wanted.has(key) && !row.contains(document.activeElement)) row.remove();
  let place = body.firstElementChild;
  for (const row of wanted.values()) {
    if (row === place) place = place.nextElementSibling;
    else body.insertBefore(row, place);
  }
  return [...wanted].filter(([key]) => !rows.has(key)).map(([, row]) => row);
}

/* Ask for `path` below BASE every second and pass the answer to `show`; if the worker does not answer, say so instead of showing old figures. */
function poll(path, show) {
  const pill = document.getElementById("health");
  async function once() {
    if (!document.hidden) {
      try {
        const response = await fetch(BASE + path, { signal: AbortSignal.timeout(5000), cache: "no-store" });
        if (!response.ok) throw new Error(String(response.status));
        show(await response.json());
        document.body.classList.remove("stale");
      } catch {
        document.body.classList.add("stale");
        pill.className = "pill unreachable";
        pill.textContent = "no answer";
      }
    }
    setTimeout(once, 1000);
  }
  once();
}
