"""Makes all reference material under this folder; see README.md for the formats.

    python3.11 -m venv VENV && VENV/bin/pip install -r requirements.txt
    VENV/bin/python make.py [models] [gguf] [quants] [smollm2 PATH_TO_GGUF]

Without arguments makes everything but `smollm2`. Versions are pinned in requirements.txt; seeds
are fixed. Run by hand when a format or family is added, never by the tests.
"""

import sys
from pathlib import Path

import torch

import quant_blocks
import smollm2
import tiny_gguf
import tiny_models

ROOT = Path(__file__).resolve().parent


def main(arguments):
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if "smollm2" in arguments:
        smollm2.make(ROOT, Path(arguments[arguments.index("smollm2") + 1]))
    if not arguments or "models" in arguments:
        tiny_models.make(ROOT)
    if not arguments or "gguf" in arguments:
        tiny_gguf.make(ROOT / "gguf")
    if not arguments or "quants" in arguments:
        quant_blocks.make(ROOT)


if __name__ == "__main__":
    main(sys.argv[1:])
