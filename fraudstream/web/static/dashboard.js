/* The dashboard: numbers, three charts and the latest alerts, from /api/v1/summary once a second. */
"use strict";
const SPAN_S = 300;
const BIN_S = 5;
const ANNOUNCE_MS = 15000;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const CHARTS = {
  "payments-chart": { columns: (t) => [t.time, sum(t.approve, t.review, t.block)], series: [["Payments", "approve", "area"]] },
  "alerts-chart": { columns: (t) => bins(t.time, sum(t.review, t.block), t.block), series: [["For review", "review", "bars"], ["Blocked", "block", "bars"]], whole: true },
  "latency-chart": { columns: (t) => [t.time, t.p99_ms, t.p50_ms], series: [["p99", "p99", "line"], ["Median", "p50", "line"]] },
};
const charts = {};
let timeline = null;

function sum(...columns) {
  return columns[0].map((_, second) => columns.reduce((total, column) => total + column[second], 0));
}

/* Sum up whole bins of BIN_S seconds, aligned to the clock so that a bin keeps its bar while time goes on. */
function bins(time, ...columns) {
  const first = Math.ceil(time[0] / BIN_S) * BIN_S - time[0];
  const starts = [];
  for (let at = first; at < time.length; at += BIN_S) starts.push(at);
  const summed = (column) => starts.map((at) => column.slice(at, at + BIN_S).reduce((total, value) => total + value, 0));
  return [starts.map((at) => time[at]), ...columns.map(summed)];
}

function series([label, name, kind]) {
  const drawn = { label, stroke: colour(name), width: 1.5, points: { show: false } };
  if (kind === "area") drawn.fill = `${colour(name)}22`;
  if (kind === "bars") Object.assign(drawn, { fill: colour(name), width: 0, paths: uPlot.paths.bars({ size: [0.7, 14, 2], align: 1 }) });
  return drawn;
}

function chart(id, data) {
  const box = document.getElementById(id);
  const axis = { stroke: colour("soft"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, font: `12px ${getComputedStyle(document.body).fontFamily}` };
  const whole = CHARTS[id].whole;
  return new uPlot({
    width: box.clientWidth, height: box.clientHeight, legend: { show: false }, padding: [6, 4, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { drag: { x: false, y: false }, points: { size: 6 }, y: false },
    scales: { y: { range: (u, low, high) => [0, Math.max(whole ? 4 : 1, (high || 0) * 1.15)] } },
    axes: [
      { ...axis, space: 52, size: 24, incrs: [60, 120, 300], values: (u, splits) => splits.map((s) => write.clock(s * 1000).slice(0, 5)), grid: { show: false } },
      { ...axis, size: 46, space: 34, incrs: whole ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] : undefined, values: (u, splits) => splits.map((v) => v.toLocaleString("en-US")) },
    ],
    series: [{}, ...CHARTS[id].series.map(series)],
  }, data, box);
}

function draw() {
  for (const id of Object.keys(CHARTS)) {
    const data = CHARTS[id].columns(timeline);
    if (charts[id]) charts[id].setData(data);
    else charts[id] = chart(id, data);
  }
}

function redraw() {
  for (const id of Object.keys(charts)) {
    charts[id].destroy();
    delete charts[id];
  }
  if (timeline) draw();
}

function showNumbers(summary) {
  for (const node of document.querySelectorAll("[data-show]")) {
    const value = node.dataset.show.split(".").reduce((part, name) => part[name], summary);
    node.textContent = write[node.dataset.as](value);
  }
  const pill = document.getElementById("health");
  pill.className = `pill ${summary.health.status}`;
  pill.textContent = summary.health.status;
  pill.title = summary.health.problems.map((problem) => problem.sentence).join("; ");
}

/* A live region: what is unchanged is left alone, or a screen reader would read it out every second. */
let told = null;
function showProblems(problems) {
  const telling = JSON.stringify(problems);
  if (telling === told) return;
  told = telling;
  const list = document.getElementById("problems");
  list.replaceChildren(...problems.map(problemItem));
  list.hidden = problems.length === 0;
}

let announced = { alerts: null, atMs: 0 };
function showAlerts(alerts, total) {
  document.getElementById("no-alerts").hidden = alerts.length > 0;
  const fresh = showRows(document.getElementById("alerts"), alerts);
  if (announced.alerts === null) announced.alerts = total;
  else fresh.forEach((row) => row.classList.add("new"));
  announce(alerts, total);
}

/* A live region, too: how many alerts came, not more often than somebody can listen to. */
function announce(alerts, total) {
  const count = total - announced.alerts;
  if (count <= 0 || !alerts.length || Date.now() - announced.atMs < ANNOUNCE_MS) return;
  announced = { alerts: total, atMs: Date.now() };
  document.getElementById("news").textContent =
    `${write.count(count)} new alert${count === 1 ? "" : "s"}. The newest: ${write.summary(alerts[0])}.`;
}

poll(`/api/v1/summary?seconds=${SPAN_S}`, (summary) => {
  timeline = summary.timeline;
  showNumbers(summary);
  showProblems(summary.health.problems);
  showAlerts(summary.alerts, summary.totals.alerts);
  draw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("resize", redraw);
