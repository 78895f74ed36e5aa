"""The network that learns characters in PyTorch, from the paper's equations and
differentiated by autograd: the peer that `go test ./eval/omniglot -bench Update` is
compared with.

    python3 scripts/peer/torch_omniglot.py THREADS EPISODES [WAYS SHOTS BATCH]

It prints one line of JSON: the least and the median microseconds of an episode of
random drawings, forward, backward and a step of Adam. The drawings of an episode, or
of a batch of them, go through the convolutions at once.
"""
import json
import math
import os
import statistics
import sys
import time

# OpenBLAS and OpenMP read these when they are loaded. OpenBLAS knows no newer core
# type by name that has float32 kernels of its own.
os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

FEATURES = 64


def parameters(ways):
    p = {}
    for i in range(4):
        channels = 1 if i == 0 else FEATURES
        k = 1 / math.sqrt(9 * channels)
        p[f"conv{i}.weight"] = (2 * torch.rand(FEATURES, channels, 3, 3) - 1) * k
        p[f"conv{i}.bias"] = (2 * torch.rand(FEATURES) - 1) * k
    p["weight"] = 0.01 * (2 * torch.rand(ways, FEATURES) - 1)
    p["alpha"] = 0.01 * torch.rand(ways, FEATURES)
    p["eta"] = torch.tensor([0.01])
    for v in p.values():
        v.requires_grad_()
    return p


def answer(p, drawings, labels):
    """drawings [T, B, 31, 31], labels [T - 1, B] -> y [B, N] at the last step."""
    steps, batch = drawings.shape[:2]
    ways = p["weight"].shape[0]
    h = drawings.reshape(steps * batch, 1, 31, 31)
    for i in range(4):
        h = torch.tanh(F.conv2d(h, p[f"conv{i}.weight"], p[f"conv{i}.bias"], stride=2))
    x = h.reshape(steps, batch, FEATURES)
    hebb = torch.zeros(batch, ways, FEATURES)
    for t in range(steps):
        z = torch.einsum("bji,bi->bj", p["weight"] + p["alpha"] * hebb, x[t])
        if t < steps - 1:
            z = z + 1000 * F.one_hot(labels[t], ways)
        y = torch.softmax(z, 1)
        post = y.unsqueeze(2)
        hebb = hebb + p["eta"] * post * (x[t].unsqueeze(1) - post * hebb)
    return y


def bench(threads, episodes, ways, shots, batch):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    p = parameters(ways)
    adam = torch.optim.Adam(p.values(), lr=3e-5)
    seconds = []
    for _ in range(episodes // batch + 1):  # the first one warms up
        begin = time.perf_counter()
        drawings = torch.rand(ways * shots + 1, batch, 31, 31)
        labels = torch.stack([torch.randperm(ways * shots) % ways for _ in range(batch)], 1)
        target = torch.randint(0, ways, (batch,))
        adam.zero_grad()
        y = answer(p, drawings, labels)
        F.binary_cross_entropy(y, F.one_hot(target, ways).float()).backward()
        adam.step()
        seconds.append((time.perf_counter() - begin) / batch)
    seconds = seconds[1:]
    print(json.dumps({"threads": threads, "batch": batch, "least_us": 1e6 * min(seconds),
                      "median_us": 1e6 * statistics.median(seconds),
                      "updates_per_s": 1 / (batch * statistics.median(seconds))}))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 6):
        sys.exit(__doc__)
    threads, episodes, *rest = map(int, sys.argv[1:])
    bench(threads, episodes, *(rest or (5, 1, 1)))
