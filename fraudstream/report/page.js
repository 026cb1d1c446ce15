/* The slider: it moves the mark in every chart, and every figure and table that depends on the threshold. */
"use strict";
const reports = JSON.parse(document.getElementById("data").textContent);
const [report] = reports;
const slider = document.getElementById("threshold");
const own = report.thresholds.indexOf(report.threshold);
let charts = [];

function at(k) {
  const { payments, fraud } = report;
  const alerts = report.all.alerts[k], caught = report.all.caught[k];
  const per = 100000 / payments;
  return {
    at: k, threshold: report.thresholds[k], recall: caught / fraud, precision: alerts ? caught / alerts : null,
    falsePositiveRate: (alerts - caught) / (payments - fraud),
    alerts: alerts * per, caught: caught * per, missed: (fraud - caught) * per, wrong: (alerts - caught) * per,
    right: (payments - fraud - alerts + caught) * per, net: report.money.saved[k] - report.money.cost[k],
  };
}

const now = () => at(Number(slider.value));
const share = (value) => (value == null ? "—" : percent(value));
const small = (value) => (value < 10 ? value.toFixed(1) : whole(value));
const WRITTEN = { precision: share, recall: share, net: whole };

function cell(row, text, tag = "td") {
  const made = document.createElement(tag);
  made.textContent = text;
  row.append(made);
  return made;
}

/* One table per grouping: payments and fraud stand, alerts, precision and recall follow the slider. */
function grouped(title, grouping, extra) {
  const section = document.createElement("section");
  section.className = "panel";
  section.innerHTML = "<h2></h2><table><thead><tr></tr></thead><tbody></tbody></table>";
  section.querySelector("h2").textContent = title;
  const head = section.querySelector("thead tr");
  for (const name of ["", "payments", "fraud", ...(extra ? ["AUC"] : []), "alerts", "precision", "recall"]) cell(head, name, "th");
  const moving = grouping.groups.map((group, place) => {
    const row = document.createElement("tr");
    cell(row, group.name, "th");
    cell(row, whole(group.payments));
    cell(row, whole(group.fraud));
    if (extra) cell(row, extra[place] == null ? "—" : extra[place].toFixed(4));
    section.querySelector("tbody").append(row);
    return { group, cells: [cell(row, ""), cell(row, ""), cell(row, "")] };
  });
  document.getElementById("groups").append(section);
  return () => {
    for (const { group, cells } of moving) {
      const alerts = group.alerts[slider.value], caught = group.caught[slider.value];
      cells[0].textContent = whole(alerts);
      cells[1].textContent = share(alerts ? caught / alerts : null);
      cells[2].textContent = share(group.fraud ? caught / group.fraud : null);
    }
  };
}

function showImportance() {
  const most = Math.max(...report.importance.map((each) => each.shap), 1e-12);
  for (const each of report.importance) {
    const row = document.createElement("tr");
    cell(row, each.name, "th");
    cell(row, each.shap.toFixed(3));
    const bar = cell(row, "");
    bar.className = "of-most";
    bar.append(document.createElement("i"));
    bar.firstChild.style.width = percent(each.shap / most);
    cell(row, percent(each.gain));
    cell(row, each.permutation.toFixed(3));
    document.querySelector("#importance tbody").append(row);
  }
}

function show() {
  const figures = now();
  for (const node of document.querySelectorAll("[data-figure]")) node.textContent = (WRITTEN[node.dataset.figure] || small)(figures[node.dataset.figure]);
  document.getElementById("threshold-value").textContent = figures.threshold < 0.001 && figures.threshold > 0 ? figures.threshold.toExponential(1) : figures.threshold.toFixed(3);
  const sentence = `Of 100,000 payments ${small(figures.alerts)} are alerted and ${share(figures.recall)} of the fraud is caught; ${share(figures.precision)} of the alerts are fraud.`;
  document.getElementById("threshold-sentence").textContent = sentence;
  slider.setAttribute("aria-valuetext", `${figures.threshold.toFixed(3)}. ${sentence}`);
  for (const table of tables) table();
  for (const chart of charts) chart.redraw(false);
}

function drawAll() {
  for (const chart of charts) chart.destroy();
  charts = chartsOf(reports, now);
}

showImportance();
const tables = [
  grouped("Week by week", report.weeks, report.weeks.auc),
  ...(report.positions ? [grouped("By position in the attack", report.positions)] : []),
  ...report.segments.map((grouping) => grouped(`By ${grouping.name}`, grouping)),
];
slider.value = own;
slider.addEventListener("input", show);
for (const button of document.querySelectorAll("[data-to]")) {
  button.addEventListener("click", () => { slider.value = button.dataset.to === "own" ? own : report.money.best; show(); });
}
drawAll();
show();
let resized = null;
addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(drawAll, 100); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
