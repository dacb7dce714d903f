// The lineage on a canvas. Places are those of drawing/forest.py. What is drawn once is kept as a picture that is wider
// than the window; panning moves it, and only at its border, or after a zoom, it is drawn anew.
"use strict";
(() => {
  const ACROSS = 16, APART = 14, UP = 8, MORE = 1; // MORE: windows of room on each side of the kept picture
  const frame = document.querySelector("[data-tree]");
  if (!frame) return;
  const canvas = frame.querySelector("canvas"), pen = canvas.getContext("2d", { alpha: false });
  const part = frame.querySelector(".tree-part"), told = frame.querySelector("[data-tree-told]");
  const kept = document.createElement("canvas"), ink = kept.getContext("2d");
  const controls = new URLSearchParams(location.search).get("controls") === "yes";
  let tree = null, shown = null, colours = {}, view = { x: 0, y: 0, zoom: 1 }, keptAt = null, chosen = -1, asked = 0;

  function read(buffer) {
    const bytes = new Uint8Array(buffer), end = bytes.indexOf(10);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    let at = end + 1;
    const take = (kind, size) => { const found = new kind(buffer, at, head.n); at += size * head.n; return found; };
    const column = take(Uint32Array, 4), parent = take(Int32Array, 4), slot = take(Int16Array, 2);
    const [stream, operator, proposer, outcome, mark, flags] = Array.from({ length: 6 }, () => take(Uint8Array, 1));
    return { ...head, column, parent, slot, stream, operator, proposer, outcome, mark, flags };
  }

  const x = (i) => tree.column[i] * ACROSS;
  const height = (slot) => (slot ? (APART + (Math.abs(slot) - 1) * UP) * (slot > 0 ? -1 : 1) : 0);
  const y = (i) => height(tree.slot[i]);
  const hidden = (i) => !controls && tree.aside[tree.stream[i]];
  const lit = (i) => !shown || shown[i];

  function prepare() {
    tree.aside = tree.streams.map((name) => name.endsWith("-constants") && tree.streams.includes(name.slice(0, -10)));
    tree.stem = new Map(tree.stems.map(([version, column]) => [version, column]));
    tree.byColumn = [];
    for (let i = 0; i < tree.n; i++) (tree.byColumn[tree.column[i]] ||= []).push(i);
    // Where a twig without a known parent begins: at the last version before it.
    let stem = 0;
    tree.from = new Float64Array(tree.n);
    for (let i = 0; i < tree.n; i++) {
      while (stem + 1 < tree.stems.length && tree.stems[stem + 1][1] <= tree.column[i]) stem++;
      tree.from[i] = tree.stems.length ? tree.stems[stem][1] * ACROSS : 0;
    }
  }

  function dress() {
    const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(name).trim();
    colours = { paper: of("--surface"), grey: of("--muted"), good: of("--good"), bad: of("--bad"), blue: of("--accent"), ink: of("--ink"), line: of("--strong-line") };
  }

  function measure() {
    const scale = devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    canvas.width = Math.max(1, Math.round(box.width * scale));
    canvas.height = Math.max(1, Math.round(box.height * scale));
    kept.width = canvas.width * (1 + 2 * MORE);
    kept.height = canvas.height;
    keptAt = null;
  }

  const scaleOf = () => devicePixelRatio || 1;

  // Everything between two columns, onto a context whose origin is the trunk at column 0.
  function draw(to, left, right, zoom) {
    const first = Math.max(0, Math.floor(left / ACROSS) - 1), last = Math.min(tree.columns - 1, Math.ceil(right / ACROSS) + 1);
    const visible = [];
    for (let c = first; c <= last; c++) for (const i of tree.byColumn[c] || []) if (!hidden(i)) visible.push(i);
    const dim = shown ? 0.25 : 1;
    const twigs = new Path2D(), ways = new Path2D();
    for (const i of visible) {
      if (!lit(i) && !(tree.flags[i] & 1)) continue;
      const p = tree.parent[i], a = p >= 0 ? x(p) : tree.from[i], b = p >= 0 ? y(p) : 0, c = x(i), d = y(i), m = (a + c) / 2;
      const path = tree.flags[i] & 1 ? ways : twigs;
      path.moveTo(a, b);
      if (zoom < 0.35) path.lineTo(c, d); else path.bezierCurveTo(m, b, m, d, c, d);
    }
    to.lineWidth = 0.7; to.strokeStyle = colours.grey; to.globalAlpha = 0.28; to.stroke(twigs);
    to.lineWidth = 2.2; to.strokeStyle = colours.good; to.globalAlpha = 0.8; to.stroke(ways);
    to.fillStyle = colours.grey;
    for (const [keep, alpha] of [[false, 0.38], [true, 0.85]]) {
      to.globalAlpha = alpha;
      for (const i of visible) {
        if (tree.mark[i] || (tree.outcome[i] === 1) !== keep) continue;
        const r = keep ? 2.2 : 1.7;
        if (!lit(i)) continue;
        to.fillRect(x(i) - r, y(i) - r, 2 * r, 2 * r);
      }
      if (shown) {
        to.globalAlpha = alpha * dim;
        for (const i of visible) if (!tree.mark[i] && (tree.outcome[i] === 1) === keep && !lit(i)) to.fillRect(x(i) - 1.5, y(i) - 1.5, 3, 3);
      }
    }
    const big = Math.min(4, Math.max(1, 0.75 / zoom)); // signs and words stay readable from afar
    trunk(to, first, last, big);
    for (const i of visible) if (tree.mark[i]) sign(to, i, lit(i) ? 1 : 0.35, big);
    to.globalAlpha = 1;
  }

  function trunk(to, first, last, big) {
    to.globalAlpha = 1; to.strokeStyle = to.fillStyle = colours.good; to.lineWidth = 7; to.lineCap = "round";
    to.beginPath(); to.moveTo(Math.max(0, first - 1) * ACROSS, 0); to.lineTo(Math.max(1, Math.min(last + 1, tree.columns - 1)) * ACROSS, 0); to.stroke();
    let free = -1e9;
    for (const [version, column, node] of tree.stems) {
      if (column < first - 60 || column > last + 2) continue;
      const at = column * ACROSS;
      if (node >= 0) {
        const a = x(node), b = y(node), m = (a + at) / 2;
        to.lineWidth = 2.2; to.beginPath(); to.moveTo(a, b); to.bezierCurveTo(m, b, m, 0, at, 0); to.stroke();
      }
      to.beginPath(); to.arc(at, 0, 7 * big, 0, 7); to.fillStyle = colours.good; to.fill();
      if (at - free < 34 * big) continue;
      free = at;
      to.font = `600 ${12.5 * big}px system-ui, sans-serif`; to.textAlign = "center";
      to.lineWidth = 4 * big; to.strokeStyle = colours.paper; to.strokeText(`v${version}`, at, 24 * big); to.fillStyle = colours.ink; to.fillText(`v${version}`, at, 24 * big);
      to.strokeStyle = to.fillStyle = colours.good;
    }
  }

  function sign(to, i, alpha, big) {
    const name = tree.marks[tree.mark[i]], a = x(i), b = y(i);
    const r = 4.5 * big;
    to.globalAlpha = alpha; to.lineWidth = 2.2 * big;
    to.beginPath();
    if (name === "refused" || name === "rolled back") {
      to.strokeStyle = colours.bad;
      to.moveTo(a - r, b - r); to.lineTo(a + r, b + r); to.moveTo(a - r, b + r); to.lineTo(a + r, b - r); to.stroke();
    } else if (name === "certified") {
      to.fillStyle = colours.good; to.arc(a, b, r, 0, 7); to.fill();
    } else {
      to.strokeStyle = colours.blue; to.fillStyle = colours.paper; to.lineWidth = 1.6 * big;
      to.moveTo(a, b - r); to.lineTo(a + r, b); to.lineTo(a, b + r); to.lineTo(a - r, b); to.closePath(); to.fill(); to.stroke();
    }
  }

  // The kept picture covers the window and as much again on either side, at one zoom and one height.
  function keep() {
    const scale = scaleOf(), w = canvas.width / scale;
    const left = view.x - (MORE * w) / view.zoom, right = view.x + ((1 + MORE) * w) / view.zoom;
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.fillStyle = colours.paper; ink.fillRect(0, 0, kept.width, kept.height);
    const z = view.zoom * scale;
    ink.setTransform(z, 0, 0, z, -left * z, -view.y * z);
    draw(ink, left, right, view.zoom);
    keptAt = { left, right, y: view.y, zoom: view.zoom };
  }

  function paint() {
    asked = 0;
    if (!tree) return;
    const scale = scaleOf(), w = canvas.width / scale / view.zoom;
    const fits = keptAt && keptAt.zoom === view.zoom && keptAt.y === view.y && view.x >= keptAt.left && view.x + w <= keptAt.right;
    if (!fits) keep();
    pen.drawImage(kept, Math.round((view.x - keptAt.left) * view.zoom * scale), 0, canvas.width, canvas.height, 0, 0, canvas.width, canvas.height);
    if (chosen >= 0) ring(scale);
  }

  function ring(scale) {
    const z = view.zoom * scale;
    pen.setTransform(z, 0, 0, z, -view.x * z, -view.y * z);
    pen.strokeStyle = colours.blue; pen.lineWidth = 2;
    pen.beginPath();
    for (let i = chosen, steps = 0; i >= 0 && steps < 2000; i = tree.parent[i], steps++) {
      const p = tree.parent[i], a = p >= 0 ? x(p) : tree.from[i], b = p >= 0 ? y(p) : 0, m = (a + x(i)) / 2;
      pen.moveTo(a, b); pen.bezierCurveTo(m, b, m, y(i), x(i), y(i));
    }
    pen.stroke();
    pen.beginPath(); pen.arc(x(chosen), y(chosen), 8, 0, 7); pen.lineWidth = 3; pen.stroke();
    pen.setTransform(1, 0, 0, 1, 0, 0);
  }

  const again = () => { if (!asked) asked = requestAnimationFrame(paint); };
  const anew = () => { keptAt = null; again(); };

  function deepest() {
    let most = 30;
    for (let i = 0; i < tree.n; i++) if (!hidden(i)) most = Math.max(most, Math.abs(y(i)));
    return most + 24;
  }

  function fit(newest) {
    const box = canvas.getBoundingClientRect(), tall = 2 * deepest(), wide = (tree.columns + 2) * ACROSS;
    view.zoom = Math.min(1.6, Math.max(0.08, newest ? box.height / tall : Math.min(box.height / tall, box.width / wide)));
    view.x = newest ? Math.max(-ACROSS, wide - ACROSS - box.width / view.zoom) : -ACROSS - Math.max(0, box.width / view.zoom - wide) / 2;
    view.y = -box.height / view.zoom / 2;
    anew();
  }

  function zoom(by, at) {
    const box = canvas.getBoundingClientRect(), [px, py] = at || [box.width / 2, box.height / 2];
    const next = Math.min(6, Math.max(0.05, view.zoom * by));
    view.x += px / view.zoom - px / next;
    view.y += py / view.zoom - py / next;
    view.zoom = next;
    anew();
  }

  function nearest(px, py) {
    const at = [view.x + px / view.zoom, view.y + py / view.zoom], reach = 14 / view.zoom;
    let best = -1, least = reach;
    const first = Math.floor((at[0] - reach) / ACROSS), last = Math.ceil((at[0] + reach) / ACROSS);
    for (let c = Math.max(0, first); c <= last; c++) for (const i of tree.byColumn[c] || []) {
      if (hidden(i)) continue;
      const far = Math.hypot(x(i) - at[0], y(i) - at[1]);
      if (far < least) { least = far; best = i; }
    }
    return best;
  }

  let fetching = 0;
  async function choose(i, show = true) {
    chosen = i;
    again();
    if (i < 0) { part.hidden = true; return; }
    if (show) {
      const box = canvas.getBoundingClientRect(), px = (x(i) - view.x) * view.zoom, py = (y(i) - view.y) * view.zoom;
      if (px < 20 || px > box.width - 20 || py < 20 || py > box.height - 20) {
        view.x = x(i) - box.width / view.zoom / 2;
        if (py < 20 || py > box.height - 20) view.y = y(i) - box.height / view.zoom / 2;
        anew();
      }
    }
    const mine = ++fetching;
    const answer = await fetch(frame.dataset.candidate + i, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (mine !== fetching || !answer.ok) return;
    part.innerHTML = await answer.text(); // written by our own templates, which escape
    part.hidden = false;
  }

  function neighbour(step) {
    const mates = (tree.byColumn[tree.column[chosen]] || []).filter((i) => !hidden(i)).sort((a, b) => y(a) - y(b));
    return mates[mates.indexOf(chosen) + step] ?? chosen;
  }

  function child() {
    for (let i = chosen + 1; i < tree.n; i++) if (tree.parent[i] === chosen && !hidden(i)) return i;
    for (let c = tree.column[chosen] + 1; c < tree.columns; c++) {
      const found = (tree.byColumn[c] || []).find((i) => !hidden(i));
      if (found !== undefined) return found;
    }
    return chosen;
  }

  const moves = {
    ArrowLeft: () => (chosen < 0 ? tree.n - 1 : tree.parent[chosen] >= 0 ? tree.parent[chosen] : chosen),
    ArrowRight: () => (chosen < 0 ? 0 : child()),
    ArrowUp: () => (chosen < 0 ? 0 : neighbour(-1)),
    ArrowDown: () => (chosen < 0 ? 0 : neighbour(1)),
  };
  const does = { in: () => zoom(1.4), out: () => zoom(1 / 1.4), all: () => fit(false), now: () => fit(true) };
  const keys = { "+": does.in, "=": does.in, "-": does.out, 0: does.all };

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !tree || !tree.n) return;
    if (moves[event.key]) { event.preventDefault(); choose(moves[event.key]()); }
    else if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
    else if (event.key === "Enter" && chosen >= 0) location.href = frame.dataset.candidate + chosen;
    else if (event.key === "Escape") choose(-1);
  }

  function gestures() {
    const held = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      held.set(event.pointerId, [event.offsetX, event.offsetY]);
      moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId);
      if (!before || !tree) return;
      const now = [event.offsetX, event.offsetY];
      if (held.size === 2) {
        const other = [...held].find(([id]) => id !== event.pointerId)[1];
        const far = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
        zoom(far(now) / far(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
      } else {
        view.x -= (now[0] - before[0]) / view.zoom;
        if (Math.abs(now[1] - before[1]) > 0 && (event.shiftKey || view.zoom > 0.9 || Math.abs(now[1] - before[1]) > 3)) view.y -= (now[1] - before[1]) / view.zoom;
        moved += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
        again();
      }
      held.set(event.pointerId, now);
    });
    const up = (event) => {
      if (held.delete(event.pointerId) && moved < 4 && tree && event.type === "pointerup") choose(nearest(event.offsetX, event.offsetY), false);
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("wheel", (event) => {
      if (!tree || !(event.ctrlKey || event.metaKey || document.activeElement === canvas)) return; // else the page scrolls
      event.preventDefault();
      if (event.shiftKey) { view.x += event.deltaY / view.zoom; again(); } else zoom(Math.exp(-event.deltaY / 400), [event.offsetX, event.offsetY]);
    }, { passive: false });
    canvas.addEventListener("keydown", pressed);
  }

  async function load(first) {
    const answer = await fetch(frame.dataset.tree, { credentials: "same-origin" });
    if (!answer.ok) return;
    tree = read(await answer.arrayBuffer());
    prepare();
    const aside = tree.stream.reduce((sum, one) => sum + (tree.aside[one] ? 1 : 0), 0);
    told.textContent = `${(tree.n - aside).toLocaleString("en")} candidates, ${tree.stems.length - 1} adopted`;
    if (aside) told.textContent += `; ${aside.toLocaleString("en")} of constants-only controls`;
    const found = await (await fetch(frame.dataset.find + location.search, { credentials: "same-origin" })).json();
    shown = null;
    if (found) { shown = new Uint8Array(tree.n); for (const i of found) shown[i] = 1; told.textContent += `, ${found.length.toLocaleString("en")} shown`; }
    if (first) { fit(tree.columns * ACROSS > 4 * canvas.getBoundingClientRect().width); pick(); } else anew();
    canvas.dataset.ready = tree.n;
  }

  function pick() {
    const wanted = /^#candidate-(\d+)$/.exec(location.hash);
    if (wanted && +wanted[1] < tree.n) choose(+wanted[1]);
  }

  function grow() {
    // A program that is running: the feed says when there is more.
    if (!window.EventSource || !document.body.dataset.program) return;
    const source = new EventSource(`/p/${document.body.dataset.program}/live`);
    let waiting = null;
    source.addEventListener("changed", () => (waiting = waiting || setTimeout(() => { waiting = null; load(false); }, 2500)));
    addEventListener("pagehide", () => source.close());
  }

  frame.hidden = false;
  document.addEventListener("DOMContentLoaded", () => {
    dress(); measure(); gestures(); grow();
    frame.querySelectorAll("[data-tree-do]").forEach((one) => one.addEventListener("click", () => does[one.dataset.treeDo]()));
    new ResizeObserver(() => { measure(); again(); }).observe(canvas);
    const dressed = () => { dress(); anew(); };
    document.addEventListener("theme", dressed);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dressed);
    load(true);
  });
})();
