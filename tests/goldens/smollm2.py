"""Records of the real test model, SmolLM2-135M-Instruct as a Q4_1 GGUF.

Owns: smollm2.json (logits and greedy continuations of the dequantised weights in float32) and
smollm2_tokenizer.json. The model itself is not committed.
"""

import copy
import hashlib
import random

import gguf
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM

import reference
import tiny_models

NUM_TOKENS = 32
NUM_TOP = 20
NUM_SAMPLED = 300
CONTROL = 3
USER_DEFINED = 4

TURN = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
PROMPTS = [
    "The capital of France is",
    TURN.format("Write a short poem about a ropeway over a valley."),
    "def fibonacci(n):\n    \"\"\"Return the n-th Fibonacci number.\"\"\"\n",
]

TEXTS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\t\t x", " \n \n ", "a", " a", "  a", "a ", "a  ",
    "Hello, world!", "hello world", "HELLO WORLD", "The quick brown fox jumps over the lazy dog.",
    "I'm you're we'll they've he'd it's don't", "I'M YOU'RE WE'LL DON'T", "rock'n'roll 'tis",
    "1", "12", "123", "1234567890", "3.14159", "1,000,000", "2026-11-22T21:38:32Z", "x1y2z3", "v1.2.3-rc4",
    "\u00bd \u00b2 \u2167 \u0663\u0664\u0665 \uff11\uff12", "def f(x):\n    return x + 1\n", "if (a && b) { c++; } // done\n",
    "for i in range(10):\n\tprint(i)\n\n\n", "SELECT * FROM t WHERE a >= 10 AND b != 'x';", "{\"key\": [1, 2.5, null, true]}",
    "<html><body class=\"a\">text</body></html>", "https://example.org/path?query=1&x=%20#frag", "user@example.org",
    "line one\nline two\r\nline three\rline four", "trailing spaces   \n   leading spaces", "tabs\tand\t\ttabs\n\t",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c", "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e", "na\u00efve caf\u00e9 \u2014 \u201cquoted\u201d \u20ac\u00a3",
    "e\u0301 vs \u00e9, \ufb01 ligature", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family \U0001f1eb\U0001f1f7", "a\U0001f680b\U0001f680 c", "\u200b\ufeff\u00a0nbsp\u3000wide",
    "nul\u0000 bell\u0007 del\u007f", "<|im_start|>user\nHi<|im_end|>\n", "<|endoftext|>", "x<|im_end|>y <|im_end|> z", "<|im_start |> <im_start> |im_end|>",
    "<repo_name>r<file_sep>f", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "----------======******\n", "\\n \\t \\\\ \"q\" 'q' `q`", "antidisestablishmentarianism supercalifragilisticexpialidocious",
]


def make(root, path):
    """Writes both files under `root` from the GGUF at `path`."""
    fields = gguf.GGUFReader(path).fields
    tokenizer = build_tokenizer(fields)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    reference.write_golden(
        root / "smollm2_tokenizer.json",
        {"model_sha256": digest, "samples": [_sample(tokenizer, text) for text in TEXTS]},
    )
    model = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    golden = {
        "reference": tiny_models.versions(),
        "model_sha256": digest,
        "prompts": [_record(model, tokenizer, text) for text in PROMPTS],
    }
    reference.write_golden(root / "smollm2.json", golden)


def build_tokenizer(fields):
    """SmolLM2's tokenizer from GGUF metadata: single digits, then GPT-2's byte-level split."""
    read = lambda key: fields[f"tokenizer.ggml.{key}"].contents()
    assert (read("model"), read("pre")) == ("gpt2", "smollm")
    tokens, kinds = read("tokens"), read("token_type")
    merges = [tuple(merge.split(" ")) for merge in read("merges")]
    vocab = {token: idx for idx, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [t for t, kind in zip(tokens, kinds) if kind in (CONTROL, USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in special])
    return tokenizer


def _sample(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return {
        "text": text,
        "ids": ids,
        "decoded": tokenizer.decode(ids, skip_special_tokens=False),
        "decoded_skip_special": tokenizer.decode(ids, skip_special_tokens=True),
    }


def _record(model, tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    last = reference.logits(model, ids)[-1]
    top = last.topk(NUM_TOP)
    sampled = sorted(random.Random(len(ids)).sample(range(last.numel()), NUM_SAMPLED))
    continuation, margins = reference.greedy(model, ids, NUM_TOKENS)
    return {
        "text": text,
        "ids": ids,
        "top_ids": top.indices.tolist(),
        "top_logits": [reference.rounded(v) for v in top.values],
        "sampled_ids": sampled,
        "sampled_logits": [reference.rounded(last[i]) for i in sampled],
        "logits_std": reference.rounded(last.std()),
        "noise": _noise(model, ids),
        "greedy": continuation,
        "greedy_text": tokenizer.decode(continuation, skip_special_tokens=False),
        "margins": [reference.rounded(v) for v in margins],
        "margins_int8_activations": _teacher_forced_margins(model, ids, continuation),
    }


def _noise(model, ids):
    """How far the last position's logits move in other arithmetic."""
    want = reference.logits(model, ids)[-1]
    with reference.int8_activations(model, 32):
        deltas = {"int8_activations_block32": reference.logits(model, ids)[-1] - want}
    deltas["float64"] = reference.logits(copy.deepcopy(model).double(), ids)[-1] - want
    deltas["bfloat16"] = reference.logits(reference.in_bfloat16(model), ids)[-1] - want
    return {
        name: {
            "max": reference.rounded(delta.abs().max()),
            "rms": reference.rounded(delta.square().mean().sqrt()),
        }
        for name, delta in deltas.items()
    }


def _teacher_forced_margins(model, ids, continuation):
    """With int8 activations, along the recorded continuation: the recorded token's logit less the
    best other one. Negative where int8 activations would choose another token."""
    with reference.int8_activations(model, 32):
        rows = reference.logits(model, ids + continuation[:-1])[len(ids) - 1 :]
    margins = []
    for row, token in zip(rows, continuation):
        chosen = float(row[token])
        row[token] = float("-inf")
        margins.append(reference.rounded(chosen - float(row.max())))
    return margins
