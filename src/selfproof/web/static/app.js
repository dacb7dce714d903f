// What all pages share: theme, keys, lists, copying, live parts. Everything works without it but the live parts.
"use strict";
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const root = document.documentElement;

  // Theme: as the system, unless somebody chose.
  const themes = ["", "light", "dark"];
  const words = { "": "as the system", light: "light", dark: "dark" };
  const chosen = () => localStorage.getItem("theme") || "";
  const dress = () => (chosen() ? (root.dataset.theme = chosen()) : delete root.dataset.theme);
  dress();

  function theme() {
    const button = $("[data-theme-switch]");
    if (!button) return;
    const name = () => ($("span", button).textContent = words[chosen()]);
    button.hidden = false;
    name();
    button.addEventListener("click", () => {
      localStorage.setItem("theme", themes[(themes.indexOf(chosen()) + 1) % themes.length]);
      dress();
      name();
      document.dispatchEvent(new CustomEvent("theme"));
    });
  }

  // Lists: j and k walk over [data-item]s, Enter opens the first link of one.
  function walk(step) {
    const items = all("[data-list] [data-item]").filter((item) => item.offsetParent !== null);
    if (!items.length) return;
    const at = items.findIndex((item) => item.classList.contains("here"));
    const next = items[Math.min(items.length - 1, Math.max(0, at + step))] || items[0];
    items.forEach((item) => item.classList.toggle("here", item === next));
    next.scrollIntoView({ block: "nearest" });
    const link = $("a, button", next);
    if (link) link.focus({ preventScroll: true });
  }

  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const keys = { j: () => walk(1), k: () => walk(-1), "?": help, "/": search };
  let gone = 0;

  function help() {
    const dialog = $("#keys");
    if (dialog && !dialog.open) dialog.showModal();
  }

  function search() {
    const box = $("input[type=search]");
    if (box) { box.focus(); box.select(); }
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if ($("dialog[open]")) return;
    if (Date.now() - gone < 1500) {
      gone = 0;
      const link = $(`a[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
    } else if (event.key === "g") {
      gone = Date.now();
    } else if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    } else {
      const link = $(`[data-key="${CSS.escape(event.key)}"]`); // a link with a key of its own: it asks before it acts
      if (link) { event.preventDefault(); link.click(); }
    }
  }

  // [data-ends="SECONDS"] counts down to that moment.
  function countDown() {
    all("[data-ends]").forEach((one) => {
      const left = Math.max(0, Math.round(Number(one.dataset.ends) - Date.now() / 1000));
      one.textContent = left ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : "a moment";
    });
  }

  // [data-copy="ID"] copies that element's text.
  function copying(event) {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const from = document.getElementById(button.dataset.copy);
    navigator.clipboard.writeText(from.value ?? from.textContent).then(() => tell("copied"));
  }

  function tell(text) {
    const place = $("#told");
    if (place) place.textContent = text;
  }

  // [data-live="URL"] is fetched anew when the program's feed says that something changed, at most once a second.
  function live() {
    const parts = all("[data-live]");
    if (!parts.length || !window.EventSource) return;
    const source = new EventSource(`/p/${document.body.dataset.program}/live`);
    let waiting = null;
    const renew = () => {
      waiting = null;
      parts.forEach(async (part) => {
        const answer = await fetch(part.dataset.live, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
        if (!answer.ok) return;
        const text = await answer.text();
        if (part.contains(document.activeElement) && document.activeElement !== part) return;
        part.innerHTML = text; // written by our own templates, which escape
        document.dispatchEvent(new CustomEvent("renewed", { detail: part }));
      });
    };
    source.addEventListener("changed", () => (waiting = waiting || setTimeout(renew, 400)));
    source.addEventListener("feed", (event) => document.dispatchEvent(new CustomEvent("feed", { detail: JSON.parse(event.data) })));
    source.onerror = () => root.classList.add("cut-off");
    source.onopen = () => root.classList.remove("cut-off");
    addEventListener("pagehide", () => source.close());
  }

  document.addEventListener("DOMContentLoaded", () => {
    theme();
    const button = $("[data-help]");
    if (button) { button.hidden = false; button.addEventListener("click", help); }
    all("[data-copy]").forEach((one) => (one.hidden = false));
    if (matchMedia("(max-width: 52rem)").matches) all("details.menu").forEach((menu) => (menu.open = false));
    document.addEventListener("keydown", pressed);
    document.addEventListener("click", copying);
    document.addEventListener("submit", (event) => { // what takes long says so, and is sent once
      const button = event.target.dataset.slow && event.target.querySelector("button");
      if (button) { button.textContent = event.target.dataset.slow; setTimeout(() => (button.disabled = true)); }
    });
    live();
    countDown();
    setInterval(countDown, 1000);
    document.addEventListener("renewed", countDown);
  });
  window.selfproof = { keys, tell, walk };
})();
