"""The process that holds weights and answers prompts: ``python -m selfproof.propose.local.serving FOLDER DIGEST``.

It loads safetensors, never a pickle and never code that came with the weights, and nothing from a network. The protocol
is in `asking`.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from selfproof.propose.local.asking import INSTALL, LONGEST
from selfproof.propose.local.folder import digest_of

LEAST_ROOM = 16  # tokens that an answer needs at least


def loaded(path: Path, *, training: bool = False) -> tuple[Any, Any]:
    """The model and its tokenizer, on a GPU where there is one; float32 on a CPU and for training, else bfloat16."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = "cuda" if torch.cuda.is_available() else "cpu"
    kind = torch.bfloat16 if place == "cuda" and not training else torch.float32
    own: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(str(path), **own)
    model = AutoModelForCausalLM.from_pretrained(str(path), use_safetensors=True, dtype=kind, **own)
    if tokenizer.eos_token_id is None:
        raise ValueError("its tokenizer has no end-of-text token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model.to(place), tokenizer


def context_of(model: Any) -> int:
    """Tokens that a prompt and its answer may have together."""
    return int(getattr(model.config, "max_position_embeddings", 0) or 1 << 20)


def tokens_of(tokenizer: Any, prompt: str) -> list[int]:
    """The prompt as these weights are asked: as a user's message where they were made for conversation."""
    if tokenizer.chat_template:
        told = [{"role": "user", "content": prompt}]
        found = tokenizer.apply_chat_template(told, add_generation_prompt=True, tokenize=True, return_dict=True)
    else:
        found = tokenizer(prompt)
    return [int(token) for token in found["input_ids"]]


def answered(model: Any, tokenizer: Any, question: dict[str, Any]) -> dict[str, Any]:
    """One answer, drawn by the question's seed."""
    import torch

    ids, most = tokens_of(tokenizer, question["prompt"]), context_of(model)
    if len(ids) + LEAST_ROOM > most:
        return {
            "failed": f"the prompt has {len(ids)} tokens and these weights read {most}: ask with less (?prompt_kb=)"
        }
    torch.manual_seed(question["seed"])
    warm = float(question["temperature"])
    how: dict[str, Any] = {"do_sample": True, "temperature": warm} if warm > 0 else {"do_sample": False}
    given = torch.tensor([ids], device=model.device)
    with torch.inference_mode():
        out = model.generate(
            given, attention_mask=torch.ones_like(given), max_new_tokens=min(question["tokens"], most - len(ids)),
            pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, **how,
        )  # fmt: skip
    new = out[0][len(ids) :]
    text = tokenizer.decode(new, skip_special_tokens=True)
    return {"text": text[:LONGEST], "tokens_in": len(ids), "tokens_out": len(new)}


def main(words: list[str]) -> None:
    """Load, say so, and answer until the input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    warnings.simplefilter("ignore")

    def say(value: dict[str, Any]) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    try:
        if digest_of(Path(words[0])) != words[1]:
            raise ValueError("the folder's files are no longer those that were named")
        model, tokenizer = loaded(Path(words[0]))
        model.eval()
    except ImportError as error:
        say({"failed": f"a library is missing: {error.name}", "advice": INSTALL})
        return
    except Exception as error:  # noqa: BLE001  libraries raise what they like over a stranger's files
        say({"failed": f"these weights cannot be loaded: {error}"})
        return
    say({"ready": True})
    for line in sys.stdin:
        try:
            say(answered(model, tokenizer, json.loads(line)))
        except Exception as error:  # noqa: BLE001  as above
            say({"failed": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main(sys.argv[1:])
