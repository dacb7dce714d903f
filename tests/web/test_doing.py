"""What people do from the dashboard and its API: stop, hold, sign, and what a token of somebody else's allows."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from visiting import Visitor

from finite_program import made
from selfproof import tokens
from selfproof.oversight import control
from selfproof.places import Paths
from selfproof.web.reading import Reading

sys.path.insert(0, str(Path(__file__).parents[1] / "approving"))
from signing import People, needs_ssh


@pytest.fixture
def copy(finite_life: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finite_life.folder, tmp_path / "life"))


def test_every_page_of_a_real_life_says_what_it_should(finite_life: Any, copy: Path) -> None:
    visitor = Visitor(copy)
    texts = {path: visitor.get(path) for path in visitor.pages}
    assert {answer.status_code for answer in texts.values()} == {200}
    now = texts["/p/life/"].text
    assert "Nothing is running" in now and "selfproof run --at" in now and "at most <strong>5%<" in now
    adopted = [row for row in visitor.get("/api/v1/life/log").json() if row["version"] is not None]
    assert adopted and all(f"/p/life/change/{row['id']}" in now for row in adopted)
    assert "not seen" not in now and "refused" in texts["/p/life/log"].text
    assert "autonomous" in texts["/p/life/controls"].text and "Nothing waits" in texts["/p/life/review"].text
    root = visitor.get("/api/v1/life/status").json()["root"]
    assert root in texts["/p/life/ledger"].text and root == finite_life.summary["ledger"]["root"]
    card = visitor.get("/p/life/report/json").json()
    assert card["entries"] == visitor.get("/api/v1/life/status").json()["entries"]


def test_the_api_says_what_the_commands_say(cli: Any, copy: Path) -> None:
    visitor = Visitor(copy)
    for path, words in {"status": ["status"], "log": ["log"], "change/v1": ["show", "v1"]}.items():
        told = visitor.get(f"/api/v1/life/{path}").json()
        said = cli.run(*words, "--json", "--at", copy).json
        assert {**told, "root": ""} == {**said, "root": ""} if isinstance(told, dict) else told == said
    some = visitor.get("/api/v1/life/log?where=verdict%3Dcertified&n=1").json()
    assert len(some) == 1 and some[0]["verdict"] == "certified"
    assert "selfproof_ledger_entries_total" in visitor.get("/api/v1/life/metrics").text
    assert visitor.get("/api/v1/life/log?where=no%3D1").status_code == 400
    assert visitor.get("/api/v1/life/change/999").status_code == 404
    assert [one["program"] for one in visitor.get("/api/v1/programs").json()] == ["life"]
    for wrong in ("[1]", "[[", "{", '"x"'):
        answer = visitor.client.post("/api/v1/life/pause", content=wrong, headers={"content-type": "application/json"})
        assert answer.status_code == 400, wrong
    assert not Paths(copy).pause.exists()


def test_the_button_stops_a_run_that_is_going_on(cli: Any, copy: Path, tmp_path: Path) -> None:
    folder = made(tmp_path / "running")
    run = cli.launch("run", "--minutes", 3, "--seed", 1, "--json", "--at", folder)
    try:
        for line in run.stdout:
            if '"event": "confirm"' in line:
                break
        visitor = Visitor(folder, copy)
        assert visitor.enter() == 303
        now = visitor.get("/p/running/").text
        assert 'href="/p/running/stop"' in now and "Nothing is running" not in now
        form = {"word": visitor.word("/p/running/stop"), "reason": "it is enough"}
        assert not Paths(folder).stop.exists(), "asking is not stopping"
        assert visitor.post("/p/running/stop", form).status_code == 303
        run.communicate(timeout=20)
    finally:
        cli.end(run)
    assert control.engine(Paths(folder)) is None and cli.run("run", "--minutes", 1, "--at", folder).code != 0
    stopped = visitor.get("/p/running/stop").text
    assert "Stopped" in stopped and "it is enough" in stopped and "dashboard (owner)" in stopped
    assert "Stopped" not in visitor.get("/p/life/").text
    assert cli.run("verify", "--at", folder).code == 0


def test_an_auditor_reads_one_program_and_may_stop_it_and_nothing_else(
    cli: Any, copy: Path, finite_life: Any, tmp_path: Path
) -> None:
    given = cli.run("token", "new", "--role", "auditor", "--days", "1", "--json", "--at", copy).json
    kept = (copy / ".selfproof" / "tokens").read_bytes()
    ledger = b"".join(p.read_bytes() for p in (copy / ".selfproof" / "ledger").rglob("*") if p.is_file())
    secret = given["token"].split("_", 2)[2].encode()
    assert secret not in kept and secret not in ledger, "a token can be read back"
    assert (copy / ".selfproof" / "tokens").stat().st_mode & 0o077 == 0
    other = Path(shutil.copytree(finite_life.folder, tmp_path / "other"))
    auditor = Visitor(copy, other, token=given["token"])
    assert auditor.get("/").headers["location"] == "/p/life/" and auditor.get("/p/life/log").status_code == 200
    for path in ("/p/other/", "/p/other/live", "/api/v1/other/status", "/api/v1/other/live"):
        assert auditor.get(path).status_code == 404
    assert auditor.post("/api/v1/other/stop").status_code == 404 and not Paths(other).stop.exists()
    assert [one["program"] for one in auditor.get("/api/v1/programs").json()] == ["life"]
    ours = ("/p/life/review/3/sign", "/p/life/compare/measure", "/p/life/change/3/rollback")
    for path in ("/api/v1/life/pause", "/api/v1/life/drain", "/api/v1/life/go-on", *ours):
        assert auditor.post(path).status_code == 403
    assert auditor.enter(given["token"]) == 303 and "you are auditor" in auditor.get("/p/life/").text
    assert cli.run("token", "revoke", given["id"], "--at", copy).code == 0
    assert auditor.get("/p/life/").status_code == 401, "a session outlives its token"
    assert cli.run("token", "revoke", given["id"], "--at", copy).code == 2
    assert [one["revoked"] is None for one in cli.run("token", "list", "--json", "--at", copy).json] == [False]
    assert cli.run("verify", "--at", copy).code == 0
    fresh = cli.run("token", "new", "--role", "auditor", "--json", "--at", copy).json["token"]
    told = Visitor(copy, token=fresh).client.post("/api/v1/life/stop", json={"reason": "by an auditor"})
    assert told.json() == {"stopped": True, "running": False} and "by an auditor" in Paths(copy).stop.read_text()


def test_a_token_counts_for_its_time_and_while_ledger_and_file_agree(copy: Path, tmp_path: Path) -> None:
    made_ = tokens.new(copy, "operator", 1, "me")
    place, until = Paths(copy).tokens, made_["until"]
    told = {made_["id"]: {"role": "operator", "until": until, "revoked": None}}
    early, late = "2020-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"
    assert tokens.role_of(made_["token"], place, told, early) == "operator"
    assert tokens.role_of(made_["token"], place, told, late) is None
    assert tokens.role_of(made_["token"], place, {}, early) is None, "a hash in the file alone counts"
    revoked = {made_["id"]: {**told[made_["id"]], "revoked": early}}
    assert tokens.role_of(made_["token"], place, revoked, early) is None
    odd = {made_["id"]: {**told[made_["id"]], "role": "owner"}}
    assert tokens.role_of(made_["token"], place, odd, early) is None
    for wrong in ("", "x", made_["token"][:-1], made_["token"] + "x", f"sp_{made_['id']}_" + "A" * 43):
        assert tokens.role_of(wrong, place, told, early) is None
    for broken in ("", "[]", '{"a": 1}', "{" * 5000):
        (tmp_path / "broken").write_text(broken)
        assert tokens.role_of(made_["token"], tmp_path / "broken", told, early) is None
    assert Visitor(copy, token=made_["token"]).post("/api/v1/life/pause").json()["running"] is False
    assert control.told(Paths(copy).pause) is not None
    assert Visitor(copy, token=made_["token"]).post("/api/v1/life/go-on").json()["held"] is True


@needs_ssh
def test_a_change_is_read_signed_elsewhere_and_handed_in(cli: Any, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    people, folder = People(keys), made(tmp_path / "asked")
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text() + '\n[autonomy]\nlevel = "approve"\napprovers = "allowed_signers"\n')
    (folder / "allowed_signers").write_text(people.allowed("alice"))
    cli.until("decision", folder, "--seed", "1", "--focus", "suite")
    visitor = Visitor(folder)
    assert visitor.enter() == 303
    queue = visitor.get("/p/asked/review").text
    change = re.search(r"/p/asked/review/(\d+)", queue)[1]  # type: ignore[index]
    shown = visitor.get(f"/p/asked/review/{change}").text
    assert "return x * x" in shown and "as if a stranger had sent it" in shown and "anything but these samples" in shown
    place = f"/p/asked/review/{change}/sign"
    page = visitor.get(f"{place}?decision=approve&reason=read+it&days=1").text
    command = html.unescape(re.search(r'id="command">(.*?)</code>', page, re.DOTALL)[1])  # type: ignore[index]
    statement = html.unescape(re.search(r'name="statement" value="(.*?)"', page)[1])  # type: ignore[index]
    word = visitor.word(place)
    assert json.loads(statement)["reason"] == "read it" and "~/.ssh/id_ed25519" in command
    mallory = people.sign("mallory", statement)
    for text, signature in ((statement, "none"), (statement, mallory), (statement.replace("read", "red"), mallory)):
        answer = visitor.post(place, {"word": word, "statement": text, "signature": signature})
        assert answer.status_code == 400 and "Not taken" in answer.text
    assert not list((folder / ".selfproof" / "approvals").glob("*")), "a letter that does not count was left"
    line = command.replace("~/.ssh/id_ed25519", str(people.key("alice")))
    signed = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout
    sent = {"word": word, "statement": statement, "signature": signed.replace("\n", "\r\n")}  # as browsers do
    answer = visitor.post(place, sent)
    assert answer.status_code == 200 and "alice@example.com signed" in answer.text and "Version 1" in answer.text
    assert visitor.get("/api/v1/asked/status").json()["version"] == 1 and cli.run("verify", "--at", folder).code == 0


def test_every_chart_of_a_change_is_there_as_picture_and_as_numbers(copy: Path) -> None:
    visitor = Visitor(copy)
    with Reading(copy).turn() as reading:
        rows = {c.id: c.guards for c in reading.state.confirmations.values() if c.guards}
    assert rows, "no change of this life has a guard: nothing is tested"
    for number, guards in rows.items():
        page = visitor.get(f"/p/life/change/{number}").text
        for name in re.findall(rf'href="(/p/life/change/{number}/[a-z]+)\.svg"', page):
            assert visitor.get(f"{name}.svg").text.startswith("<svg")
        told = visitor.get(f"/p/life/change/{number}/guards.csv").text.splitlines()
        assert len(told) == 1 + sum(len(guard["references"]) for guard in guards)
        assert told[0].startswith("guard,against_version,gain,gain_low,gain_high")
    assert visitor.get("/p/life/change/999/guards.csv").status_code == 404


def test_several_programs_are_on_one_page(copy: Path, finite_life: Any, tmp_path: Path) -> None:
    made(tmp_path / "unborn")
    broken = Path(shutil.copytree(finite_life.folder, tmp_path / "broken"))
    log = broken / ".selfproof" / "ledger" / "log"
    log.write_bytes(log.read_bytes()[:-40] + b"x" + log.read_bytes()[-39:])
    text = Visitor(copy, broken, tmp_path / "unborn").get("/").text
    assert "2 changes in force" in text and "damaged" in text and "not begun" in text and "at rest" in text
    assert all(f'href="/p/{name}/"' in text for name in ("life", "broken", "unborn"))
