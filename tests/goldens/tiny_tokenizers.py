"""Tiny tokenizers of the kinds that real models use, trained on the text below.

Owns: training, chat templates and the golden's `tokenizer` and `chat` entries.
"""

import io

import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers
from transformers import LlamaTokenizerFast, PreTrainedTokenizerFast

CORPUS = """The ropeway crosses the valley on twelve towers. Every car carries tokens, and every tower holds a block.
When the wind rises above 25 metres per second, the operator stops the line; it's a rule that can't be broken.
fn main() {\n    let answer = 42;\n    println!("{answer}");\n}\n
In 1936 the first cabin went up 1,234 metres in 9 minutes and 30 seconds. Don't lean out, they'll say.
Die Seilbahn f\u00e4hrt \u00fcber das Tal. La t\u00e9l\u00e9cabine traverse la vall\u00e9e. \u7d22\u9053\u7a7f\u8fc7\u5c71\u8c37\u3002
for i in range(10):\n\tprint(i, "and", i * i)\n\n
Tokens come and tokens go; the line runs on, and the valley below is quiet, green and wide.
"""

# As published in the tokenizer.json of Llama 3 and of Qwen2.
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_SPLIT = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")

LLAMA_TEMPLATE = (
    "{{- bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'"
    " + message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
MISTRAL_TEMPLATE = (
    "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content'] %}"
    "{%- set rest = messages[1:] %}{%- else %}{%- set rest = messages %}{%- endif %}"
    "{{- bos_token }}{%- for message in rest %}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{- raise_exception('roles must alternate user and assistant') }}{%- endif %}"
    "{%- if message['role'] == 'user' %}"
    "{%- if loop.last and system is defined %}{{- ' [INST] ' + system + '\\n\\n' + message['content'] + ' [/INST]' }}"
    "{%- else %}{{- ' [INST] ' + message['content'] + ' [/INST]' }}{%- endif %}"
    "{%- else %}{{- ' ' + message['content'] + eos_token }}{%- endif %}{%- endfor %}"
)
QWEN_TEMPLATE = (
    "{%- set ns = namespace(count=0) %}"
    "{%- for message in messages %}{%- set ns.count = ns.count + 1 %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

LLAMA_SPECIAL = [
    "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
]
QWEN_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

SAMPLES = [
    "", " ", "The ropeway", " towers and  tokens ", "it's they'LL don't", "12345 9 0.5",
    "fn main() {\n    let x = 42;\n}\n\n", "a\r\n\r\nb\t\tc", "\u7d22\u9053 na\u00efve caf\u00e9 \u20ac",
    "\U0001f6a1\U0001f468\u200d\U0001f469\u200d\U0001f467 up", "e\u0301 vs \u00e9", "   leading", "trailing   ",
    "x\u0000y\u007f", "<|im_end|><|eot_id|></s>text",
]
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "  How high is the ropeway?  "},
    {"role": "assistant", "content": "1,234 metres."},
    {"role": "user", "content": "And the towers?\n"},
]


def _byte_level(vocab_size, special, split, normalizer, ignore_merges):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([CORPUS], trainer)
    assert tokenizer.get_vocab_size() == vocab_size
    return tokenizer


def llama3(vocab_size):
    """Byte-level BPE, three-digit groups, a beginning-of-sequence token in front."""
    tokenizer = _byte_level(vocab_size, LLAMA_SPECIAL, LLAMA3_SPLIT, None, True)
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|begin_of_text|> $A",
                pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                special_tokens=[("<|begin_of_text|>", 0)],
            ),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>",
        chat_template=LLAMA_TEMPLATE, clean_up_tokenization_spaces=False,
    )


def qwen2(vocab_size):
    """Byte-level BPE, NFC, single digits, no beginning-of-sequence token."""
    tokenizer = _byte_level(vocab_size, QWEN_SPECIAL, QWEN2_SPLIT, normalizers.NFC(), False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        chat_template=QWEN_TEMPLATE, clean_up_tokenization_spaces=False,
    )


def sentencepiece_bpe(vocab_size, folder):
    """SentencePiece BPE with byte fallback, as Llama 2 and Mistral 7B have it. Returns the
    tokenizer and the SentencePiece processor that it was converted from."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS.split("\n")), model_writer=model, model_type="bpe",
        vocab_size=vocab_size, byte_fallback=True, split_digits=True, character_coverage=0.98,
        normalization_rule_name="identity", remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True, minloglevel=2,
    )
    path = folder / "tokenizer.model"
    path.write_bytes(model.getvalue())
    # Without `add_prefix_space` the conversion leaves the prefix out, unlike that of the real models.
    tokenizer = LlamaTokenizerFast(
        vocab_file=str(path), legacy=True, add_prefix_space=True, chat_template=MISTRAL_TEMPLATE
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return tokenizer, processor


def record_samples(tokenizer):
    """The golden's `tokenizer` entry: ids without and with the special tokens that the tokenizer
    adds, and the text that the former decode to."""
    entries = []
    for text in SAMPLES:
        ids = tokenizer(text, add_special_tokens=False).input_ids
        entries.append(
            {
                "text": text,
                "ids": ids,
                "ids_with_special": tokenizer(text).input_ids,
                "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                "decoded_skip_special": tokenizer.decode(ids, skip_special_tokens=True),
            }
        )
    return entries


def record_chat(tokenizer):
    """The golden's `chat` entry."""
    render = lambda **kw: tokenizer.apply_chat_template(MESSAGES, add_generation_prompt=True, **kw)
    return {
        "messages": MESSAGES,
        "add_generation_prompt": True,
        "rendered": render(tokenize=False),
        "ids": render(tokenize=True),
    }
