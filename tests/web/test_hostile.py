"""What a program, a model or a person wrote is shown, never run: on a sound ledger full of markup and turning marks."""

from __future__ import annotations

import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from visiting import Visitor

from selfproof.monitoring.feed import line_of

sys.path.insert(0, str(Path(__file__).parents[1] / "audit"))
from forging import Forger

BIDI = "\u202e\u2066\u200f\u2069"
ESCAPE = "\x1b]0;title\x07\x1b[31m"
MARKUP = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"><svg/onload=alert(1)>'-alert(1)-'"
    "</textarea></title></pre></style>{{7*7}}{%raw%}</noscript><a href=javascript:alert(1)>&lt;b&gt;"
)
HOSTILE = f"{MARKUP}{BIDI}{ESCAPE}"
CODE = f"def square(x):\n    # {MARKUP}{BIDI}\n    return '''</script><script>alert(2)</script>{ESCAPE}'''\n"


@pytest.fixture(scope="module")
def hostile(finite_life: Any, tmp_path_factory: Any) -> Path:
    """A copy of a life in which every text that anybody may choose is hostile; signed with the log's own key."""
    folder = Path(shutil.copytree(finite_life.folder, tmp_path_factory.mktemp("hostile") / "life"))
    forger = Forger(folder)
    code = forger.blob(CODE.encode())
    for entry in forger.entries:
        for name in ("title", "operator", "proposer", "reason", "by", "why", "message", "words"):
            if isinstance(entry.body.get(name), str):
                entry.body[name] = HOSTILE
        if entry.kind == "confirm-start":
            entry.body["files"] = dict.fromkeys(entry.body["files"], code["$blob"])
            entry.body["texts"] = [code]
        if entry.kind in {"verdict", "certificate"}:
            for name in ("claim", "tier"):
                entry.body[name] = HOSTILE
            entry.body["not_covered"] = entry.body["assumes"] = entry.body["layers"] = [HOSTILE]
            entry.body["pool"] = {HOSTILE: HOSTILE}
    forger.append("note", {"by": HOSTILE, "words": HOSTILE})
    forger.append("halt", {"by": HOSTILE, "reason": HOSTILE, "at": HOSTILE, "latched": True, "order": "1"})
    ledger = folder / ".selfproof" / "ledger"
    signed = forger.sign(folder / ".selfproof" / "forged")
    shutil.rmtree(ledger)
    signed.rename(ledger)
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text().replace('"failed"', json.dumps("<i>failed</i>" + BIDI)))
    events: list[dict[str, Any]] = [
        {"event": "start", "program": HOSTILE, "seconds": 60, "tier": HOSTILE, "layers": [HOSTILE], "version": 0},
        {"event": "confirm", "id": 3, "objective": HOSTILE, "title": HOSTILE, "pairs": 3, "log_wealth": 1.0,
         "log_threshold": 4.0, "alpha_k": 0.01, "answer": "undecided"},
        {"event": "decision", "objective": HOSTILE, "title": HOSTILE, "reason": HOSTILE, "verdict": "refused"},
    ]  # fmt: skip
    lines = [line_of(event, seq, 1e9) for seq, event in enumerate(events, start=10**6)]
    (folder / ".selfproof" / "live.jsonl").write_bytes(b"".join(lines))
    return folder


class Seen(HTMLParser):
    """Tags, attributes and texts of a page, as a browser would find them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def paths(visitor: Visitor, folder: Path) -> list[str]:
    front = visitor.front
    entries = range(len(visitor.get(front + "ledger/bundle?from=0").content and list(_entries(visitor, front))))
    changes = [row["id"] for row in visitor.get(f"/api/v1/{front.split('/')[2]}/log").json()]
    pages = [*visitor.pages, front + "stop", front + "?part=story", *(f"{front}change/{one}" for one in changes)]
    return [*pages, *(f"{front}ledger/{one}" for one in entries), f"{front}log?where={quote(HOSTILE)}"]


def _entries(visitor: Visitor, front: str) -> list[bytes]:
    from selfproof.ledger.tiles import entries

    return list(entries(visitor.get(front + "ledger/bundle?from=0").content))


def test_no_page_runs_or_obeys_what_was_written(hostile: Path) -> None:
    visitor, met, written = Visitor(hostile), 0, 0
    for path in paths(visitor, hostile):
        answer = visitor.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
        text = answer.text
        for mark in BIDI + "\x1b\x07":
            assert mark not in text, f"{path} shows a mark that turns or steers: {mark!r}"
        page = Seen()
        page.feed(text)
        for tag, attributes in page.tags:
            assert not any(name.startswith("on") or name == "style" for name in attributes), (path, tag, attributes)
            for name in ("href", "src", "action", "formaction", "hx-get", "data-live"):
                assert not (attributes.get(name) or "").strip().lower().startswith(("javascript:", "data:")), path
            if tag in {"script", "img", "iframe", "object", "embed", "base"}:
                source = attributes.get("src") or ""
                assert source.startswith(("/static/", "/p/")) or attributes.get("type") == "application/json", (
                    path,
                    tag,
                )
        written += "{{7*7}}" in text  # what looks like a template is none
        met += "alert(1)" in text
    assert met > 8 < written, "the hostile texts were not shown at all"


def test_data_for_scripts_cannot_end_their_element(hostile: Path) -> None:
    visitor = Visitor(hostile)
    for path in paths(visitor, hostile):
        for inner in re.findall(r"<script[^>]*application/json[^>]*>(.*?)</script>", visitor.get(path).text, re.DOTALL):
            assert "<" not in inner, path
            json.loads(inner)


def test_files_are_handed_out_as_files(hostile: Path) -> None:
    visitor = Visitor(hostile)
    digests = set(re.findall(r"ledger/blob/([0-9a-f]{64})", "".join(
        visitor.get(f"{visitor.front}ledger/{i}").text for i in range(12))))  # fmt: skip
    assert digests
    for digest in digests:
        answer = visitor.get(f"{visitor.front}ledger/blob/{digest}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "sandbox" in answer.headers["content-security-policy"]


def test_the_search_box_says_what_it_does_not_understand_and_nothing_else(hostile: Path) -> None:
    visitor = Visitor(hostile)
    for where in (MARKUP, "verdict>high", "nobody=1", "'", "x " * 50, "id>1e999", "time~2026"):
        answer = visitor.client.get(visitor.front + "log", params={"where": where})
        assert answer.status_code == 200 and "<script>alert" not in answer.text and "<img" not in answer.text
