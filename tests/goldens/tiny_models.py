"""Tiny random models of each family as Hugging Face folders, each with its golden.json.

Owns: the configurations, the random weights and the folders' files.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers import LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

import reference
import tiny_tokenizers

VOCAB = 320
SPM_VOCAB = 384
# The smallest gap between the two best logits that a golden's continuations should keep.
ENOUGH_MARGIN = 0.02

SHAPE = dict(
    hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    intermediate_size=96, max_position_embeddings=512, rms_norm_eps=1e-5, vocab_size=VOCAB,
    bos_token_id=None, eos_token_id=None, pad_token_id=None, tie_word_embeddings=False,
)
LLAMA3_SCALING = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=32,
)


def config(kind):
    """The configuration of one folder."""
    if kind == "llama":
        return LlamaConfig(**SHAPE | dict(bos_token_id=0, eos_token_id=[1, 4]))
    if kind == "llama3-rope":
        return LlamaConfig(
            **SHAPE | dict(bos_token_id=0, eos_token_id=4, rope_scaling=LLAMA3_SCALING)
        )
    if kind == "mistral":
        return MistralConfig(
            **SHAPE
            | dict(vocab_size=SPM_VOCAB, bos_token_id=1, eos_token_id=2, sliding_window=6, head_dim=16)
        )
    if kind == "qwen2":
        return Qwen2Config(
            **SHAPE
            | dict(eos_token_id=2, rope_theta=1e6, rms_norm_eps=1e-6, tie_word_embeddings=True)
            | dict(use_sliding_window=False, sliding_window=4, max_window_layers=0)
        )
    if kind == "qwen3":
        return Qwen3Config(
            **SHAPE
            | dict(head_dim=32, eos_token_id=2, rope_theta=1e6, rms_norm_eps=1e-6)
            | dict(intermediate_size=160)
        )
    raise ValueError(kind)


# Folder: (element type, shard size or None).
FOLDERS = {
    "llama": (torch.bfloat16, None),
    "llama3-rope": (torch.float16, None),
    "mistral": (torch.bfloat16, "150KB"),
    "qwen2": (torch.float32, None),
    "qwen3": (torch.bfloat16, None),
}


def random_model(model_config, seed, dtype):
    """A model whose attention looks around and whose logits are far apart: the default
    initialisation gives near-uniform attention and near-equal logits. Weights are rounded to
    `dtype` and held in float32."""
    model = AutoModelForCausalLM.from_config(model_config, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(seed)
    # With tied embeddings the layers must outweigh the embedding, or every token repeats itself.
    gain = 1.6 if model_config.tie_word_embeddings else 1.1
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                value = 1.0 + 0.25 * noise
            elif name.endswith("bias"):
                value = 0.5 * noise
            elif "embed_tokens" in name or "lm_head" in name:
                value = 0.5 * noise
            else:
                value = noise * (gain / parameter.shape[-1] ** 0.5)
            parameter.copy_(value.to(dtype).float())
    return model.float()


def make(root):
    """Writes every folder under `root`."""
    for kind, (dtype, shard) in FOLDERS.items():
        folder = root / kind
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        vocab = config(kind).vocab_size
        build = lambda seed: random_model(config(kind), seed, dtype)
        seed, model = reference.clearest(build, vocab, ENOUGH_MARGIN)
        _save_model(folder, model, dtype, shard)
        tokenizer = _save_tokenizer(folder, kind, vocab)
        stored = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        _finish_config(folder, kind)
        golden = {
            "reference": versions(),
            "seed": seed,
            "dtype": str(dtype).removeprefix("torch."),
            "prompts": reference.record_prompts(stored, vocab, seed),
            "tokenizer": tiny_tokenizers.record_samples(tokenizer),
            "chat": tiny_tokenizers.record_chat(tokenizer),
        }
        golden["min_margin"] = min(min(p["margins"]) for p in golden["prompts"])
        golden["noise"] = reference.noise(stored, vocab, seed)
        reference.write_golden(folder / "golden.json", golden)
        print(kind, "seed", seed, "min margin", golden["min_margin"], golden["noise"])


def versions():
    """What computed a golden."""
    return {"torch": torch.__version__, "transformers": transformers.__version__}


def _save_model(folder, model, dtype, shard):
    eos, bos = model.config.eos_token_id, model.config.bos_token_id
    model.generation_config = GenerationConfig(
        bos_token_id=bos, eos_token_id=eos, do_sample=True, temperature=0.7, top_p=0.9, top_k=40
    )
    limit = {"max_shard_size": shard} if shard else {}
    model.to(dtype).save_pretrained(folder, safe_serialization=True, **limit)


def _save_tokenizer(folder, kind, vocab):
    if kind.startswith("llama"):
        tokenizer = tiny_tokenizers.llama3(vocab)
    elif kind.startswith("qwen"):
        tokenizer = tiny_tokenizers.qwen2(vocab)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            tokenizer, _ = tiny_tokenizers.sentencepiece_bpe(vocab, Path(scratch))
    # Both homes of a chat template are in use: a file of its own, and tokenizer_config.json.
    tokenizer.save_pretrained(folder, save_jinja_files=kind != "mistral")
    for extra in ("special_tokens_map.json", "tokenizer.model"):
        (folder / extra).unlink(missing_ok=True)
    return tokenizer


def _finish_config(folder, kind):
    """Gives the qwen3 folder the newer spelling of its rope fields (transformers 5), and the llama
    folder the older one of its element type."""
    path = folder / "config.json"
    fields = json.loads(path.read_text())
    if kind == "qwen3":
        fields["rope_parameters"] = {"rope_theta": fields.pop("rope_theta"), "rope_type": "default"}
        fields.pop("rope_scaling")
    if kind == "llama":
        fields["torch_dtype"] = fields.pop("dtype")
    path.write_text(json.dumps(fields, indent=2) + "\n")
