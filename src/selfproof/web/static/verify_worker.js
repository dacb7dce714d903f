// Recomputes a log's root from its entries (RFC 6962) and checks the note that signs it (C2SP signed-note, Ed25519).
// It believes nothing of the server but the bytes of the entries, which must hash to what the key has signed.
"use strict";
const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
const sha256 = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));

function joined(...parts) {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

const leafHash = (data) => sha256(joined(new Uint8Array([0]), data));
const nodeHash = (left, right) => sha256(joined(new Uint8Array([1]), left, right));

class Tree {
  size = 0;
  peaks = [];
  async append(leaf) {
    for (let rest = this.size; rest % 2 === 1; rest = (rest - 1) / 2) leaf = await nodeHash(this.peaks.pop(), leaf);
    this.peaks.push(leaf);
    this.size += 1;
  }
  async root() {
    let root = this.peaks.at(-1) ?? (await sha256(new Uint8Array()));
    for (let i = this.peaks.length - 2; i >= 0; i--) root = await nodeHash(this.peaks[i], root);
    return root;
  }
}

class Bad extends Error {}

async function get(url) {
  const answer = await fetch(url, { credentials: "same-origin", cache: "no-store" });
  if (answer.status === 409) {
    const { index, reason } = await answer.json();
    throw new Bad(`entry ${index} is damaged: ${reason}`);
  }
  if (!answer.ok) throw new Bad(`the server answered ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

// A key as one line of text: name+id+base64(1, public key).
async function parsed(vkey) {
  const plus = vkey.indexOf("+");
  const name = vkey.slice(0, plus), key = unbase64(vkey.slice(vkey.indexOf("+", plus + 1) + 1));
  if (plus < 1 || key.length !== 33 || key[0] !== 1) throw new Bad("the key is not one of a log");
  return { vkey, name, public: key.slice(1), id: (await sha256(joined(new TextEncoder().encode(`${name}\n`), key))).slice(0, 4) };
}

// A signed note: its text, an empty line, lines of signatures. By this key? null where a browser has no Ed25519.
async function signed(note, key) {
  let ready;
  try {
    ready = await crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null;
  }
  const start = `— ${key.name} `, body = new TextEncoder().encode(note.text);
  for (const row of note.rows.filter((one) => one.startsWith(start))) {
    const raw = unbase64(row.slice(start.length));
    if (raw.length === 68 && same(raw.slice(0, 4), key.id) && (await crypto.subtle.verify("Ed25519", ready, raw.slice(4), body))) return true;
  }
  return false;
}

function split(text) {
  const end = text.lastIndexOf("\n\n");
  if (end < 0) throw new Bad("the checkpoint is not a signed note");
  return { text: text.slice(0, end + 1), rows: text.slice(end + 2).split("\n") };
}

async function read(raw, name) {
  const note = split(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw));
  const [origin, size, root] = note.text.split("\n");
  if (origin !== name || !/^[1-9][0-9]{0,14}$/.test(size)) throw new Bad("the checkpoint is not this log's");
  return { ...note, size: Number(size), root: unbase64(root) };
}

// An entry `key` names the next key; that one and the one before have signed it, at this size and root of the log.
async function follow(chain, entry, tree) {
  const body = JSON.parse(new TextDecoder().decode(entry)).predicate;
  const next = await parsed(body.vkey), last = chain.at(-1), note = split(body.note);
  const root = btoa(String.fromCharCode(...(await tree.root())));
  const text = `selfproof.dev/key/v1\n${last.name}\n${tree.size}\n${root}\n${body.vkey}\n`;
  const good = [await signed(note, next), await signed(note, last)];
  if (next.name !== last.name || note.text !== text || good.includes(false)) throw new Bad(`entry ${tree.size}: the next key is not vouched for by the one before, or what is before it was rewritten`);
  chain.push(next);
}

const KEY = '"predicateType":"https://selfproof.dev/key/v1"';

async function run({ base, vkey, before }) {
  const facts = [];
  const chain = [await parsed(vkey)];
  const note = await read(await get(`${base}/checkpoint`), chain[0].name);
  const tree = new Tree();
  let signer = chain[0];
  let remembered = before && before.size > note.size ? "shorter than what was verified here before" : null, first = null;
  while (tree.size < note.size) {
    const bundle = await get(`${base}/bundle?from=${tree.size}`);
    const entries = [];
    for (let at = 0; at < bundle.length; ) {
      const length = bundle[at] * 256 + bundle[at + 1];
      entries.push(bundle.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    if (!entries.length) throw new Bad(`entry ${tree.size} is missing`);
    if (tree.size === 0) first = JSON.parse(new TextDecoder().decode(entries[0]));
    const kept = entries.slice(0, note.size - tree.size);
    const hashes = await Promise.all(kept.map(leafHash));
    for (const [i, hash] of hashes.entries()) {
      signer = chain.at(-1); // a new key takes effect behind its entry
      if (new TextDecoder().decode(kept[i]).includes(KEY)) await follow(chain, kept[i], tree);
      await tree.append(hash);
      if (before && before.size === tree.size && hex(await tree.root()) !== before.root) remembered = "another beginning than what was verified here before";
    }
    postMessage({ progress: tree.size / note.size, entries: tree.size });
  }
  const root = await tree.root();
  facts.push(["root computed here", hex(root)], ["root that was signed", hex(note.root)]);
  const good = await signed(note, signer);
  if (chain.length > 1) facts.push(["keys", `${chain.length}, each vouched for by the one before`]);
  facts.push(["signature", good === null ? "not checked: this browser has no Ed25519" : good ? "by this log's key" : "not by this log's key"]);
  facts.push(["first entry names", first.predicate.vkey === vkey ? "this key" : "another key"]);
  facts.push(["remembered in this browser", before ? remembered || `${before.size} entries, and they are still its beginning` : "nothing before; from now on this"]);
  const told = { size: tree.size, root: hex(root), facts };
  if (!same(root, note.root)) return { ...told, ok: false, words: `The ${tree.size} entries do not hash to the root that was signed: at least one was rewritten.` };
  if (good === false) return { ...told, ok: false, words: "The checkpoint is not signed by this log's key." };
  if (first.predicate.vkey !== vkey) return { ...told, ok: false, words: "The first entry names another key." };
  if (remembered) return { ...told, ok: false, words: `This log has ${remembered}.` };
  const but = good === null ? ", but for the signature, which this browser cannot check" : "";
  return { ...told, ok: good !== null, words: `All ${tree.size} signed entries are as they were signed${but}.` };
}

onmessage = async ({ data }) => {
  try {
    postMessage(await run(data));
  } catch (error) {
    postMessage({ ok: false, words: error instanceof Bad ? error.message : `it could not be read: ${error.message}`, facts: [] });
  }
};
