"""Witnesses: cosignatures, proof files, every answer of the protocol, and two histories that two witnesses catch."""

from __future__ import annotations

import base64
import contextlib
import http.client
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from selfproof.ledger.cosignature import Cosigner, CosignerKey, accepted_lines, cosigned
from selfproof.ledger.errors import LedgerBroken, LedgerBusy
from selfproof.ledger.hashes import Hashes
from selfproof.ledger.merkle import leaf_hash
from selfproof.ledger.note import Checkpoint, Signer, sign_note
from selfproof.ledger.proof_file import Proof, proven
from selfproof.ledger.witness import SIZE_TYPE, Request, Witness
from selfproof.ledger.witness_http import LARGEST, Asked, Server, WitnessRefused, cosign

LOG = Signer("selfproof.local/demo", bytes(range(32)))
KEY = CosignerKey("witness.example/w1", bytes(32))
RAW = [f"entry {i}".encode() for i in range(40)]
TREE = Hashes(map(leaf_hash, RAW))
OTHER = Hashes(leaf_hash(b"rewritten" if i == 3 else raw) for i, raw in enumerate(RAW))


def note(size: int, tree: Hashes = TREE, signer: Signer = LOG) -> bytes:
    return sign_note(Checkpoint(signer.name, size, tree.root(size)).text, signer)


# -- cosignatures ------------------------------------------------------------------------------------------------------


def test_a_cosignature_is_for_one_note_one_key_and_one_time() -> None:
    whole = note(7)
    text = whole.decode().rpartition("\n\n")[0] + "\n"
    line = KEY.line(text, 1679315147).encode()
    assert cosigned(whole + line, [KEY.cosigner]) == {KEY.cosigner.vkey: 1679315147}
    assert cosigned(note(8) + line, [KEY.cosigner]) == {}
    assert cosigned(whole + line, [replace(KEY.cosigner, name="witness.example/w2")]) == {}
    assert cosigned(whole + line, [CosignerKey(KEY.name, bytes([1] * 32)).cosigner]) == {}
    assert cosigned(whole, [KEY.cosigner]) == {}
    assert cosigned(whole + line.replace(line.split()[2][:8], b"AAAAAAAA"), [KEY.cosigner]) == {}
    assert Cosigner.parse(KEY.cosigner.vkey) == KEY.cosigner
    for wrong in (LOG.verifier.vkey, KEY.cosigner.vkey[:-1], "x"):
        with pytest.raises(ValueError):
            Cosigner.parse(wrong)


@given(st.integers(0), st.integers(1, 255))
def test_any_changed_byte_of_a_cosignature_is_noticed(position: int, mask: int) -> None:
    whole = note(7)
    line = bytearray(KEY.line(whole.decode().rpartition("\n\n")[0] + "\n", 1679315147).encode())
    line[position % len(line)] ^= mask
    with contextlib.suppress(ValueError):
        assert cosigned(whole + bytes(line), [KEY.cosigner]) == {}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_agrees_on_what_a_cosignature_signs(tmp_path: Path) -> None:
    text = note(7).decode().rpartition("\n\n")[0] + "\n"
    signed = base64.b64decode(KEY.line(text, 1700000000).split()[2])
    public = Ed25519PublicKey.from_public_bytes(KEY.cosigner.public)
    (tmp_path / "key.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "sig").write_bytes(signed[12:])
    (tmp_path / "text").write_text(f"cosignature/v1\ntime 1700000000\n{text}")
    assert signed[4:12] == (1700000000).to_bytes(8, "big")
    command = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile sig"
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode == 0


# -- proof files -------------------------------------------------------------------------------------------------------


def test_a_proof_needs_nothing_but_the_key() -> None:
    whole = note(40)
    whole += KEY.line(whole.decode().rpartition("\n\n")[0] + "\n", 5).encode()
    proof = Proof(11, tuple(TREE.inclusion(11, 40)), whole, RAW[11])
    read = Proof.parse(proof.text)
    assert read == proof and proof.text.startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    found = proven(read, LOG.verifier, cosigners=[KEY.cosigner])
    assert (found.index, found.entry, found.checkpoint.size) == (11, RAW[11], 40)
    assert found.witnesses == {KEY.cosigner.vkey: 5}
    bare = Proof.parse(replace(proof, extra=b"").text)
    assert proven(bare, LOG.verifier, entry=RAW[11]).witnesses == {}
    with pytest.raises(ValueError, match="does not hold its entry"):
        proven(bare, LOG.verifier)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p: replace(p, index=12),
        lambda p: replace(p, extra=RAW[12]),
        lambda p: replace(p, path=p.path[:-1]),
        lambda p: replace(p, path=(*p.path, bytes(32))),
        lambda p: replace(p, note=note(39)),
        lambda p: replace(p, note=note(40, OTHER)),
        lambda p: replace(p, note=note(40, TREE, Signer(LOG.name, bytes(32)))),
    ],
    ids=["index", "entry", "shorter", "longer", "another size", "another history", "another key"],
)
def test_a_wrong_proof_is_refused(wrong: Callable[[Proof], Proof]) -> None:
    with pytest.raises(ValueError):
        proven(wrong(Proof(11, tuple(TREE.inclusion(11, 40)), note(40), RAW[11])), LOG.verifier)


@pytest.mark.parametrize("text", ["", "2\nindex 1\n\nx", "1\n\nx", "1\nindex 01\n\nx", "1\nindex 1\nAAAA\n\nx"])
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Proof.parse(f"c2sp.org/tlog-proof@v{text}".encode() if text else b"")


# -- the witness -------------------------------------------------------------------------------------------------------


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    made = Witness(tmp_path / "w", "witness.example/w1", clock=lambda: 1_700_000_000.9)
    made.trust(LOG.verifier.vkey)
    yield made
    made.close()


def ask(
    witness: Witness, old: int, size: int, tree: Hashes = TREE, proof: list[bytes] | None = None
) -> tuple[int, str]:
    path = tree.consistency(old, size) if proof is None and old <= size else proof or []
    answer = witness.add(Request(old, tuple(path), note(size, tree)).body)
    return answer.status, answer.body


def test_only_extensions_are_cosigned(witness: Witness) -> None:
    for old, size in ((0, 5), (5, 5), (5, 40)):
        status, line = ask(witness, old, size)
        assert status == 200 and cosigned(note(size) + line.encode(), [witness.key.cosigner]) == {
            witness.key.cosigner.vkey: 1_700_000_000
        }
        last = witness.last(LOG.name)
        assert last is not None and (last.size, last.root) == (size, TREE.root(size))
    assert ask(witness, 40, 39)[0] == 400, "smaller than it says it was"
    assert ask(witness, 39, 40) == (409, "40\n")
    assert ask(witness, 0, 40) == (409, "40\n")
    assert ask(witness, 40, 40, OTHER) == (409, "40\n"), "another tree of the same size"


def test_another_history_is_not_cosigned(witness: Witness) -> None:
    assert ask(witness, 0, 5)[0] == 200
    assert ask(witness, 5, 40, OTHER)[0] == 422
    assert ask(witness, 5, 40, TREE, TREE.consistency(6, 40))[0] == 422
    assert ask(witness, 5, 40, TREE, [])[0] == 422
    last = witness.last(LOG.name)
    assert last is not None and last.size == 5, "what was refused is not remembered"
    assert ask(witness, 5, 40)[0] == 200


def test_every_other_answer_of_the_protocol(witness: Witness) -> None:
    stranger = Signer("stranger.example/log", bytes(32))
    assert witness.add(Request(0, (), note(5, TREE, stranger)).body).status == 404
    assert witness.add(Request(0, (), note(5, TREE, Signer(LOG.name, bytes(32)))).body).status == 403
    assert ask(witness, 0, 5, TREE, [bytes(32)])[0] == 422, "a proof from nothing is empty"
    conflict = witness.add(Request(3, (), note(5)).body)
    assert (conflict.status, conflict.type) == (409, SIZE_TYPE)
    for body in (b"", b"old 0\n", b"old -1\n\n" + note(5), b"old 01\n\n" + note(5), b"old 0\n!\n\n" + note(5),
                 b"old 0\n" + b"AAAA\n" + b"\n" + note(5), b"old 0\n\nno note", b"\xff\n\n" + note(5),
                 Request(0, (bytes(32),) * 64, note(5)).body):  # fmt: skip
        assert witness.add(body).status == 400, body[:40]


def test_a_witness_that_starts_again_remembers(witness: Witness, tmp_path: Path) -> None:
    assert ask(witness, 0, 5)[0] == 200
    with pytest.raises(LedgerBusy):
        Witness(tmp_path / "w", "witness.example/w1")
    witness.close()
    again = Witness(tmp_path / "w", "witness.example/w1")
    try:
        assert again.key == witness.key and ask(again, 0, 5, OTHER) == (409, "5\n")
        again.trust(LOG.verifier.vkey)
        assert again.last(LOG.name) == Checkpoint(LOG.name, 5, TREE.root(5)), "trusting it again forgets nothing"
        with pytest.raises(ValueError, match="another key"):
            again.trust(Signer(LOG.name, bytes(32)).verifier.vkey)
        (place,) = (tmp_path / "w").glob("*.json")
        place.write_text(place.read_text()[:-9])
        with pytest.raises(LedgerBroken, match="damaged"):
            ask(again, 5, 40)
    finally:
        again.close()
        witness._lock = -1
        witness.close = lambda: None  # type: ignore[method-assign]


# -- over HTTP ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[Asked]]:
    """Two witnesses of the log, served on this machine."""
    servers, asked = [], []
    for number in (1, 2):
        witness = Witness(tmp_path / f"w{number}", f"witness.example/w{number}")
        witness.trust(LOG.verifier.vkey)
        server = Server(("127.0.0.1", 0), witness)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        asked.append(Asked(f"http://127.0.0.1:{server.server_port}", witness.key.cosigner))
    yield asked
    for server in servers:
        server.shutdown()
        server.server_close()
        server.witness.close()


def test_two_witnesses_catch_two_histories(two: list[Asked]) -> None:
    """A log that shows one history to one witness and another to the other cannot get both names on either."""
    first, second = two
    for size in (5, 5, 40):
        assert cosign(first, LOG.verifier, note(size), TREE.consistency)
    assert cosign(second, LOG.verifier, note(6, OTHER), OTHER.consistency)
    with pytest.raises(WitnessRefused, match="w2 refuses") as split:
        cosign(second, LOG.verifier, note(40), TREE.consistency)
    assert split.value.conflict and split.value.exit_code == 4
    with pytest.raises(WitnessRefused, match="w1 has seen 40 entries") as rewritten:
        cosign(first, LOG.verifier, note(40, OTHER), OTHER.consistency)
    assert rewritten.value.conflict
    with pytest.raises(WitnessRefused, match="w1 has seen 40 entries"):
        cosign(first, LOG.verifier, note(39), TREE.consistency)


def test_what_a_witness_answers_is_checked(two: list[Asked]) -> None:
    wrong = replace(two[0], cosigner=two[1].cosigner)
    with pytest.raises(OSError, match=r"no signature by witness\.example/w2"):
        cosign(wrong, LOG.verifier, note(5), TREE.consistency)
    stranger = Signer("stranger.example/log", bytes(32))
    with pytest.raises(WitnessRefused, match="does not know that log") as unknown:
        cosign(two[0], stranger.verifier, note(5, TREE, stranger), TREE.consistency)
    assert not unknown.value.conflict
    with pytest.raises(ValueError, match="nothing else"):
        accepted_lines(b"hello\n", note(5), [KEY.cosigner])
    with pytest.raises(OSError):
        cosign(replace(two[0], url="http://127.0.0.1:1"), LOG.verifier, note(5), TREE.consistency)


def test_the_server_bounds_what_it_reads(two: list[Asked]) -> None:
    address = two[0].url.removeprefix("http://")

    def status(method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.putrequest(method, path)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    assert status("GET", "/") == (200, f"{two[0].cosigner.vkey}\n".encode())
    assert status("GET", "/key")[0] == 404 and status("POST", "/other")[0] == 404
    assert status("POST", "/add-checkpoint", {"Content-Length": str(LARGEST + 1)})[0] == 413
    assert status("POST", "/add-checkpoint", {"Content-Length": "-1"})[0] == 413
    assert status("POST", "/add-checkpoint")[0] == 413
