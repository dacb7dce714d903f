// Second verifier of a selfproof ledger, sharing no code with the first, without dependencies:
//   node verify.mjs LEDGER_FOLDER | BUNDLE_FOLDER | PROOF_FILE [--key VKEY|FILE]
// A ledger or bundle: framing, entries, Merkle root and hash tiles (RFC 6962, C2SP tlog-tiles), key (genesis = vkey =
// the one given), checkpoint signature (C2SP), and every blob that an entry refers to. A proof file (C2SP tlog-proof):
// needs --key. It does not recompute decisions.
import { createHash, createPublicKey, verify } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";

const sha256 = (...data) => data.reduce((h, d) => h.update(d), createHash("sha256")).digest();
const leafHash = (leaf) => sha256(Buffer.of(0), leaf);
const node = (left, right) => sha256(Buffer.of(1), left, right);
const fail = (index, reason) => { throw Object.assign(new Error(reason), { index }); };
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});
const crc32 = (data) => ~data.reduce((crc, byte) => TABLE[(crc ^ byte) & 255] ^ (crc >>> 8), ~0) >>> 0;

function framed(log, signed) { // entries of a ledger's log
  const leaves = [];
  for (let at = 0; at < log.length; ) {
    const end = at + 8 <= log.length ? at + 8 + log.readUInt32LE(at) : Infinity;
    const leaf = log.subarray(at + 8, end);
    const torn = end > log.length || !log.subarray(at).some(Boolean);
    if (torn && leaves.length >= signed) break; // cut short, or never written, and nobody signed it
    if (torn || end === at + 8) fail(leaves.length, "cut short");
    if (crc32(leaf) !== log.readUInt32LE(at + 4)) fail(leaves.length, "checksum differs");
    leaves.push(leaf);
    at = end;
  }
  return leaves.length < signed ? fail(leaves.length, "missing") : leaves;
}

function tilePath(level, number, width) {
  let path = String(number % 1000).padStart(3, "0");
  for (let n = Math.floor(number / 1000); n > 0; n = Math.floor(n / 1000)) path = `x${String(n % 1000).padStart(3, "0")}/${path}`;
  return `tile/${level}/${path}${width < 256 ? `.p/${width}` : ""}`;
}

function bundled(folder, signed) { // entries of a bundle, out of tiles of 256
  const leaves = [];
  for (let number = 0; leaves.length < signed; number++) {
    const width = Math.min(256, signed - number * 256);
    const partial = `${folder}/${tilePath("entries", number, width)}`;
    const data = readFileSync(existsSync(partial) ? partial : `${folder}/${tilePath("entries", number, 256)}`);
    for (let at = 0, i = 0; i < width; i++) {
      const end = at + 2 <= data.length ? at + 2 + data.readUInt16BE(at) : Infinity;
      if (end > data.length) fail(leaves.length, "cut short");
      leaves.push(data.subarray(at + 2, end));
      at = end;
    }
  }
  return leaves;
}

function checkTiles(folder, hashes) { // each stored hash is the one that the entries give
  for (let level = 0, row = hashes; row.length > 0; level++) {
    const above = [];
    for (let number = 0; number * 256 < row.length; number++) {
      const part = row.slice(number * 256, number * 256 + 256);
      const name = tilePath(level, number, part.length);
      if (!readFileSync(`${folder}/${name}`).equals(Buffer.concat(part))) fail(null, `${name} is not what the entries hash to`);
      if (part.length === 256) above.push(merkleRoot(part));
    }
    row = above;
  }
}

function merkleRoot(hashes) {
  if (hashes.length === 1) return hashes[0];
  const split = 2 ** Math.floor(Math.log2(hashes.length - 1));
  return node(merkleRoot(hashes.slice(0, split)), merkleRoot(hashes.slice(split)));
}

function pathRoot(index, size, hash, path) { // RFC 9162, section 2.1.3.2
  if (index >= size) fail(index, "not an entry of that log");
  let [at, last] = [index, size - 1];
  for (const other of path) {
    if (last === 0) fail(index, "the proof is too long");
    if (at % 2 === 1 || at === last) {
      hash = node(other, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else hash = node(hash, other);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : fail(index, "the proof is too short");
}

function signedBy(note, vkey) { // what a checkpoint says, once its signature by this key holds
  const [origin, size, root, end, ...more] = textSigned(note, vkey).split("\n");
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || end !== "" || more.length) fail(null, "not a checkpoint");
  if (origin !== vkey.split("+")[0]) fail(null, "a checkpoint of another log");
  return { origin, size: Number(size), root };
}

function textSigned(note, vkey) { // a note's text, once its signature by this key holds
  const cut = note.lastIndexOf("\n\n");
  if (cut < 0 || !note.endsWith("\n")) fail(null, "not a signed note");
  const text = note.slice(0, cut + 1);
  const origin = vkey.split("+")[0];
  const key = Buffer.from(vkey.split("+").slice(2).join("+"), "base64"); // 0x01 | 32-byte public key
  const id = sha256(`${origin}\n`, key).subarray(0, 4);
  if (vkey !== `${origin}+${id.toString("hex")}+${key.toString("base64")}` || key[0] !== 1 || key.length !== 33) fail(null, "another key");
  const blobs = [];
  for (const line of note.slice(cut + 2, -1).split("\n")) {
    const [, name, base64] = /^— ([^ +\n]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? fail(null, "malformed signature line");
    const blob = Buffer.from(base64, "base64"); // key id | signature
    if (blob.toString("base64") !== base64) fail(null, "base64 with a second spelling");
    if (name === origin && blob.subarray(0, 4).equals(id)) blobs.push(blob.subarray(4));
  }
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.subarray(1)]);
  const ed25519 = createPublicKey({ key: der, format: "der", type: "spki" });
  if (blobs.length === 0) fail(null, "not signed by this key");
  if (!blobs.every((one) => verify(null, Buffer.from(text), ed25519, one))) fail(null, "bad signature");
  return text;
}

function keysOf(leaves, first, upTo) { // the log's keys, and those that sign a checkpoint of `upTo` entries
  const chain = [first];
  let overlap = false;
  const hashes = leaves.map(leafHash);
  leaves.slice(0, upTo - 1).forEach((leaf, index) => { // a key takes effect behind its entry
    if (!/"predicateType":"https:\/\/selfproof\.dev\/key(-end)?\/v1"/.test(leaf)) return;
    const { predicate, predicateType } = JSON.parse(leaf);
    if (predicateType.endsWith("/key-end/v1")) {
      if (!overlap || predicate.vkey !== chain.at(-2)) fail(index, "the end of a key that does not sign along");
      overlap = false;
    } else if (predicateType.endsWith("/key/v1")) {
      const name = first.split("+")[0];
      const root = merkleRoot(hashes.slice(0, index)).toString("base64");
      const text = `selfproof.dev/key/v1\n${name}\n${index}\n${root}\n${predicate.vkey}\n`;
      if (overlap || chain.includes(predicate.vkey) || predicate.vkey.split("+")[0] !== name) fail(index, "not a key that may follow");
      for (const key of [predicate.vkey, chain.at(-1)]) if (textSigned(predicate.note, key) !== text) fail(index, "a new key that is about something else");
      chain.push(predicate.vkey);
      overlap = true;
    }
  });
  return { chain, inForce: overlap ? [chain.at(-1), chain.at(-2)] : [chain.at(-1)] };
}

function* references(value) { // {"$blob": "HEX"}, anywhere inside
  if (value === null || typeof value !== "object") return;
  if (typeof value.$blob === "string") yield value.$blob;
  else for (const item of Object.values(value)) yield* references(item);
}

function checkTexts(folder, entries) { // {"$commit": HEX}: the text's opening is there, or an entry says that it is gone
  const committed = new Map(), redacted = new Set();
  entries.forEach(({ predicate, predicateType }, index) => {
    for (const value of Object.values(predicate)) if (typeof value?.$commit === "string") committed.set(value.$commit, index);
    if (predicateType.endsWith("/redact/v1")) redacted.add(predicate.commit);
  });
  for (const [digest, index] of committed) {
    const path = `${folder}/openings/${digest}`;
    if (!/^[0-9a-f]{64}$/.test(digest)) fail(index, "a malformed commitment");
    if (!existsSync(path)) { if (!redacted.has(digest)) fail(index, `the text of commitment ${digest} is gone`); continue; }
    if (sha256("selfproof.dev/commit/v1\0", readFileSync(path)).toString("hex") !== digest) fail(index, `opening ${digest} was altered`);
  }
  for (const name of existsSync(`${folder}/openings`) ? readdirSync(`${folder}/openings`) : []) if (!committed.has(name)) fail(null, `openings/${name} does not belong there`);
}

function letGo(entries, size) { // blobs of candidates that a signed entry says were let go; nothing else may refer to them
  const gone = new Map();
  entries.slice(0, size).forEach(({ predicate, predicateType }, index) => {
    if (!predicateType.endsWith("/retention/v1")) return;
    for (const { entry, blob } of predicate.batches) {
      const named = entry < index ? entries[entry] : undefined;
      if (!named?.predicateType.endsWith("/propose/v1") || named.predicate.candidates?.$blob !== blob) fail(index, `blob ${blob} may not be let go`);
      gone.set(blob, index);
    }
  });
  entries.forEach(({ predicate, predicateType }, index) => {
    if (gone.size === 0 || predicateType.endsWith("/propose/v1")) return;
    for (const digest of references(predicate)) if (gone.has(digest)) fail(Math.max(index, gone.get(digest)), `blob ${digest} may not be let go: entry ${index} rests on it`);
  });
  return gone;
}

function checkEntries(folder, leaves, size) {
  const known = new Set(), entries = [];
  for (const [index, leaf] of leaves.entries()) {
    try { entries.push(JSON.parse(leaf)); } catch { fail(index, "not JSON"); }
    if (entries[index]._type !== "https://in-toto.io/Statement/v1") fail(index, "not an in-toto Statement");
  }
  const gone = letGo(entries, size);
  entries.forEach((entry, index) => {
    for (const digest of references(entry.predicate)) {
      if (known.has(digest)) continue;
      const path = `${folder}/blobs/sha256/${digest.slice(0, 2)}/${digest}`;
      if (gone.has(digest) && !existsSync(path)) continue;
      if (!/^[0-9a-f]{64}$/.test(digest) || !existsSync(path)) fail(index, `blob ${digest} is missing`);
      if (sha256(readFileSync(path)).toString("hex") !== digest) fail(index, `blob ${digest} was altered`);
      known.add(digest);
    }
  });
  checkTexts(folder, entries);
  return { blobs: known.size, let_go: gone.size };
}

function checkFolder(folder, given) {
  const note = readFileSync(`${folder}/checkpoint`, "utf8");
  const size = Number(note.split("\n")[1]);
  if (!(size > 0)) fail(null, "not a checkpoint, or of no entry");
  const ledger = existsSync(`${folder}/log`);
  const leaves = ledger ? framed(readFileSync(`${folder}/log`), size) : bundled(folder, size);
  const vkey = JSON.parse(leaves[0]).predicate.vkey;
  if (readFileSync(`${folder}/vkey`, "utf8") !== `${vkey}\n`) fail(null, "vkey is not the genesis entry's key");
  const { chain, inForce } = keysOf(leaves, vkey, size);
  if (given !== null && !chain.includes(given)) fail(null, "signed by another key than the one given");
  const [{ root }] = inForce.map((key) => signedBy(note, key));
  if (note.slice(note.lastIndexOf("\n\n") + 2).split("\n").length !== inForce.length + 1) fail(null, "more signatures than keys in force");
  const hashes = leaves.slice(0, size).map(leafHash);
  const computed = merkleRoot(hashes);
  if (computed.toString("base64") !== root) fail(null, "entries do not hash to the signed root");
  if (!ledger) checkTiles(folder, hashes);
  const { blobs, let_go } = checkEntries(folder, leaves, size);
  const compared = given === null ? "with none: only a key from elsewhere says whose log this is" : "with the one given";
  return { ok: true, signed: size, root: computed.toString("hex"), unsigned_tail: leaves.length - size, blobs, let_go, key: compared };
}

function checkProof(file, given) {
  const text = readFileSync(file, "utf8");
  const cut = text.indexOf("\n\n");
  const lines = text.slice(0, Math.max(0, cut)).split("\n");
  if (lines.shift() !== "c2sp.org/tlog-proof@v1") fail(null, "neither a folder nor a proof");
  if (given === null) fail(null, "a proof needs --key: the log's key, as its owner gave it to you");
  const extra = lines[0]?.startsWith("extra ") ? Buffer.from(lines.shift().slice(6), "base64") : fail(null, "the proof holds no entry");
  const [, index] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "") ?? fail(null, "a proof without an index");
  const path = lines.map((line) => Buffer.from(line, "base64"));
  if (path.length > 63 || path.some((one) => one.length !== 32)) fail(null, "a malformed proof");
  const { origin, size, root } = signedBy(text.slice(cut + 2), given);
  if (pathRoot(+index, size, leafHash(extra), path).toString("base64") !== root) fail(+index, "the entry is not in the signed log at that place");
  return { ok: true, origin, index: +index, signed: size, entry: JSON.parse(extra) };
}

function main(path, flag, key) {
  if (path === undefined || (flag !== undefined && (flag !== "--key" || key === undefined))) fail(null, "usage: node verify.mjs PATH [--key VKEY|FILE]");
  const given = key === undefined ? null : (existsSync(key) ? readFileSync(key, "utf8") : key).trim();
  return statSync(path).isDirectory() ? checkFolder(path, given) : checkProof(path, given);
}

try { console.log(JSON.stringify(main(...process.argv.slice(2)))); } catch (error) {
  console.log(JSON.stringify({ ok: false, first_bad: { index: error.index ?? null, reason: error.message } }));
  process.exitCode = 4;
}
