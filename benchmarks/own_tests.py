"""Python's own tests on a standard library that every rewrite has been applied to: ``python benchmarks/own_tests.py``.

Each function and method of the library's modules gets all rewrites that need no purity (`operators.speed.STAGES`), hot
or not: thousands of functions that nobody chose, with tests that nobody here wrote. The same tests run on an unchanged
copy in the same kind of place, so that what fails because of the place, or always, is not counted. What fails on the
rewritten copy alone is shown; of a test that compares a module's source text that is to be expected.

Needs a Python whose library has its `test` package (distributions often leave it out). Takes some twenty minutes; it
times nothing, so the machine may be busy.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from selfproof.operators.speed import STAGES, rewritten

LIBRARY = Path(os.path.realpath(sysconfig.get_path("stdlib")))
LEFT_OUT = {"test", "site-packages", "dist-packages", "lib2to3", "idlelib", "tkinter", "turtledemo", "ensurepip"}
LARGEST = 150_000  # characters of a module
TESTS = """
test_argparse test_ast test_base64 test_bisect test_calendar test_cmd test_code test_codecs test_colorsys
test_compileall test_configparser test_copy test_copyreg test_csv test_dataclasses test_datetime test_decimal
test_difflib test_dis test_doctest test_email test_enum test_filecmp test_fnmatch test_fractions test_ftplib
test_functools test_getopt test_gettext test_glob test_graphlib test_heapq test_html test_htmlparser
test_http_cookiejar test_http_cookies test_httplib test_imaplib test_inspect test_ipaddress test_json test_keyword
test_linecache test_locale test_logging test_mailbox test_mailcap test_mimetypes test_minidom test_ntpath
test_optparse test_pathlib test_pickletools test_plistlib test_poplib test_posixpath test_pprint test_profile
test_pyclbr test_pydoc test_py_compile test_quopri test_random test_re test_reprlib test_runpy test_sax test_secrets
test_shelve test_shlex test_shutil test_smtplib test_sndhdr test_socketserver test_statistics test_string
test_stringprep test_tabnanny test_tarfile test_telnetlib test_tempfile test_textwrap test_timeit test_tokenize
test_tomllib test_trace test_traceback test_types test_typing test_unittest test_urllib test_urlparse test_uuid
test_warnings test_wave test_wsgiref test_xml_etree test_xmlrpc test_zipfile test_zoneinfo
"""
FAILED = re.compile(r"^(?:FAIL|ERROR): (\S+ \(\S+\))", re.MULTILINE)


def modules() -> Iterator[Path]:
    """The library's modules, below its folder."""
    for path in sorted(LIBRARY.rglob("*.py")):
        relative = path.relative_to(LIBRARY)
        if relative.parts[0] not in LEFT_OUT and "__pycache__" not in relative.parts:
            yield relative


def places(source: str) -> list[str]:
    """Every function and method of a module, "name" or "Class.name"."""
    found: list[str] = []
    pending: list[tuple[ast.AST, str]] = [(ast.parse(source), "")]
    while pending:
        node, prefix = pending.pop()
        for item in getattr(node, "body", []):
            if isinstance(item, ast.FunctionDef):
                found.append(prefix + item.name)
            elif isinstance(item, ast.ClassDef):
                pending.append((item, f"{prefix}{item.name}."))
    return found


def copy_of(folder: Path, rewrite: bool) -> tuple[int, int]:
    """Copy the modules into a folder, rewritten or not; returns how many were changed, and how many rewrites."""
    kinds = [kind for stage in STAGES for kind in stage]
    changed = rewrites = 0
    for relative in modules():
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(LIBRARY / relative, target)
        try:
            source = target.read_text("utf-8")
            text, titles = (
                rewritten(source, places(source), kinds) if rewrite and len(source) < LARGEST else (source, [])
            )
        except (SyntaxError, UnicodeDecodeError):  # a module that is a test of such modules
            continue
        if text != source:
            target.write_text(text, "utf-8")
            changed, rewrites = changed + 1, rewrites + len(titles)
    return changed, rewrites


def tested(folder: Path, tests: list[str]) -> tuple[set[str], int]:
    """Tests that fail where the library is the one in a folder, and how many ran."""
    words = [sys.executable, "-m", "test", "-u", "none", "-W", "--timeout", "300", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    ran = re.search(r"Total tests: run=([\d,]+)", done.stdout) or re.search(r"run=([\d,]+)", done.stdout)
    return set(FAILED.findall(done.stdout + done.stderr)), int(ran[1].replace(",", "")) if ran else 0


def main() -> int:
    """Make both copies, test both, print what differs; 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="names of test modules, such as test_textwrap")
    options = parser.parse_args()
    have = {path.stem for path in (LIBRARY / "test").glob("test_*")}
    tests = [name for name in options.only or TESTS.split() if name in have]
    if not tests:
        print(f"{sys.executable} comes without its tests: nothing was run")
        return 0
    with tempfile.TemporaryDirectory(prefix="own-tests-") as name:
        began = time.monotonic()
        same, other = Path(name) / "same", Path(name) / "rewritten"
        copy_of(same, rewrite=False)
        changed, rewrites = copy_of(other, rewrite=True)
        print(f"{rewrites} rewrites in {changed} modules, {time.monotonic() - began:.0f} s", flush=True)
        before, ran = tested(same, tests)
        print(f"unchanged: {ran:,} tests of {len(tests)} modules, {len(before)} fail for other reasons", flush=True)
        after, ran = tested(other, tests)
    print(f"rewritten: {ran:,} tests of {len(tests)} modules, {len(after - before)} fail that did not")
    for test in sorted(after - before):
        print(f"  {test}")
    return bool(after - before)


if __name__ == "__main__":
    sys.exit(main())
