#!/usr/bin/env python3
"""Times the three matrix products of a language model's head in PyTorch.

Prints one JSON object a product, with the fields of `go run ./scripts/gemm`.
"""
import argparse
import json
import os
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--rows", type=int, default=700, help="tokens of a window")
parser.add_argument("--hidden", type=int, default=200)
parser.add_argument("--vocab", type=int, default=10000)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seconds", type=float, default=0.5, help="least time to spend on a product")
args = parser.parse_args()

# OpenBLAS reads these when it is loaded. It knows no newer core type by name that
# has float32 kernels of its own.
os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)
os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import torch  # noqa: E402

torch.set_num_threads(args.threads)
m, k, n = args.rows, args.hidden, args.vocab
h, w, dlogits = torch.rand(m, k) - 0.5, torch.rand(n, k) - 0.5, torch.rand(m, n) - 0.5
logits, dh, dw = torch.empty(m, n), torch.empty(m, k), torch.empty(n, k)
products = {
    "logits": lambda: torch.mm(h, w.t(), out=logits),
    "dh": lambda: torch.mm(dlogits, w, out=dh),
    "dw": lambda: torch.mm(dlogits.t(), h, out=dw),
}
for name, product in products.items():
    for _ in range(2):
        product()
    times = []
    while sum(times) < args.seconds or len(times) < 5:
        begin = time.perf_counter()
        product()
        times.append(time.perf_counter() - begin)
    flops = 2e-9 * m * k * n
    print(json.dumps({
        "product": name, "threads": args.threads, "runs": len(times),
        "gflops": flops / statistics.median(times), "gflops_best": flops / min(times),
    }))
