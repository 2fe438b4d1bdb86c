"""Raw blocks of every quantised type and the values that the `gguf` package reads from them.

Owns: random valid blocks, also as weights of a wanted spread, and quants.json.
"""

import json

import gguf
import numpy as np

T = gguf.GGMLQuantizationType
TYPES = [T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K]
# Offsets of the f16 fields (ggml-common.h) and of the fields that hold the elements' own bits.
SCALES = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2]}
SCALES |= {T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
ELEMENTS = {T.Q8_0: (2, 34), T.Q4_0: (2, 18), T.Q4_1: (4, 20), T.Q5_0: (2, 22), T.Q5_1: (4, 24)}
ELEMENTS |= {T.Q4_K: (16, 144), T.Q5_K: (16, 176), T.Q6_K: (0, 192)}


def dequantize(blocks, qtype):
    """float32 values of `[n, block_bytes]` raw blocks, `[n, block_len]`."""
    return gguf.quants.dequantize(blocks, qtype).astype(np.float32)


def _put_f16(block, offset, value):
    block[offset : offset + 2] = np.frombuffer(np.float16(value).tobytes(), np.uint8)


def _random_block(rng, qtype):
    block = rng.integers(0, 256, gguf.GGML_QUANT_SIZES[qtype][1], dtype=np.uint8)
    for offset in SCALES[qtype]:
        _put_f16(block, offset, rng.normal() * 0.1)
    return block


def _cases(rng, qtype):
    """`(name, block)` of random blocks and of the corners of the format."""
    for idx in range(5):
        yield f"random {idx}", _random_block(rng, qtype)
    for name, scales in [
        ("zero scale", (0.0, 0.0)),
        ("negative scale", (-0.75, 0.5)),
        ("negative minimum", (0.75, -0.5)),
        ("subnormal scale", (3e-7, 6e-8)),
        ("large scale", (1000.0, 60000.0)),
    ]:
        block = _random_block(rng, qtype)
        for offset, value in zip(SCALES[qtype], scales):
            _put_f16(block, offset, value)
        yield name, block
    for name, byte in [("all bits set", 0xFF), ("no bits set", 0x00), ("low nibbles only", 0x0F)]:
        block = _random_block(rng, qtype)
        start, end = ELEMENTS[qtype]
        block[start:end] = byte
        yield name, block


def _pack_scales(scales, minimums):
    """Eight 6-bit scales and minimums in the 12 bytes of Q4_K and Q5_K."""
    packed = np.zeros(12, np.uint8)
    for j in range(4):
        packed[j] = scales[j] | (scales[j + 4] >> 4) << 6
        packed[j + 4] = minimums[j] | (minimums[j + 4] >> 4) << 6
        packed[j + 8] = (scales[j + 4] & 15) | (minimums[j + 4] & 15) << 4
    return packed


def random_k_rows(rng, rows, cols, qtype, std):
    """`[rows, cols / 256 * block_bytes]` random K-quant rows whose values have about the standard
    deviation `std` and zero mean (the `gguf` package cannot quantise to these types)."""
    _, block_bytes = gguf.GGML_QUANT_SIZES[qtype]
    blocks = rng.integers(0, 256, (rows * cols // 256, block_bytes), dtype=np.uint8)
    for block in blocks:
        if qtype == T.Q6_K:
            signs = rng.choice([-1, 1], 16)
            block[192:208] = (signs * rng.integers(20, 100, 16)).astype(np.int8).view(np.uint8)
            _put_f16(block, 208, std / (60 * 18.5))
            continue
        # Values are d * scale * q - dmin * minimum: dmin centres them.
        half, ratio = (7.5, 8) if qtype == T.Q4_K else (15.5, 16)
        scales = rng.integers(8, 64, 8)
        minimums = np.round(half * scales / ratio).astype(int)
        d = std / (36 * half / 1.6)
        _put_f16(block, 0, d)
        _put_f16(block, 2, np.float16(d) * np.float32(ratio))
        block[4:16] = _pack_scales(scales, minimums)
    return blocks.reshape(rows, -1)


def make(root):
    """Writes quants.json."""
    rng = np.random.default_rng(7)
    lines = []
    for qtype in TYPES:
        cases = []
        for name, block in _cases(rng, qtype):
            values = dequantize(block[None, :], qtype)[0]
            assert np.isfinite(values).all(), (qtype, name)
            # The shortest text that reads back as the same float32.
            text = ",".join(str(v) for v in values)
            cases.append(f'  {{"case":"{name}","hex":"{block.tobytes().hex()}","values":[{text}]}}')
        block_len, block_bytes = gguf.GGML_QUANT_SIZES[qtype]
        lines.append(
            f' "{qtype.name}": {{"block_len":{block_len},"block_bytes":{block_bytes},"blocks":[\n'
            + ",\n".join(cases) + "\n ]}"
        )
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    json.loads(text)
    (root / "quants.json").write_text(text)
