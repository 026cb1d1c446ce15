// A topic as it grows: rows come as server-sent events; pausing closes the connection, so nothing waits for this page.
"use strict";

const ROWS_MAX = 200;
const button = document.getElementById("live");
const rows = document.getElementById("records");
const told = document.getElementById("live-said");
let source = null;

function stop(sentence) {
  if (source) source.close();
  source = null;
  button.setAttribute("aria-pressed", "false");
  button.textContent = "Watch live";
  told.textContent = sentence;
}

function start() {
  source = new EventSource(button.dataset.live);
  button.setAttribute("aria-pressed", "true");
  button.textContent = "Pause";
  told.textContent = "Connecting…";
  source.addEventListener("ready", () => { told.textContent = "Live: new records come at the top."; });
  source.addEventListener("records", (event) => {
    const part = document.createElement("template");
    part.innerHTML = event.data;
    rows.prepend(part.content);
    while (rows.rows.length > ROWS_MAX) rows.deleteRow(-1);
  });
  source.addEventListener("end", (event) => stop(event.data));
  source.addEventListener("error", () => {
    if (source && source.readyState === EventSource.CLOSED) stop("The console refused it; reload the page.");
    else told.textContent = "The connection is gone; it is tried again…";
  });
}

button.addEventListener("click", () => (source ? stop("Paused.") : start()));
window.addEventListener("pagehide", () => { if (source) source.close(); });
