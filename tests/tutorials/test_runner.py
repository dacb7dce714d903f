"""The runner of tutorials: a page that does not do what it says is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
import runner

GOOD = """# A page

```python
# FILE: part/a.py
print("three words here")
```

<!-- $ echo hidden > unseen.txt -->

```console
$ python part/a.py
three   (what a reader sees is not compared)
# -> three words
# -> three ... here
$ cat unseen.txt \\
>   part/a.py
# -> hidden print
$ exit 3
# -> exit 3
```

```python
from pathlib import Path
assert Path("part/a.py").exists()
```
"""


def page(folder: Path, text: str) -> Path:
    (folder / "page.md").write_text(text)
    return folder / "page.md"


def test_a_page_is_done_in_order(tmp_path: Path) -> None:
    assert runner.run(page(tmp_path, GOOD), tmp_path / "scratch") == 6
    assert (tmp_path / "scratch" / "work" / "part" / "a.py").read_text() == 'print("three words here")\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# -> three words", "# -> four words", "did not print: four words"),
        ("three ... here", "here ... three", "did not print"),
        ("# -> exit 3", "# -> exit 4", "ended with 3"),
        ("$ exit 3\n# -> exit 3", "$ false", "ended with 1"),
        ("$ exit 3", "$ false | true", "ended with 1"),
        ('assert Path("part/a.py")', 'assert Path("nowhere.py")', "AssertionError"),
        ("echo hidden", "no-such-command", "ended with 127"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(runner.TutorialFailed, match=said):
        runner.run(page(tmp_path, GOOD.replace(old, new)), tmp_path / "scratch")


def test_what_is_missing_is_named() -> None:
    assert runner.needed("<!-- needs: git -->\n<!-- needs: no-such-program -->\n") == ["no-such-program"]
