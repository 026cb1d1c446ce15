/* Six charts by uPlot; a line or a point in each marks where the threshold is. */
"use strict";
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const SERIES_COLOURS = ["approve", "p99", "review", "ok"];
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;
const whole = (value) => Math.round(value).toLocaleString("en-US");
const positive = (values) => values.map((value) => (value > 0 ? value : null));

/* A mark is [x, y] in the chart's own scales; without y it is a line from bottom to top. */
function marking(markOf) {
  return { hooks: { draw: [(u) => {
    const mark = markOf();
    if (!mark || mark[0] == null || mark[0] < u.scales.x.min || mark[0] > u.scales.x.max) return;
    const x = u.valToPos(mark[0], "x", true);
    const { ctx } = u;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour("block");
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath();
    if (mark[1] == null) { ctx.moveTo(x, u.bbox.top); ctx.lineTo(x, u.bbox.top + u.bbox.height); ctx.stroke(); }
    else { ctx.arc(x, u.valToPos(mark[1], "y", true), 5 * devicePixelRatio, 0, 2 * Math.PI); ctx.fill(); }
    ctx.restore();
  }] } };
}

function axes(x, y) {
  const axis = { stroke: colour("soft"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, font: `12px ${getComputedStyle(document.body).fontFamily}` };
  const written = (write) => (u, splits) => splits.map((value) => (value == null ? null : write(value)));
  return [{ ...axis, size: 28, values: written(x) }, { ...axis, size: 58, values: written(y) }];
}

function line(label, name, more = {}) {
  return { label, stroke: colour(name), width: 1.8, points: { show: false }, spanGaps: true, ...more };
}

/* What the colours mean, below a chart of more than one series. */
function keys(box, series) {
  box.parentElement.querySelector(".keys")?.remove();
  const named = series.filter((each) => each.width !== 0 || each.fill);
  if (named.length < 2) return;
  const list = document.createElement("p");
  list.className = "keys";
  for (const each of named) {
    const key = document.createElement("span");
    const mark = document.createElement("i");
    mark.style.background = each.fill || each.stroke;
    key.append(mark, each.label);
    list.append(key);
  }
  box.after(list);
}

function draw(id, { data, series, scales, x, y, mark, bands }) {
  const box = document.getElementById(id);
  keys(box, series);
  return new uPlot({
    width: box.clientWidth, height: box.clientHeight, legend: { show: false }, padding: [8, 22, 0, 0], bands,
    cursor: { drag: { x: false, y: false }, points: { size: 6 }, y: false },
    scales, axes: axes(x, y), series: [{}, ...series], plugins: [marking(mark)],
  }, data, box);
}

const LOG = { time: false, distr: 3 };
const SHARE = { time: false, range: [0, 1] };

/* Curves of several versions have points of their own: uPlot joins them into one table. */
function joined(curves) {
  return uPlot.join(curves.map(({ x, y }) => [x, y]), curves.map(() => [2]));
}

function curve({ x, y }, from = 0) {
  const kept = x.map((value, at) => at).filter((at) => x[at] > from && (at === 0 || x[at] > x[at - 1]));
  return { x: kept.map((at) => x[at]), y: kept.map((at) => y[at]) };
}

function chartsOf(reports, now) {
  const [report] = reports;
  const lines = reports.map((each, at) => line(each.about.version, SERIES_COLOURS[at % SERIES_COLOURS.length]));
  const middles = report.distribution.legitimate.map((_, at) => (report.distribution.edges[at] + report.distribution.edges[at + 1]) / 2);
  const bars = (name) => ({ fill: `${colour(name)}99`, width: 0, paths: uPlot.paths.bars({ size: [0.9, 40] }) });
  const alertsPer1000 = report.all.alerts.map((alerts) => (1000 * alerts) / report.payments);
  const byAlerts = [...alertsPer1000.keys()].filter((at) => alertsPer1000[at] > 0).reverse().filter((at, place, all) => place === 0 || alertsPer1000[at] > alertsPer1000[all[place - 1]]);
  const pick = (values) => byAlerts.map((at) => values[at]);
  const net = report.money.saved.map((saved, at) => saved - report.money.cost[at]);
  const bins = report.calibration.bins.filter((bin) => bin.score > 0);
  const days = report.entities_a_day;
  const charts = {
    scores: { data: [middles, positive(report.distribution.legitimate), positive(report.distribution.fraud)],
      series: [line("legitimate", "approve", bars("approve")), line("fraud", "block", bars("block"))],
      scales: { x: SHARE, y: { distr: 3, range: (u, low, high) => [0.5, (high || 1) * 2] } }, x: (v) => v.toFixed(1), y: (v) => (v < 1 ? "" : whole(v)), mark: () => [now().threshold] },
    money: { data: [pick(alertsPer1000), pick(report.money.saved), pick(report.money.cost), pick(net)],
      series: [line("saved", "ok"), line("cost of reviews", "review"), line("saved, less reviews", "approve", { width: 2.6 })],
      scales: { x: LOG, y: {} }, x: (v) => String(v), y: whole, mark: () => [alertsPer1000[now().at], net[now().at]] },
    roc: { data: joined(reports.map((each) => curve(each.roc, 1e-5))), series: lines, scales: { x: LOG, y: SHARE },
      x: (v) => percent(v, v < 0.001 ? 3 : v < 0.01 ? 1 : 0), y: (v) => percent(v, 0), mark: () => [now().falsePositiveRate, now().recall] },
    "precision-recall": { data: joined(reports.map((each) => curve(each.precision_recall, -1))), series: lines, scales: { x: SHARE, y: SHARE },
      x: (v) => percent(v, 0), y: (v) => percent(v, 0), mark: () => [now().recall, now().precision] },
    calibration: { data: [bins.map((b) => b.score), bins.map((b) => b.score), positive(bins.map((b) => b.low)), positive(bins.map((b) => b.high)), positive(bins.map((b) => b.fraud))],
      series: [line("as it should be", "edge", { dash: [4, 4] }), line("low", "approve", { width: 0 }), line("high", "approve", { width: 0 }), line("share of fraud", "approve", { points: { show: true, size: 6 } })],
      bands: [{ series: [3, 2], fill: `${colour("approve")}33` }],
      scales: { x: LOG, y: { distr: 3 } }, x: (v) => percent(v, v < 0.001 ? 2 : v < 0.01 ? 1 : 0), y: (v) => percent(v, v < 0.001 ? 2 : v < 0.01 ? 1 : 0), mark: () => [now().threshold] },
  };
  if (days.length) charts.entities = { data: [days.map((day) => Date.parse(day.day) / 1000), days.map((day) => day.with_fraud), days.map((day) => day.hits)],
    series: [line("with fraud", "edge", { dash: [4, 4] }), line("found", "approve")], scales: { x: { time: true }, y: { range: (u, low, high) => [0, (high || 1) * 1.15] } },
    x: (v) => new Date(v * 1000).toISOString().slice(5, 10), y: whole, mark: () => null };
  return Object.entries(charts).map(([id, chart]) => draw(id, chart));
}
