"""The process that tunes weights: ``python -m selfproof.tuning.training SPEC.json``. It alone loads the libraries.

Supervised first, on the accepted edits; then preference (DPO), on accepted against refused edits of the same version.
With ``lora`` small matrices are learned and merged, else all weights. What it writes is a folder of its own, on disk
before it says that it is done; nothing else is changed.

    {"base", "digest", "out", "scratch", "examples", "steps", "rate", "lora", "seed", "context", "settings"}
"""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from selfproof.propose.local.asking import INSTALL
from selfproof.propose.local.folder import SETTINGS, digest_of
from selfproof.propose.local.serving import context_of, loaded, tokens_of

ACCUMULATED = 4  # examples in a step
BETA = 0.1
RANK = 16


def tune(spec: dict[str, Any], say: Any) -> dict[str, Any]:
    """Tune and write the folder; returns what was learned from, and the loss on held-out edits before and after."""
    import torch
    from transformers import set_seed

    if digest_of(Path(spec["base"])) != spec["digest"]:
        raise ValueError("the folder's files are no longer those that were named")
    set_seed(spec["seed"])
    torch.use_deterministic_algorithms(True, warn_only=True)
    model, tokenizer = loaded(Path(spec["base"]), training=True)
    room = min(spec["context"] or 1 << 20, context_of(model))
    rows = json.loads(Path(spec["examples"]).read_text("utf-8"))
    fits = {name: [row for row in found if _length(tokenizer, row) <= room] for name, found in rows.items()}
    told: dict[str, Any] = {"context": room, "too_long": {name: len(rows[name]) - len(fits[name]) for name in rows}}
    if not fits["sft"]:
        raise ValueError(f"no example fits into {room} tokens: tune with less (--prompt-kb), or larger weights")
    held = fits["held_sft"][:64]
    told["held_out_loss"] = [_loss(model, tokenizer, held)]
    say({"event": "training", "stage": "sft", "examples": len(fits["sft"]), "steps": spec["steps"]})
    model = _sft(model, tokenizer, fits["sft"], spec, room)
    steps = max(1, spec["steps"] // 2) if fits["pairs"] else 0
    if steps:
        say({"event": "training", "stage": "dpo", "examples": len(fits["pairs"]), "steps": steps})
        model = _dpo(model, tokenizer, fits["pairs"], {**spec, "steps": steps}, room)
    told["held_out_loss"].append(_loss(model, tokenizer, held))
    told["steps"] = {"sft": spec["steps"], "dpo": steps}
    _write(model, tokenizer, Path(spec["out"]), spec)
    return told


def _length(tokenizer: Any, row: dict[str, str]) -> int:
    """Tokens of a row's longest form, with the end."""
    answers = [text for key, text in row.items() if key != "prompt"]
    return len(tokens_of(tokenizer, row["prompt"])) + 1 + max(len(tokenizer(text)["input_ids"]) for text in answers)


def _rows(tokenizer: Any, rows: Sequence[dict[str, str]]) -> Any:
    """Rows in the form of the trainers: turns of a conversation where the weights were made for that."""
    from datasets import Dataset

    if not tokenizer.chat_template:
        return Dataset.from_list(list(rows))
    roles = {"prompt": "user"}
    return Dataset.from_list(
        [{key: [{"role": roles.get(key, "assistant"), "content": text}] for key, text in row.items()} for row in rows]
    )


def _common(spec: dict[str, Any], room: int) -> dict[str, Any]:
    import torch

    gpu = torch.cuda.is_available()
    return {
        "output_dir": spec["scratch"], "max_steps": spec["steps"], "learning_rate": spec["rate"], "max_length": room,
        "per_device_train_batch_size": 1, "gradient_accumulation_steps": ACCUMULATED, "seed": spec["seed"],
        "data_seed": spec["seed"], "save_strategy": "no", "report_to": [], "logging_strategy": "no",
        "disable_tqdm": True, "use_cpu": not gpu, "bf16": gpu, "fp16": False, "lr_scheduler_type": "cosine",
        "warmup_steps": spec["steps"] // 10, "gradient_checkpointing": gpu,
    }  # fmt: skip


def _lora(spec: dict[str, Any]) -> Any:
    if not spec["lora"]:
        return None
    from peft import LoraConfig

    return LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")


def _sft(model: Any, tokenizer: Any, rows: Sequence[dict[str, str]], spec: dict[str, Any], room: int) -> Any:
    from trl import SFTConfig, SFTTrainer

    how = SFTConfig(completion_only_loss=True, **_common(spec, room))
    trainer = SFTTrainer(model, how, train_dataset=_rows(tokenizer, rows), processing_class=tokenizer,
                         peft_config=_lora(spec))  # fmt: skip
    trainer.train()
    return _whole(trainer.model)


def _dpo(model: Any, tokenizer: Any, rows: Sequence[dict[str, str]], spec: dict[str, Any], room: int) -> Any:
    from trl import DPOConfig, DPOTrainer

    how = DPOConfig(beta=BETA, **_common({**spec, "rate": spec["rate"] / 2}, room))
    trainer = DPOTrainer(model, args=how, train_dataset=_rows(tokenizer, rows), processing_class=tokenizer,
                         peft_config=_lora(spec))  # fmt: skip
    trainer.train()
    return _whole(trainer.model)


def _whole(model: Any) -> Any:
    """Weights with what was learned beside them merged in."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def _loss(model: Any, tokenizer: Any, rows: Sequence[dict[str, str]]) -> float | None:
    """Mean negative log-likelihood of a token of the replies, in nats; None without any reply."""
    import torch

    total = count = 0.0
    model.eval()
    for row in rows:
        prompt, reply = tokens_of(tokenizer, row["prompt"]), tokenizer(row["completion"], add_special_tokens=False)
        ids = torch.tensor([prompt + list(reply["input_ids"]) + [tokenizer.eos_token_id]], device=model.device)
        wanted = ids.clone()
        wanted[:, : len(prompt)] = -100
        with torch.inference_mode():
            loss = model(input_ids=ids, labels=wanted).loss.item()
        total, count = total + loss * (ids.shape[1] - len(prompt)), count + ids.shape[1] - len(prompt)
    return total / count if count else None


def _write(model: Any, tokenizer: Any, out: Path, spec: dict[str, Any]) -> None:
    """The folder: weights as safetensors, tokenizer, and how they are asked; all of it on disk."""
    out.mkdir(parents=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / SETTINGS).write_text(json.dumps(spec["settings"], sort_keys=True, indent=1) + "\n", "utf-8")
    for path in [*out.rglob("*"), out]:
        place = os.open(path, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)


def main(words: Sequence[str]) -> int:
    """Tune as the spec says; lines of JSON tell how far it is, the last how it ended."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no word of ours
    warnings.simplefilter("ignore")

    def say(value: dict[str, Any]) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    # A kill of whoever started this closes its end: nobody is left to take what would be made.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
    try:
        say({"done": tune(json.loads(Path(words[0]).read_text("utf-8")), say)})
    except ImportError as error:
        say({"failed": f"a library is missing: {error.name}", "advice": INSTALL})
        return 1
    except Exception as error:  # noqa: BLE001  libraries raise what they like over a stranger's weights
        say({"failed": f"{type(error).__name__}: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
