"""Tiny random models as GGUF files, each with its golden beside it.

Owns: what goes under which GGUF key and tensor name (gguf-py/gguf/constants.py), in the layout of
llama.cpp's convert_hf_to_gguf.py. Values come from the same reference as the folders'.
"""

import json
import math
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM

import quant_blocks
import reference
import tiny_models
import tiny_tokenizers

T = gguf.GGMLQuantizationType
LEGACY = [T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1]
K_QUANTS = [T.Q4_K, T.Q5_K, T.Q6_K]

# Name: (configuration, changes to it, types that the matrices take in turn, tokenizer).
FILES = {
    "llama3-f16": ("llama3-rope", {}, [T.F16], "llama-bpe"),
    "llama-spm-bf16": ("mistral", {}, [T.BF16], "spm"),
    "llama-legacy-quants": ("llama", {}, LEGACY, "llama-bpe"),
    "llama-k-quants": (
        "llama",
        dict(hidden_size=256, intermediate_size=256, num_hidden_layers=1, head_dim=64),
        K_QUANTS,
        "llama-bpe",
    ),
    "qwen2-q8_0": ("qwen2", {}, [T.Q8_0], "qwen2"),
    "qwen3-f16": ("qwen3", {}, [T.F16], "qwen2"),
}


def make(root):
    """Writes every file under `root`."""
    root.mkdir(exist_ok=True)
    for name, (kind, changes, types, tokenizer_kind) in FILES.items():
        config = _config(kind, changes)
        seed, (model, raw) = _clearest(config, types)
        tokenizer, processor = _tokenizer(tokenizer_kind, config.vocab_size)
        path = root / f"{name}.gguf"
        _write(path, model, raw, tokenizer, processor, tokenizer_kind)
        # transformers reads neither rope_freqs.weight nor qwen3's key_length.
        if kind not in ("llama3-rope", "qwen3"):
            _check_against_transformers(path, model)
        # llama.cpp's pre-tokenisers do not normalise, so NFC samples are left to the folders.
        samples = [
            s for s in tiny_tokenizers.record_samples(tokenizer) if "\u0301" not in s["text"]
        ]
        golden = {
            "reference": tiny_models.versions(),
            "seed": seed,
            "dtype": "+".join(t.name for t in types),
            "prompts": reference.record_prompts(model, config.vocab_size, seed),
            "tokenizer": samples,
            "chat": tiny_tokenizers.record_chat(tokenizer),
        }
        golden["min_margin"] = min(min(p["margins"]) for p in golden["prompts"])
        golden["noise"] = reference.noise(model, config.vocab_size, seed)
        reference.write_golden(root / f"{name}.golden.json", golden)
        print(name, "seed", seed, "min margin", golden["min_margin"], golden["noise"])


def _config(kind, changes):
    config = tiny_models.config(kind)
    for key, value in changes.items():
        setattr(config, key, value)
    config.sliding_window = None  # GGUF's llama architecture has no such key
    return config


def _clearest(config, types):
    build = lambda seed: _model(config, types, seed)[0]
    seed, model = reference.clearest(build, config.vocab_size, tiny_models.ENOUGH_MARGIN)
    return seed, _model(config, types, seed)


def _model(config, types, seed):
    """A random model holding the dequantised weights, and `{name: (type, raw rows)}`."""
    model = tiny_models.random_model(config, seed, torch.float32)
    rng = np.random.default_rng(seed)
    raw, turn = {}, 0
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = parameter.numpy()
            if values.ndim == 1:
                raw[name] = (T.F32, values.copy())
                continue
            qtype = types[turn % len(types)]
            turn += 1
            if qtype in K_QUANTS:
                rows = quant_blocks.random_k_rows(rng, *values.shape, qtype, values.std())
            else:
                rows = gguf.quants.quantize(values, qtype)
            raw[name] = (qtype, rows)
            parameter.copy_(torch.from_numpy(gguf.quants.dequantize(rows, qtype).astype(np.float32)))
    return model, raw


def _permute(rows, heads):
    """The row order that llama.cpp wants for `llama` queries and keys: halves interleaved."""
    return rows.reshape(heads, 2, -1, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def _tokenizer(kind, vocab):
    if kind == "llama-bpe":
        return tiny_tokenizers.llama3(vocab), None
    if kind == "qwen2":
        return tiny_tokenizers.qwen2(vocab), None
    with tempfile.TemporaryDirectory() as scratch:
        return tiny_tokenizers.sentencepiece_bpe(vocab, Path(scratch))


def _write(path, model, raw, tokenizer, processor, tokenizer_kind):
    config = model.config
    arch = {"mistral": "llama"}.get(config.model_type, config.model_type)
    writer = gguf.GGUFWriter(path, arch)
    writer.add_name(path.stem)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    if arch == "llama":
        writer.add_vocab_size(config.vocab_size)
        writer.add_rope_dimension_count(_head_dim(config))
    if arch == "qwen3":
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    _add_tokenizer(writer, tokenizer, processor, tokenizer_kind)
    if getattr(config, "rope_scaling", None):
        writer.add_tensor("rope_freqs.weight", _llama3_factors(config))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], config.num_hidden_layers)
    for name, (qtype, rows) in raw.items():
        if arch == "llama" and "q_proj" in name:
            rows = _permute(rows, config.num_attention_heads)
        if arch == "llama" and "k_proj" in name:
            rows = _permute(rows, config.num_key_value_heads)
        target = names.get_name(name, try_suffixes=(".weight", ".bias"))
        writer.add_tensor(target, np.ascontiguousarray(rows), raw_dtype=qtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _head_dim(config):
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _llama3_factors(config):
    """What llama.cpp divides each frequency by, as its converter stores Llama 3's rope scaling."""
    scaling, dim = config.rope_scaling, _head_dim(config)
    original = scaling["original_max_position_embeddings"]
    low, high = (original / scaling[k] for k in ("low_freq_factor", "high_freq_factor"))
    factors = []
    for i in range(0, dim, 2):
        wavelength = 2 * math.pi * config.rope_theta ** (i / dim)
        if wavelength < high:
            factors.append(1.0)
        elif wavelength > low:
            factors.append(scaling["factor"])
        else:
            smooth = (original / wavelength - scaling["low_freq_factor"]) / (
                scaling["high_freq_factor"] - scaling["low_freq_factor"]
            )
            factors.append(1.0 / ((1 - smooth) / scaling["factor"] + smooth))
    return np.array(factors, np.float32)


def _add_tokenizer(writer, tokenizer, processor, kind):
    vocab = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    if processor is None:
        stored = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
        merges = [" ".join(pair) for pair in stored]
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(kind)
        writer.add_token_list([token for token, _ in vocab])
        writer.add_token_types([3 if idx in special else 1 for _, idx in vocab])
        writer.add_token_merges(merges)
    else:
        size = processor.get_piece_size()
        kinds = [
            gguf.TokenType.UNKNOWN if processor.is_unknown(i)
            else gguf.TokenType.CONTROL if processor.is_control(i)
            else gguf.TokenType.BYTE if processor.is_byte(i)
            else gguf.TokenType.NORMAL
            for i in range(size)
        ]
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list([processor.id_to_piece(i) for i in range(size)])
        writer.add_token_scores([processor.get_score(i) for i in range(size)])
        writer.add_token_types(kinds)
        writer.add_add_space_prefix(True)
    if tokenizer.bos_token_id is not None:
        writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_add_bos_token(tokenizer.bos_token_id is not None)
    writer.add_chat_template(tokenizer.chat_template)


def _check_against_transformers(path, model):
    """Reads the file back with the GGUF loader of transformers: the same logits must come out."""
    loaded = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    ids = reference.prompts(model.config.vocab_size, 1)[-1]
    delta = (reference.logits(loaded, ids) - reference.logits(model, ids)).abs().max()
    assert delta < 1e-4, f"{path.name}: read back differs by {delta}"
