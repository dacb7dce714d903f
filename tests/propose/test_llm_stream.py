"""An answer as it comes in: whatever a server sends is an answer or one line that says why there is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfproof.propose.llm.attempt import LONGEST_WAIT_S, refusal, retry_after, unknown_field
from selfproof.propose.llm.stream import LARGEST_REPLY, Answer, Assembly, Fault, told, usage_of


def answer(*bodies: bytes) -> Answer:
    assembly = Assembly()
    for body in bodies:
        assembly.feed(body)
    return assembly.finished()


def event(delta: object, ended: str | None = None, **more: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": ended}], **more}).encode() + b"\n\n"


def test_pieces_make_a_text() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    last = b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\ndata: [DONE]\n\n"
    got = answer(event({"role": "assistant"}), event({"content": "he"}), event({"content": "llo"}, "stop"), last)
    assert got == Answer("hello", "stop", (5, 2))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_it_does_not_matter_where_the_wire_cuts(data: st.DataObject) -> None:
    body = b": ping\n\n" + event({"content": "hé"}).replace(b"\n\n", b"\r\n\r\n") + event({"content": "llo"}, "stop")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    parts = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert answer(*parts).text == "héllo"


def test_a_server_that_does_not_stream_is_understood() -> None:
    whole = {"choices": [{"message": {"content": "hi"}, "finish_reason": "length"}], "usage": None}
    assert answer(json.dumps(whole).encode()) == Answer("hi", "length", None)


def test_parts_of_a_list_and_thoughts() -> None:
    parts = [{"type": "thinking", "text": "hm"}, {"type": "text", "text": "yes"}]
    assert answer(event({"content": parts, "reasoning_content": "hm"}, "stop")).text == "yes"


@pytest.mark.parametrize(
    ("body", "why", "again"),
    [
        (b"", "is empty", True),
        (b'data: {"choices": []}\n\ndata: [DONE]\n\n', "is empty", True),
        (event({"content": "abc"}), "broke off", True),
        (b'data: {"choices": [{"del', "cut off", True),
        (b'{"choices": [{', "cut off", True),
        (b"data: 7\n", "no object", True),
        (event({"content": "x"}, "content_filter"), "content filter", False),
        (event({"refusal": "I will not"}, "stop"), "refused: I will not", False),
        (event({"reasoning_content": "hm"}, "length"), "cut off at its bound", False),
        (b'data: {"error": {"message": "over\\u001b[2Jloaded"}}\n', "says: over [2Jloaded", True),
        (b"data: " + b"[" * 100_000 + b"\n", "no JSON", True),
    ],
)
def test_what_is_no_answer_is_one_line(body: bytes, why: str, again: bool) -> None:
    with pytest.raises(Fault) as caught:
        answer(body)
    assert why in str(caught.value) and str(caught.value).isprintable()
    assert caught.value.again == again and caught.value.cost == "bound"


def test_a_reply_without_end_ends() -> None:
    assembly = Assembly()
    with pytest.raises(Fault, match="larger than 2 MB"):
        for _ in range(1 + LARGEST_REPLY // 100_000):
            assembly.feed(event({"content": "x" * 100_000}))
    assembly = Assembly()
    with pytest.raises(Fault, match="larger than"):
        for _ in range(2000):
            assembly.feed(b"x" * (1 << 20))


KEYS = st.sampled_from(["choices", "delta", "content", "usage", "finish_reason", "error", "message", "type", "text"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.binary(max_size=40) | JSON.map(lambda v: b"data: " + json.dumps(v).encode() + b"\n"), max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_an_answer_or_a_fault(bodies: list[bytes]) -> None:
    try:
        got = answer(*bodies)
    except Fault as why:
        assert str(why).isprintable()
    else:
        assert got.text.strip() and (got.usage is None or min(got.usage) >= 0)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, (3, 4)),
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 50}, (3, 47)),
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 1}, (3, 4)),
        ({"prompt_tokens": -3, "completion_tokens": 4}, None),
        ({"prompt_tokens": True, "completion_tokens": 4}, None),
        ({"prompt_tokens": 3.5, "completion_tokens": 4}, None),
        ({"prompt_tokens": 10**30, "completion_tokens": 4}, None),
        ({"completion_tokens": 4}, None),
        ("much", None),
    ],
)
def test_usage_is_believed_only_where_it_can_be_true(usage: object, expected: tuple[int, int] | None) -> None:
    assert usage_of(usage) == expected


@pytest.mark.parametrize(
    ("status", "body", "again", "fatal", "cost", "kind"),
    [
        (429, b'{"error": {"message": "slow down"}}', True, False, "free", ""),
        (429, b'{"error": {"code": "insufficient_quota", "message": "insufficient_quota"}}', False, True, "free", ""),
        (402, b"{}", False, True, "free", ""),
        (500, b"oops", True, False, "free", ""),
        (503, b"", True, False, "free", ""),
        (502, b"", True, False, "bound", ""),
        (504, b"", True, False, "bound", ""),
        (401, b"", False, True, "free", ""),
        (404, b"[]", False, True, "free", ""),
        (301, b"", False, True, "free", ""),
        (
            400,
            b'{"error": {"message": "This model\'s maximum context length is 8192"}}',
            False,
            False,
            "free",
            "too long",
        ),
        (413, b"", False, False, "free", "too long"),
        (422, b'{"detail": [{"msg": "stream_options: extra"}]}', False, False, "free", "refused"),
        (418, b"teapot", False, False, "free", ""),
        (204, b"", False, False, "bound", ""),
    ],
)
def test_statuses(status: int, body: bytes, again: bool, fatal: bool, cost: str, kind: str) -> None:
    fault = refusal(status, {}, body)
    assert (fault.again, fault.fatal, fault.cost, fault.kind) == (again, fatal, cost, kind), str(fault)
    assert str(fault).isprintable() and str(status) in str(fault)


def test_a_field_that_a_server_does_not_know_is_found() -> None:
    fault = refusal(
        422, {}, b'{"detail": [{"loc": ["body", "stream_options"], "msg": "stream_options not permitted"}]}'
    )
    assert unknown_field(fault, {"stream_options": {}, "max_tokens": 5}) == "stream_options"
    assert unknown_field(fault, {"max_tokens": 5}) is None
    assert unknown_field(refusal(500, {}, b"stream_options"), {"stream_options": {}}) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0), ("0.5", 0.5), ("", 0.0), ("soon", 0.0), ("-5", 0.0), ("nan", LONGEST_WAIT_S),
        ("1e99", LONGEST_WAIT_S), ("86400", LONGEST_WAIT_S),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("Fri, 31 Dec 2099 23:59:59 GMT", LONGEST_WAIT_S),
    ],
)  # fmt: skip
def test_retry_after_is_honoured_and_capped(value: str, seconds: float) -> None:
    assert retry_after(value) == seconds


def test_an_errors_words_are_found_in_any_form() -> None:
    assert told({"error": {"message": "a\nb"}}) == "a b"
    assert told({"detail": [{"msg": "x"}]}) == "x"
    assert told([{"error": {"message": "y"}}]) == "y"
    assert told({"object": "error"}) == ""
    assert len(told("z" * 9999)) == 200
