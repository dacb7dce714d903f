// Second verifier of a selfproof ledger, sharing no code with the first: node verify.mjs LEDGER_FOLDER
// Checks frames, Merkle root (RFC 6962), key (genesis = vkey), checkpoint signature (C2SP); not blobs or bodies.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const sha256 = (...data) => data.reduce((h, d) => h.update(d), createHash("sha256")).digest();
const node = (left, right) => sha256(Buffer.of(1), left, right);
const fail = (index, reason) => { throw Object.assign(new Error(reason), { index }); };
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});
const crc32 = (data) => ~data.reduce((crc, byte) => TABLE[(crc ^ byte) & 255] ^ (crc >>> 8), ~0) >>> 0;

function readLeaves(log, signed) {
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

function merkleRoot(hashes) {
  if (hashes.length === 1) return hashes[0];
  const split = 2 ** Math.floor(Math.log2(hashes.length - 1));
  return node(merkleRoot(hashes.slice(0, split)), merkleRoot(hashes.slice(split)));
}

function main(folder) {
  const note = readFileSync(`${folder}/checkpoint`, "utf8");
  const parts = /^([^]*\n)\n— ([^ +\n]+) ([A-Za-z0-9+/=]+)\n$/.exec(note);
  const [, text, name, signature] = parts ?? fail(null, "not a signed note");
  const [origin, size, root] = text.split("\n");
  const leaves = readLeaves(readFileSync(`${folder}/log`), Number(size));
  const vkey = JSON.parse(leaves[0]).predicate.vkey;
  if (readFileSync(`${folder}/vkey`, "utf8") !== `${vkey}\n`) fail(null, "vkey is not the genesis entry's key");
  const key = Buffer.from(vkey.split("+").slice(2).join("+"), "base64"); // 0x01 | 32-byte public key
  const id = sha256(`${origin}\n`, key).subarray(0, 4);
  const blob = Buffer.from(signature, "base64"); // key id | signature
  if (vkey !== `${origin}+${id.toString("hex")}+${key.toString("base64")}` || key[0] !== 1 || name !== origin
    || !id.equals(blob.subarray(0, 4)) || blob.toString("base64") !== signature) fail(null, "another key");
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.subarray(1)]);
  const ed25519 = createPublicKey({ key: der, format: "der", type: "spki" });
  if (!verify(null, Buffer.from(text), ed25519, blob.subarray(4))) fail(null, "bad signature");
  const computed = merkleRoot(leaves.slice(0, +size).map((leaf) => sha256(Buffer.of(0), leaf)));
  if (computed.toString("base64") !== root) fail(null, "entries do not hash to the signed root");
  return { ok: true, signed: +size, root: computed.toString("hex"), unsigned_tail: leaves.length - size };
}

try { console.log(JSON.stringify(main(process.argv[2]))); } catch (error) {
  console.log(JSON.stringify({ ok: false, first_bad: { index: error.index ?? null, reason: error.message } }));
  process.exitCode = 4;
}
