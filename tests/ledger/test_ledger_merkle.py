import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.ledger.merkle import EMPTY_ROOT, Tree, leaf_hash
from selfproof.ledger.proofs import (
    consistency_proof,
    inclusion_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The test tree of the Certificate Transparency reference code.
DATA = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [leaf_hash(bytes.fromhex(d)) for d in DATA]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_empty_tree():
    assert Tree().root == EMPTY_ROOT == root_of([])
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_reference_roots(size):
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_reference_inclusion_proofs():
    assert [h.hex() for h in inclusion_proof(LEAVES, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [h.hex() for h in inclusion_proof(LEAVES, 5)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        ROOTS[3],
    ]


def test_reference_consistency_proof():
    assert [h.hex() for h in consistency_proof(LEAVES, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        ROOTS[3],
    ]


def hashes(n):
    return [leaf_hash(str(i).encode()) for i in range(n)]


sizes = st.integers(1, 70)


@given(sizes, st.data())
def test_every_leaf_has_a_proof_and_only_for_its_place(size, data):
    leaves, index = hashes(size), data.draw(st.integers(0, size - 1))
    proof, root = inclusion_proof(leaves, index), root_of(leaves)
    assert verify_inclusion(index, size, leaves[index], proof, root)
    other = data.draw(st.integers(0, size - 1))
    assert verify_inclusion(other, size, leaves[index], proof, root) == (other == index)
    assert not verify_inclusion(index, size, leaf_hash(b"other"), proof, root)
    assert not verify_inclusion(index, size, leaves[index], [*proof, root], root)
    assert not verify_inclusion(size, size, leaves[index], proof, root)
    if proof:
        assert not verify_inclusion(index, size, leaves[index], proof[:-1], root)


@given(sizes, st.data())
def test_a_prefix_is_consistent_and_a_rewrite_is_not(size, data):
    leaves, old_size = hashes(size), data.draw(st.integers(1, size))
    old, new = (old_size, root_of(leaves[:old_size])), (size, root_of(leaves))
    proof = consistency_proof(leaves, old_size)
    assert verify_consistency(old, new, proof)
    forged = [*leaves]
    forged[data.draw(st.integers(0, old_size - 1))] = leaf_hash(b"rewritten")
    assert not verify_consistency(old, (size, root_of(forged)), consistency_proof(forged, old_size))
    assert not verify_consistency((old_size, leaf_hash(b"x")), new, proof)
    assert not verify_consistency(old, new, [*proof, new[1]])
    assert not verify_consistency(new, (size - 1, new[1]), proof)
    if proof:
        assert not verify_consistency(old, new, proof[1:])


def test_everything_extends_the_empty_tree():
    assert verify_consistency((0, EMPTY_ROOT), (8, root_of(LEAVES)), consistency_proof(LEAVES, 0))
    assert not verify_consistency((0, LEAVES[0]), (8, root_of(LEAVES)), [])


def test_no_such_leaf():
    with pytest.raises(IndexError, match="leaf 8"):
        inclusion_proof(LEAVES, 8)
    with pytest.raises(IndexError, match="old size 9"):
        consistency_proof(LEAVES, 9)


def test_a_proof_that_is_too_short_for_the_claimed_size():
    leaf = LEAVES[0]
    assert not verify_inclusion(0, 2, leaf, [], leaf)
    pair = root_of(LEAVES[:2])
    assert not verify_consistency((2, pair), (5, pair), [])
    assert not verify_consistency((3, pair), (5, pair), [])
