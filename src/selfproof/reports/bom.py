"""A CycloneDX 1.6 ML-BOM of the program that runs now: its files, the engine, packages, weights, task sets.

From the ledger: the same ledger gives the same list, but for licences and file lists of packages, which come from this
machine and only where it has the very version that the last run named.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from selfproof.reports.facts import Facts
from selfproof.reports.provenance import licence

Part = dict[str, Any]


def text(facts: Facts) -> str:
    """The whole document."""
    return json.dumps(document(facts), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def document(facts: Facts) -> Part:
    """The document as plain data."""
    state, signed = facts.state, facts.shared.signed
    program, now = state.genesis["program"], state.now
    parts = [*_files(facts), *_engine(facts), *_tasks(facts), *_models(facts)]
    root: Part = {
        "type": "application", "bom-ref": "program", "name": f"selfproof program {program}", "version": str(now.number),
        "hashes": [_sha(now.tree)],
        "properties": _properties(tree=now.tree, ledger_root=signed.root.hex(), ledger_entries=signed.size,
                                  adopted_by_entry=now.leaf, charter=state.charter["charter"]),
    }  # fmt: skip
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{signed.origin}/{signed.root.hex()}')}",
        "metadata": {"timestamp": facts.as_of, "component": root,
                     "tools": {"components": [{"type": "application", "name": "selfproof"}]}},
        "components": parts,
        "dependencies": [{"ref": "program", "dependsOn": [part["bom-ref"] for part in parts]}],
    }  # fmt: skip


def _files(facts: Facts) -> list[Part]:
    return [{"type": "file", "bom-ref": f"file/{path}", "name": path, "hashes": [_sha(digest)]}
            for path, digest in sorted(facts.state.now.files.items())]  # fmt: skip


def _tasks(facts: Facts) -> list[Part]:
    """Task files, and the pools that samples are drawn from, as far as verdicts say."""
    charter = facts.state.charter
    found: list[Part] = [
        {"type": "data", "bom-ref": f"task/{path}", "name": path, "hashes": [_sha(digest)],
         "data": [{"type": "source-code", "name": path, "description": "tasks, hidden answers and scorers"}]}
        for path, digest in sorted(charter["tasks"].items())
    ]  # fmt: skip
    pools = {c.verdict["objective"]: c.verdict["pool"] for c in facts.state.confirmations.values() if c.verdict}
    for name, pool in sorted(pools.items()):
        digests = [value for value in pool.values() if isinstance(value, str) and len(value) == 64]
        part: Part = {"type": "data", "bom-ref": f"samples/{name}", "name": f"samples of {name}",
                      "data": [{"type": "dataset", "name": name}], "properties": _properties(**pool)}  # fmt: skip
        found.append({**part, **({"hashes": [_sha(digests[0])]} if digests else {})})
    return found


def _engine(facts: Facts) -> list[Part]:
    """selfproof itself and its packages, as the last run named them."""
    told = facts.of("engine")
    if not told:
        return []
    body = told[-1].body
    own: Part = {"type": "library", "bom-ref": "selfproof", "name": "selfproof", "version": body["version"],
                 "hashes": [_sha(body["package"])],
                 "properties": _properties(hash_of="the list of its installed files", python=body["python"],
                                           platform=body["platform"], entry=told[-1].index)}  # fmt: skip
    parts = [own]
    for name, version in sorted(body["packages"].items()):
        words, record = licence(name, version)
        part: Part = {"type": "library", "bom-ref": f"package/{name}", "name": name, "version": version,
                      "purl": f"pkg:pypi/{name}@{version}"}  # fmt: skip
        if words:
            part["licenses"] = [{"license": {"name": words}}]
        if record:
            part["properties"] = _properties(record_sha256=record)
        parts.append(part)
    return parts


def _models(facts: Facts) -> list[Part]:
    """Models that suggested changes which reached the gate, and weights that were tuned here."""
    state = facts.state
    asked = {str(c.body["proposer"]) for c in state.confirmations.values() if "/" in str(c.body.get("proposer", ""))}
    named = asked | set(facts.charter.proposers.models)
    parts: list[Part] = [
        {
            "type": "machine-learning-model",
            "bom-ref": f"model/{name}",
            "name": name,
            "properties": _properties(role="suggests edits; it decides nothing"),
        }
        for name in sorted(named)
    ]
    for digest, body in sorted(state.tuned.items()):
        parts.append({
            "type": "machine-learning-model", "bom-ref": f"weights/{digest}", "name": f"weights {digest[:12]}",
            "hashes": [_sha(digest)],
            "properties": _properties(role="suggests edits", certified=digest in state.models, base=body["base"],
                                      examples=body["examples"]),
        })  # fmt: skip
    return parts


def _sha(digest: str) -> Part:
    return {"alg": "SHA-256", "content": digest}


def _properties(**told: Any) -> list[Part]:
    return [{"name": f"selfproof:{key}", "value": str(value)} for key, value in sorted(told.items())]
