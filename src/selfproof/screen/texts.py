"""A tripwire on any text: keys and passwords, and characters that make a text look like another one.

The forms of keys are those that their issuers document (GitHub's and GitLab's token prefixes, AWS access key ids,
Slack, Stripe, Google, OpenAI, Anthropic, Hugging Face; RFC 7468 for keys in PEM, RFC 7519 for JSON web tokens). What
else is called a secret is caught by its entropy, measured as by detect-secrets (Shannon, bits a character).
Characters are those of CVE-2021-42574 (Trojan Source), and what a terminal would obey.

Does not protect against: a secret in another form, or one that is put together at run time; letters of other scripts
that look alike.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from selfproof.nouns import Objection

KEYS = re.compile(
    r"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,}|glpat-[\w-]{20}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abprs]-[\w-]{10,}"
    r"|[rs]k_live_[A-Za-z0-9]{16,}|AIza[\w-]{35}|sk-(?:ant-|proj-)?[\w-]{32,}|hf_[A-Za-z0-9]{30,}"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})"
)
CALLED = re.compile(
    r"""(?i)(?:password|passwd|secret|token|api_?key|private_?key)["']?\s*[:=]\s*["']([^"'\s]{16,200})["']"""
)
ENTROPY = 3.5
"""Bits a character from which a text that is called a secret is one: words have less, keys in hex or base64 more."""
UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def objection(text: str, before: str) -> Objection | None:
    """Why a text is turned away; lines that were there before are let through."""
    known = set(before.split("\n"))
    for line in text.split("\n"):
        if line in known:
            continue
        if hit := UNSEEN.search(line):
            return Objection("characters", f"holds U+{ord(hit[0]):04X}, which nobody sees")
        if KEYS.search(line) or any(entropy(found[1]) >= ENTROPY for found in CALLED.finditer(line)):
            return Objection("secret", "holds what looks like a key or a password")
    return None


def entropy(text: str) -> float:
    """Shannon's entropy in bits a character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
