"""Opens a folder that this package wrote with `transformers` and compares logits.

    python tools/check_hugging_face.py FOLDER LOGITS.safetensors

LOGITS.safetensors holds `tokens` (int32 [B, T]) and our `logits`. Prints one line of JSON.
"""

import json
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

folder, reference = sys.argv[1:]
ours = load_file(reference)
model, info = AutoModelForCausalLM.from_pretrained(
    folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
)
theirs = model(ours["tokens"].long()).logits
error = (theirs - ours["logits"]).abs().max() / theirs.abs().max()
print(json.dumps({"model": type(model).__name__, "error": error.item(), "problems": sum(len(v) for v in info.values())}))
