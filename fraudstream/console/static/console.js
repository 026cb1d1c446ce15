// What every page of the console does: says what went wrong where htmx asked, and asks before what cannot be undone.
"use strict";

function tell(sentence) {
  const place = document.getElementById("trouble");
  place.textContent = sentence;
  place.hidden = sentence === "";
}

document.addEventListener("htmx:beforeRequest", () => tell(""));
document.addEventListener("htmx:responseError", (event) => {
  const answer = event.detail.xhr;
  const plain = (answer.getResponseHeader("Content-Type") || "").startsWith("text/plain");
  tell(plain && answer.responseText ? answer.responseText : `The console answered ${answer.status}; reload the page.`);
});
document.addEventListener("htmx:sendError", () => tell("The console does not answer; check the connection and try again."));

// <form data-ask="Disable ada?"> asks first; htmx has hx-confirm for its own.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !window.confirm(question)) event.preventDefault();
});

// A form that was sent is not sent again by a second click; unless what it answers is a file, after which the page is still there.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.hasAttribute("hx-post")) return;
  if (event.submitter && event.submitter.hasAttribute("data-again")) return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// <input type="file" data-bytes-max="1000" data-too-large="…"> is not sent if its file is larger: a server that stops reading only looks broken.
document.addEventListener("change", (event) => {
  const most = Number(event.target.dataset.bytesMax);
  if (!most) return;
  const large = [...event.target.files].some((file) => file.size > most);
  event.target.setCustomValidity(large ? event.target.dataset.tooLarge : "");
  tell(large ? event.target.dataset.tooLarge : "");
});
