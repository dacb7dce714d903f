"""A user's project with slow code, as a git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

ORDERS = '''"""What customers ordered."""

from .words import plain


def unknown_items(orders, catalogue):
    """Items that were ordered but are in no catalogue."""
    missing = []
    for order in orders:
        for item in order:
            if item not in catalogue and item not in missing:
                missing.append(item)
    return missing


def titles(words):
    """Words as titles."""
    return [plain(word).title() for word in words]


class Till:
    """Takes money."""

    def __init__(self, rate):
        self.rate = rate

    def ring(self, prices, *, tip=0):
        """What is to be paid."""
        total = tip
        for price in prices:
            total += price * self.rate
        return total


def paid(till, prices):
    """By way of a till."""
    return till.ring(prices)


def counted(n: int):
    """A generator."""
    for number in range(n):
        yield number * number


async def waited(n: int) -> int:
    """A coroutine that waits for nothing outside."""
    return sum(range(n))


def chance(n: int) -> float:
    """Never the same."""
    import time

    return time.perf_counter_ns() + n


def opened(name: str) -> str:
    """Reads what is not in the jail."""
    return open(name).read()


def locked(lock):
    """Takes what cannot be sent."""
    return lock.locked()


def fast(items: list[int]) -> int:
    """Nothing to be found here."""
    return len(items)
'''
WORDS = '''"""Words."""


def plain(word):
    """Without spaces around it."""
    return word.strip()
'''
TEST = """import asyncio
import random
import threading

import pytest

from shop.orders import Till, chance, counted, locked, opened, paid, unknown_items, waited


@pytest.mark.parametrize("seed", range(12))
def test_orders(seed, tmp_path):
    rng = random.Random(seed)
    catalogue = [f"item-{number}" for number in rng.sample(range(2000), 700)]
    orders = [[f"item-{rng.randrange(2000)}" for _ in range(5)] for _ in range(60)]
    assert unknown_items(orders, catalogue=catalogue)
    prices = [rng.randrange(100) for _ in range(2000 + seed)]
    assert paid(Till(2), prices) == Till(2).ring(prices) == 2 * sum(prices)
    assert Till(3).ring(prices, tip=5) == 3 * sum(prices) + 5
    assert len(list(counted(3000 + seed))) == 3000 + seed
    assert asyncio.run(waited(2000 + seed)) > 0
    assert chance(seed) > 0
    (tmp_path / "a").write_text("a")
    assert opened(str(tmp_path / "a")) == "a"
    assert locked(threading.Lock()) is False
"""
USE = """import asyncio

from shop.orders import Till, counted, paid, waited

for number in range(24):
    prices = [7 * n % 100 for n in range(2000 + number)]
    paid(Till(2), prices)
    Till(3).ring(prices, tip=5)
    list(counted(3000 + number))
    asyncio.run(waited(2000 + number))
"""
FILES = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n', "src/shop/__init__.py": "",
    "src/shop/orders.py": ORDERS, "src/shop/words.py": WORDS, "tests/test_orders.py": TEST,
    "use.py": USE, "AGENTS.md": "Keep it readable.\n",
}  # fmt: skip


def git(folder: Path, *words: str) -> str:
    """Run git as a user with a name of his own."""
    settings = ["-c", "user.name=User", "-c", "user.email=user@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", "-C", str(folder), *settings, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def written(folder: Path, files: dict[str, str] = FILES) -> Path:
    """A project as a git repository with one commit."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder
