import base64
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from selfproof.ledger.note import Checkpoint, Signer, Verifier, parse_checkpoint, sign_note, verify_note

SIGNER = Signer("selfproof.local/demo", bytes(range(32)))
OTHER = Signer("selfproof.local/demo", bytes(32))
CHECKPOINT = Checkpoint(SIGNER.name, 7, b"r" * 32)

# The example of golang.org/x/mod/sumdb/note: written by another implementation.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    GO_TEXT + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUg"
    "YN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()


def test_reads_and_writes_what_go_does():
    assert verify_note(GO_NOTE, Verifier.parse(GO_VKEY)) == GO_TEXT
    signer = Signer("PeterNeumann", GO_SEED)
    assert signer.verifier.vkey == GO_VKEY
    assert sign_note(GO_TEXT, signer) == GO_NOTE


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_agrees_on_the_signature(tmp_path):
    note = sign_note(CHECKPOINT.text, SIGNER)
    text, _, line = note.decode().rpartition("\n\n")
    key = Ed25519PublicKey.from_public_bytes(SIGNER.verifier.public)
    (tmp_path / "key.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "sig").write_bytes(base64.b64decode(line.split()[2])[4:])

    def openssl(message):
        (tmp_path / "text").write_text(message)
        command = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile sig"
        return subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode

    assert openssl(text + "\n") == 0
    assert openssl(text + "!\n") != 0


def test_checkpoint_round_trip():
    assert parse_checkpoint(sign_note(CHECKPOINT.text, SIGNER), [SIGNER.verifier]) == CHECKPOINT


@given(st.integers(0), st.integers(1, 255))
def test_any_changed_byte_of_a_checkpoint_is_noticed(position, mask):
    note = bytearray(sign_note(CHECKPOINT.text, SIGNER))
    note[position % len(note)] ^= mask
    with pytest.raises(ValueError):
        parse_checkpoint(bytes(note), [SIGNER.verifier])


@given(st.binary(max_size=200))
def test_garbage_is_a_value_error(data):
    with pytest.raises(ValueError):
        verify_note(data, SIGNER.verifier)


def test_signatures_of_strangers_are_passed_over_in_notes_but_not_in_checkpoints():
    note = sign_note(CHECKPOINT.text, SIGNER)
    stranger = sign_note(CHECKPOINT.text, Signer("witness.example", bytes(32)))
    both = note + stranger.rpartition(b"\n\n")[2]
    assert verify_note(both, SIGNER.verifier) == CHECKPOINT.text
    assert verify_note(both, Signer("witness.example", bytes(32)).verifier) == CHECKPOINT.text
    with pytest.raises(ValueError, match="by more than that"):
        parse_checkpoint(both, [SIGNER.verifier])


def test_another_key_of_the_same_name_is_refused():
    with pytest.raises(ValueError, match="no signature by"):
        verify_note(sign_note(CHECKPOINT.text, OTHER), SIGNER.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "other\n7\n{r}\n",
        "{o}\n07\n{r}\n",
        "{o}\n-1\n{r}\n",
        "{o}\n7\ncg==\n",
        "{o}\n7\n{r}\nmore\n",
        "{o}\n7\n",
        "{o}\n\u0667\n{r}\n",
    ],
)
def test_malformed_checkpoints_are_refused_even_if_signed(text):
    text = text.format(o=SIGNER.name, r=base64.b64encode(b"r" * 32).decode())
    with pytest.raises(ValueError):
        parse_checkpoint(sign_note(text, SIGNER), [SIGNER.verifier])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_names_that_a_note_cannot_carry(name):
    with pytest.raises(ValueError, match="key name"):
        Signer(name, bytes(32))


@pytest.mark.parametrize("text", ["no newline", "tab\t\n", "nul\0\n", ""])
def test_texts_that_a_note_cannot_carry(text):
    with pytest.raises(ValueError):
        sign_note(text, SIGNER)


@pytest.mark.parametrize(
    "vkey",
    [GO_VKEY.replace("c7", "c8"), GO_VKEY[:-4], GO_VKEY + "\n", "", "a+b", GO_VKEY.replace("+AR", "+Ag")],
)
def test_malformed_vkeys(vkey):
    with pytest.raises(ValueError):
        Verifier.parse(vkey)


def test_the_secret_is_not_printed():
    assert SIGNER.seed.hex() not in repr(SIGNER) and str(SIGNER.seed) not in repr(SIGNER)


def test_a_second_spelling_of_the_signature_is_refused():
    note = sign_note(CHECKPOINT.text, SIGNER)
    assert note.endswith(b"=\n")
    last = chr(note[-3])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(last) ^ 1]  # differs in bits that base64 drops
    with pytest.raises(ValueError, match="second spelling"):
        verify_note(note[:-3] + other.encode() + b"=\n", SIGNER.verifier)
