"""The files that a function's module needs, and the function itself, found by reading alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfproof.nouns import UsageError
from selfproof.projects import closure, inspect, target

FILES = {
    "pyproject.toml": '[project]\nname = "shop"\n',
    "src/shop/__init__.py": "from .orders import total\n",
    "src/shop/orders.py": "from . import prices\nfrom .deep.tax import rate\nimport shop.words as w\n\n\ndef total(x):"
    "\n    import shop.late\n    return x\n\n\nclass Till:\n    def ring(self, x):\n        return x\n",
    "src/shop/prices.py": "import json\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n"
    "    import shop.types_only\n",
    "src/shop/deep/__init__.py": "",
    "src/shop/deep/tax.py": "from .. import rates\nfrom ...nowhere import x\n\nrate = 2\n",
    "src/shop/rates.py": "",
    "src/shop/words.py": "raise RuntimeError('reading a file must not run it')\n",
    "src/shop/late.py": "",
    "src/shop/types_only.py": "",
    "src/shop/unrelated.py": "",
    "token.py": "from shop import prices\n\n\ndef tokenize(x):\n    for a in x:\n"
    "        for b in a:\n            pass\n",
    "scripts/use.py": "if __name__ == '__main__':\n    print('ran')\n",
    "tests/test_it.py": "def test_fast(benchmark):\n    benchmark(len, [])\n",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path.resolve()


def test_the_closure_is_all_that_is_needed_and_nothing_else(shop: Path) -> None:
    found = target.find(shop, "shop.orders:total")
    texts, originals = target.files(shop, found)
    wanted = ["__init__", "orders", "prices", "deep/__init__", "deep/tax", "rates", "words", "late"]
    assert set(texts) == {f"shop/{name}.py" for name in wanted}
    assert texts["shop/orders.py"] == FILES["src/shop/orders.py"]
    assert originals["shop/orders.py"].path == "src/shop/orders.py" and not originals["shop/orders.py"].root


def test_a_function_may_be_named_by_its_file_and_a_method_by_its_class(shop: Path) -> None:
    assert target.find(shop, "src/shop/orders.py:total").source.module == "shop.orders"
    assert target.find(shop, "shop.orders:Till.ring").needs_adapter
    assert not target.find(shop, "shop.orders:total").needs_adapter


def test_a_name_of_python_s_own_is_copied_under_another(shop: Path) -> None:
    found = target.find(shop, "token.py:tokenize")
    texts, originals = target.files(shop, found)
    assert found.place == "copied_token.py:tokenize" and texts["copied_token.py"] == FILES["token.py"]
    assert "shop/prices.py" in texts  # what it needs of the project comes along
    assert originals["copied_token.py"].path == "token.py" and originals["copied_token.py"].grafted


def test_an_installed_module_comes_alone_and_the_way_back_is_known(shop: Path) -> None:
    found = target.find(shop, "json.decoder:JSONDecoder.decode")
    texts, originals = target.files(shop, found)
    assert list(texts) == ["copied_json_decoder.py"]
    original = originals["copied_json_decoder.py"]
    assert (Path(original.root) / original.path).name == "decoder.py" and original.grafted


def test_relative_imports_become_absolute_line_by_line(shop: Path) -> None:
    source = closure.locate(shop, "shop.deep.tax")
    assert source is not None
    text = "from .. import prices  # all\nfrom . import (\n    a,\n)\nif 1:\n    from ..words import b; x = 1\n"
    changed = target.absolute_imports(source, text)
    assert changed == (
        "from shop import prices  # all\nfrom shop.deep import (\n    a,\n)\n"
        "if 1:\n    from shop.words import b; x = 1\n"
    )
    with pytest.raises(UsageError, match="cannot be made absolute"):
        target.absolute_imports(source, "from .... import far\n")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("shop.orders:missing", "defines no function 'missing'"),
        ("shop.orders:Till.missing", "class Till"),
        ("shop.nowhere:f", "no Python file"),
        ("shop.orders", "names no function"),
        ("src/shop/none.py:f", "is no file"),
        ("math:sqrt", "no Python file"),  # compiled
    ],
)
def test_what_cannot_be_found_says_so(shop: Path, place: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        target.find(shop, place)


def test_what_is_in_a_project(shop: Path) -> None:
    found = inspect.project(shop / "src")
    assert found.project == shop
    assert found.functions == ("token:tokenize",)
    assert found.scripts == ("scripts/use.py",)
    assert found.benchmarks == ("tests/test_it.py",)
    assert found.tests.endswith("tests")
