// Keeps the page fresh and filters while one types; without it everything works by links and the form.
"use strict";

const INTERVAL_MS = 30000;
const TYPING_MS = 250;

const form = document.getElementById("filter");
const switched = document.getElementById("refresh");
const fresh = document.getElementById("fresh");
let asked = 0;
let timer = 0;

function address() {
  if (!form) return location.pathname + location.search;
  const fields = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...fields]) if (!value || (name === "sort" && value === "problems")) fields.delete(name);
  return "./" + (String(fields) ? "?" + fields : "");
}

function swap(current, next) {
  const open = new Set([...current.querySelectorAll("details[open]")].map((each) => each.id));
  const focused = current.contains(document.activeElement) ? document.activeElement : null;
  const details = focused && focused.closest("details");
  const href = focused && focused.getAttribute("href");
  for (const each of next.querySelectorAll("details")) if (open.has(each.id)) each.open = true;
  current.replaceChildren(...next.childNodes);
  current.className = next.className;
  if (!focused) return;
  const again = details
    ? document.getElementById(details.id)?.querySelector("summary")
    : [...current.querySelectorAll("a")].find((each) => each.getAttribute("href") === href);
  again?.focus({ preventScroll: true });
}

async function load(url) {
  const mine = ++asked;
  try {
    const answer = await fetch(url, { cache: "no-store", redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== asked) return;
    if (!page.getElementById("verdict")) throw new Error("no page");
    for (const next of page.querySelectorAll("[data-live]")) {
      const current = document.getElementById(next.id);
      if (current) swap(current, next);
      else return location.reload();
    }
    document.title = page.title;
  } catch {
    if (mine === asked && !document.getElementById("lost")) {
      const lost = document.createElement("strong");
      lost.id = "lost";
      lost.textContent = " · not refreshed: rotator does not answer";
      fresh.append(lost);
    }
  }
}

function filter() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const url = address();
    history.replaceState(null, "", url);
    load(url);
  }, TYPING_MS);
}

function isBusy() {
  const selected = getSelection();
  return document.hidden || !switched.checked || (selected && !selected.isCollapsed);
}

document.getElementById("auto").hidden = false;
form?.addEventListener("input", filter);
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});
setInterval(() => {
  if (!isBusy()) load(location.pathname + location.search);
}, INTERVAL_MS);
document.addEventListener("visibilitychange", () => {
  if (!isBusy()) load(location.pathname + location.search);
});
