// "Verify now": a worker does it; this only shows what it says, and remembers what was verified in this browser.
"use strict";
(() => {
  const button = document.getElementById("verify");
  if (!button || !window.Worker || !(window.crypto && crypto.subtle)) return;
  const bar = document.getElementById("verify-bar");
  const told = document.getElementById("verify-told");
  const memory = `verified ${button.dataset.vkey}`;
  button.hidden = false;

  const line = (name, value) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    return [dt, dd];
  };

  function show(result) {
    const banner = document.createElement("div");
    banner.className = `banner ${result.ok ? "good" : "bad"}`;
    banner.textContent = `${result.ok ? "✓" : "✕"} ${result.words}`;
    const facts = document.createElement("dl");
    facts.className = "facts small";
    result.facts.forEach(([name, value]) => facts.append(...line(name, value)));
    told.replaceChildren(banner, facts);
  }

  button.addEventListener("click", () => {
    button.disabled = true;
    bar.hidden = false;
    told.textContent = "fetching";
    const worker = new Worker(button.dataset.worker);
    worker.onmessage = ({ data }) => {
      if (data.progress !== undefined) {
        bar.value = data.progress;
        told.textContent = `${data.entries} entries hashed`;
        return;
      }
      worker.terminate();
      button.disabled = false;
      bar.hidden = true;
      if (data.ok) localStorage.setItem(memory, JSON.stringify({ size: data.size, root: data.root }));
      show(data);
    };
    worker.onerror = () => show({ ok: false, words: "the worker failed", facts: [] });
    const before = JSON.parse(localStorage.getItem(memory) || "null");
    worker.postMessage({ base: button.dataset.base, vkey: button.dataset.vkey, before });
  });
})();
