"""Runs the reference implementation and records what a golden needs.

Owns: logits, greedy continuations with their margins, measured noise, and the golden's file form.
Knows nothing of families or file formats. Used by the other makers.
"""

import contextlib
import copy
import json
import random

import numpy as np
import torch

NUM_GREEDY = 24
PROMPT_LENS = (1, 7, 16, 17, 40)
# Block boundaries (15 | 16), the start, the middle and the end of each prompt.
LOGIT_POSITIONS = {1: [0], 7: [0, 3, 6], 16: [0, 7, 15], 17: [0, 15, 16], 40: [0, 15, 16, 31, 39]}


def prompts(vocab_size, seed):
    """Random prompts, one of each length."""
    rng = random.Random(seed)
    return [[rng.randrange(vocab_size) for _ in range(n)] for n in PROMPT_LENS]


@torch.no_grad()
def logits(model, ids):
    """`[len(ids), vocab]` logits, computed without a cache, as float64."""
    return model(torch.tensor([ids]), use_cache=False).logits[0].double()


@torch.no_grad()
def greedy(model, ids, count):
    """Greedy continuation (end-of-sequence tokens do not stop it) and the gap between the best
    and the second-best logit at each of its steps."""
    out, margins, cache, step = [], [], None, ids
    for _ in range(count):
        answer = model(torch.tensor([step]), past_key_values=cache, use_cache=True)
        cache = answer.past_key_values
        top = answer.logits[0, -1].double().topk(2)
        margins.append(float(top.values[0] - top.values[1]))
        out.append(int(top.indices[0]))
        step = out[-1:]
    return out, margins


def record_prompts(model, vocab_size, seed):
    """The golden's `prompts` entry."""
    entries = []
    for ids in prompts(vocab_size, seed):
        full = logits(model, ids)
        continuation, margins = greedy(model, ids, NUM_GREEDY)
        entries.append(
            {
                "ids": ids,
                "logits": [
                    {"position": p, "values": [rounded(v) for v in full[p].tolist()]}
                    for p in LOGIT_POSITIONS[len(ids)]
                ],
                "greedy": continuation,
                "margins": [rounded(v) for v in margins],
            }
        )
    return entries


def noise(model, vocab_size, seed):
    """How far the logits of all prompts move, at most and in the mean square, when the same
    weights are run in another arithmetic."""
    want = [logits(model, ids) for ids in prompts(vocab_size, seed)]

    def against(other, context=contextlib.nullcontext()):
        with context:
            deltas = torch.cat(
                [
                    (logits(other, ids) - w).flatten()
                    for ids, w in zip(prompts(vocab_size, seed), want)
                ]
            )
        return {"max": rounded(deltas.abs().max()), "rms": rounded(deltas.square().mean().sqrt())}

    measured = {"logits_rms": rounded(torch.cat(want).square().mean().sqrt())}
    measured["float64"] = against(copy.deepcopy(model).double())
    measured["int8_activations_block32"] = against(model, int8_activations(model, 32))
    if model.config.hidden_size % 256 == 0:
        measured["int8_activations_block256"] = against(model, int8_activations(model, 256))
    measured["bfloat16"] = against(in_bfloat16(model))
    return measured


def in_bfloat16(model):
    """A copy that computes in bfloat16, but for the rope's frequencies, which stay exact."""
    frequencies = model.model.rotary_emb.inv_freq.clone()
    other = copy.deepcopy(model).bfloat16()
    other.model.rotary_emb.inv_freq = frequencies
    return other


@contextlib.contextmanager
def int8_activations(model, block):
    """Rounds the input of every linear layer to int8 with one scale per `block` elements, as
    integer dot products with quantised weights do."""

    def pre_hook(_module, args):
        x = args[0]
        blocks = x.reshape(*x.shape[:-1], -1, block)
        scale = blocks.abs().amax(-1, keepdim=True) / 127.0
        scale = torch.where(scale == 0, torch.ones_like(scale), scale)
        return ((blocks / scale).round() * scale).reshape(x.shape)

    hooks = [
        m.register_forward_pre_hook(pre_hook)
        for m in model.modules()
        if isinstance(m, torch.nn.Linear)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def quality(model, vocab_size, seed):
    """`(smallest margin, mean number of distinct tokens)` over all greedy continuations."""
    runs = [greedy(model, ids, NUM_GREEDY) for ids in prompts(vocab_size, seed)]
    smallest = min(min(margins) for _, margins in runs)
    return smallest, float(np.mean([len(set(out)) for out, _ in runs]))


def clearest(build, vocab_size, enough, tries=16):
    """Tries seeds 0, 1, ... and returns `(seed, model)` of the first whose smallest greedy margin
    is at least `enough`, or of the best. Continuations that merely repeat are passed over."""
    best = None
    for seed in range(tries):
        model = build(seed)
        margin, distinct = quality(model, vocab_size, seed)
        if distinct >= 8 and (best is None or margin > best[0]):
            best = (margin, seed)
            if margin >= enough:
                break
    return best[1], build(best[1])


def rounded(value):
    """Seven significant digits: below float32's own resolution, short in a file."""
    return float(f"{float(value):.7g}")


def write_golden(path, golden):
    """Writes JSON with one top-level entry, or one element of a top-level list, per line."""
    compact = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    lines = []
    for key, value in golden.items():
        if isinstance(value, list):
            body = ",\n  ".join(compact(v) for v in value)
            lines.append(f" {json.dumps(key)}: [\n  {body}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {compact(value)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
