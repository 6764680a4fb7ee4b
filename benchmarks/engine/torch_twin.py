"""The training step of the benchmark in PyTorch: the model, weights, batch and optimizer of `vlm-jit.mjs`.

Usage: torch_twin.py (eager | compile) PROBLEM.json THREADS
Reads `steps N` or `memory` from standard input, one per line, and answers each with one line of JSON.

Eager is what a PyTorch user would write: scaled_dot_product_attention, layer_norm, cross_entropy over all logits, fused AdamW.
Shapes: B rows, T positions, D width, H heads, V vocabulary.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F


def read_safetensors(path):
    """Named float32 and int32 arrays; written out because PyTorch brings no reader."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    dtypes = {"F32": torch.float32, "I32": torch.int32}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        flat = torch.frombuffer(data, dtype=dtypes[entry["dtype"]], offset=start, count=(end - start) // 4)
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors


def rotary_tables(length, half, base):
    frequencies = torch.tensor([base ** (-i / half) for i in range(half)], dtype=torch.float32)
    angles = torch.arange(length, dtype=torch.float32)[:, None] * frequencies
    return angles.cos(), angles.sin()


def rotate(x_BHTK, cos_TF, sin_TF):
    a, b = x_BHTK.chunk(2, dim=-1)
    return torch.cat([a * cos_TF - b * sin_TF, b * cos_TF + a * sin_TF], dim=-1)


def loss_of(params, config, tokens_BT, targets_BT, cos_TF, sin_TF):
    B, T = tokens_BT.shape
    D, H = config["dim"], config["heads"]

    def norm(x, name):
        return F.layer_norm(x, (D,), params[f"{name}.weight"], None, config["normEpsilon"])

    def split_heads(x_BTD):
        return x_BTD.view(B, T, H, D // H).transpose(1, 2)

    x_BTD = F.embedding(tokens_BT, params["tok_embeddings.weight"])
    for layer in range(config["layers"]):
        name = f"layers.{layer}"
        qkv = F.linear(norm(x_BTD, f"{name}.attention_norm"), params[f"{name}.attention.in_proj.weight"])
        q, k, v = (split_heads(part) for part in qkv.chunk(3, dim=-1))
        seen = F.scaled_dot_product_attention(
            rotate(q, cos_TF, sin_TF), rotate(k, cos_TF, sin_TF), v, is_causal=True
        )
        seen_BTD = seen.transpose(1, 2).reshape(B, T, D)
        x_BTD = x_BTD + F.linear(seen_BTD, params[f"{name}.attention.out_proj.weight"])
        gate, up = F.linear(
            norm(x_BTD, f"{name}.ffn_norm"), params[f"{name}.feed_forward.w12.weight"]
        ).chunk(2, dim=-1)
        x_BTD = x_BTD + F.linear(F.silu(gate) * up, params[f"{name}.feed_forward.w3.weight"])
    logits = F.linear(norm(x_BTD, "norm"), params["output.weight"])
    return F.cross_entropy(logits.view(B * T, -1), targets_BT.view(-1))


def peak_bytes():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main():
    mode, problem_path, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    with open(problem_path) as file:
        problem = json.load(file)
    config = problem["decoder"]
    tensors = read_safetensors(problem["tensors"])
    tokens_BT, targets_BT = (tensors.pop(name).long() for name in ("tokens_BT", "targets_BT"))
    params = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
    half = config["dim"] // config["heads"] // 2
    tables = rotary_tables(tokens_BT.shape[1], half, config["rotaryBase"])
    adamw = problem["optimizer"]
    optimizer = torch.optim.AdamW(
        params.values(),
        lr=problem["lr"],
        betas=(adamw["beta1"], adamw["beta2"]),
        eps=adamw["epsilon"],
        weight_decay=adamw["weightDecay"],
        fused=True,
    )
    compute = torch.compile(loss_of, dynamic=False) if mode == "compile" else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = compute(params, config, tokens_BT, targets_BT, *tables)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params.values(), adamw["clipNorm"])
        optimizer.step()
        return loss.item()

    print(json.dumps({"ready": torch.__version__}), flush=True)
    for line in sys.stdin:
        command = line.split()
        if command[0] == "memory":
            print(json.dumps({"peakBytes": peak_bytes()}), flush=True)
            continue
        milliseconds, losses = [], []
        for _ in range(int(command[1])):
            start = time.perf_counter()
            losses.append(step())
            milliseconds.append(1000 * (time.perf_counter() - start))
        print(json.dumps({"milliseconds": milliseconds, "losses": losses}), flush=True)


if __name__ == "__main__":
    main()
