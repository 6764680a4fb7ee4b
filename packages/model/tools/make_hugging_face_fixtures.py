"""Makes fixtures/hugging-face: small models as `transformers` saves them, with the numbers it computes from them.

Each folder holds what a hub repository holds (config.json, one file of weights or several with an index) and
`expected.safetensors`: tokens, logits, the loss over all next tokens, and the gradient of every parameter, all float32
from the weights as they stand in the files.

    pip install torch transformers safetensors
    python tools/make_hugging_face_fixtures.py fixtures/hugging-face
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Olmo2Config,
    Olmo2ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SMALL = dict(
    vocab_size=61,
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=64,
    bos_token_id=0,
    eos_token_id=0,
    pad_token_id=None,
)

MODELS = {
    # Grouped queries, heads wider than their share, Llama 3's positions, a head of its own.
    "llama-grouped": (
        LlamaForCausalLM,
        LlamaConfig(
            **SMALL,
            num_key_value_heads=2,
            head_dim=8,
            rms_norm_eps=1e-5,
            rope_parameters=dict(
                rope_type="llama3",
                rope_theta=500000.0,
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=32,
            ),
            tie_word_embeddings=False,
        ),
        torch.float32,
        "10GB",
    ),
    # Several files, bfloat16, biases everywhere, stretched positions.
    "llama-sharded-bf16": (
        LlamaForCausalLM,
        LlamaConfig(
            **SMALL,
            num_key_value_heads=4,
            attention_bias=True,
            mlp_bias=True,
            rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.0),
            tie_word_embeddings=False,
        ),
        torch.bfloat16,
        "12KB",
    ),
    "qwen2-tied-fp16": (
        Qwen2ForCausalLM,
        Qwen2Config(**SMALL, num_key_value_heads=1, use_sliding_window=False, tie_word_embeddings=True),
        torch.float16,
        "10GB",
    ),
    "qwen3-tied": (
        Qwen3ForCausalLM,
        Qwen3Config(**SMALL, num_key_value_heads=2, head_dim=8, tie_word_embeddings=True),
        torch.float32,
        "10GB",
    ),
    "olmo2": (
        Olmo2ForCausalLM,
        Olmo2Config(**SMALL, num_key_value_heads=2, tie_word_embeddings=False),
        torch.float32,
        "10GB",
    ),
    "pythia-fp16": (
        GPTNeoXForCausalLM,
        GPTNeoXConfig(**{**SMALL, "intermediate_size": 96, "hidden_size": 32}, rotary_pct=0.25, use_parallel_residual=True),
        torch.float16,
        "10GB",
    ),
    "neox-sequential": (
        GPTNeoXForCausalLM,
        GPTNeoXConfig(
            **{**SMALL, "intermediate_size": 96}, rotary_pct=1.0, use_parallel_residual=False, attention_bias=False
        ),
        torch.float32,
        "10GB",
    ),
}


def main(folder: Path) -> None:
    for name, (kind, config, dtype, shard) in MODELS.items():
        torch.manual_seed(7)
        here = folder / name
        shutil.rmtree(here, ignore_errors=True)
        model = kind(config)
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                # Larger than at the start, and nothing at its neutral value: every part shows in the numbers.
                spread = 0.3 if parameter.dim() > 1 else 0.1
                offset = 1.0 if "norm" in key and key.endswith("weight") else 0.0
                parameter.normal_(offset, spread)
        model.to(dtype).save_pretrained(here, max_shard_size=shard)
        (here / "generation_config.json").unlink(missing_ok=True)

        model = AutoModelForCausalLM.from_pretrained(here, dtype=torch.float32, attn_implementation="eager")
        tokens = torch.randint(0, config.vocab_size, (2, 40))
        logits = model(tokens).logits
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, config.vocab_size), tokens[:, 1:].reshape(-1))
        loss.backward()
        expected = {"tokens": tokens.to(torch.int32), "logits": logits.detach(), "loss": loss.detach()}
        stored = set().union(*(load_file(path).keys() for path in here.glob("*.safetensors")))
        for key, parameter in model.named_parameters():
            if key == "lm_head.weight" and config.model_type == "gpt_neox":
                key = "embed_out.weight"  # its name in files
            assert key in stored, key
            expected[f"grads.{key}"] = parameter.grad
        save_file({key: value.contiguous() for key, value in expected.items()}, here / "expected.safetensors")
        print(name, json.dumps({"loss": loss.item(), "tensors": len(stored), "files": sorted(p.name for p in here.iterdir())}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
