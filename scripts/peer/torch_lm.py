"""The language models in PyTorch, from the papers' equations and differentiated by
autograd: the peer that their speed is compared with. The standard LSTM is
torch.nn.LSTM.

    python3 scripts/peer/torch_lm.py --model modulated --steps 4

A step is a window of random tokens: forward, backward, a clip of the gradient's norm
and SGD, the state carried from window to window. The flags are those of
scripts/bench, and so are the fields of the JSON object that it prints.
"""
import argparse
import json
import os
import resource
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", choices=["lstm", "plastic", "modulated", "retroactive"], default="modulated")
for flag, size in [("hidden", 200), ("embed", 200), ("layers", 2), ("vocab", 10000), ("batch", 20), ("bptt", 35),
                   ("steps", 4), ("warmup", 1), ("threads", 2)]:
    parser.add_argument("--" + flag, type=int, default=size)
for flag in ["alpha", "rate"]:
    parser.add_argument("--" + flag, choices=["connection", "neuron"], default="neuron")
parser.add_argument("--tie", action="store_true", help="tie the decoder's weights to the embedding's")
parser.add_argument("--forward-only", action="store_true")
parser.add_argument("--clip", type=float, default=2.0)
args = parser.parse_args()
os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)

from torch_rnn import rates, update  # noqa: E402 (it sets what OpenBLAS and OpenMP read)
import torch  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(args.threads)
torch.manual_seed(1)
OPT = {"rule": "clip", "clip": args.clip, "rate": args.rate, "modulator_input": "hidden",
       "modulation": {"plastic": "none", "modulated": "simple"}.get(args.model, args.model)}


class PlasticLSTM(nn.Module):
    """h(t-1) reaches the candidates g through W + alpha A(t), and A learns from g and h(t-1)."""

    def __init__(self, size, n):
        super().__init__()
        self.n = n

        def param(*shape, bound):
            return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))

        def shared(by):
            return (n, n) if by == "connection" else (n,)
        k = n ** -0.5
        self.weight_ih, self.weight_hh = param(4 * n, size, bound=k), param(4 * n, n, bound=k)
        self.bias = nn.Parameter(torch.zeros(4 * n))
        p = {"alpha": param(*shared(args.alpha), bound=1e-3)}
        if args.model == "plastic":
            p["eta"] = param(*shared(args.rate), bound=1e-2)
        else:
            p |= {"modulator.weight": param(n, bound=k), "modulator.bias": param(1, bound=k),
                  "fanout.weight": param(*shared(args.rate), bound=2e-2)}
            if args.rate == "neuron":
                p["fanout.bias"] = param(n, bound=2e-2)
            if args.model == "retroactive":
                p["trace_rate"] = nn.Parameter(torch.tensor([0.5]))
        self.names = list(p)
        self.plastic = nn.ParameterList(p.values())

    def start(self, batch):
        trace = torch.zeros(batch, self.n, self.n)
        state = [torch.zeros(batch, self.n), torch.zeros(batch, self.n), trace]
        return state + ([trace.clone()] if args.model == "retroactive" else [None])

    def forward(self, x, state):
        h, c, hebb, trace = state
        p, n, out = dict(zip(self.names, self.plastic)), self.n, []
        for z in x @ self.weight_ih.T + self.bias:
            i, f, g, o = (z + h @ self.weight_hh.T).split(n, 1)
            if args.alpha == "connection":
                seen = torch.bmm(p["alpha"] * hebb, h.unsqueeze(2)).squeeze(2)
            else:
                seen = p["alpha"] * torch.bmm(hebb, h.unsqueeze(2)).squeeze(2)
            g = torch.tanh(g + seen)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * g
            new = torch.sigmoid(o) * torch.tanh(c)
            hebb, trace = update(hebb, trace, rates(p, OPT, new, len(h), n, n), p.get("trace_rate"), h, g, OPT)
            h = new
            out.append(h)
        return torch.stack(out), [h, c, hebb, trace]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(args.vocab, args.embed)
        sizes = [args.embed] + [args.hidden] * args.layers
        if args.tie:
            sizes[-1] = args.embed
        pairs = list(zip(sizes, sizes[1:]))
        self.layers = nn.ModuleList(nn.LSTM(*p) if args.model == "lstm" else PlasticLSTM(*p) for p in pairs)
        self.decoder = nn.Linear(sizes[-1], args.vocab)
        if args.tie:
            self.decoder.weight = self.embedding.weight

    def start(self):
        if args.model != "lstm":
            return [layer.start(args.batch) for layer in self.layers]
        return [[torch.zeros(1, args.batch, layer.hidden_size)] * 2 for layer in self.layers]

    def forward(self, x, states):
        x, after = self.embedding(x), []
        for layer, state in zip(self.layers, states):
            x, state = layer(x, state)
            after.append([s if s is None else s.detach() for s in state])
        return self.decoder(x), after


model = Model()
sgd = torch.optim.SGD(model.parameters(), lr=1)
states, seconds = model.start(), []
for step in range(args.warmup + args.steps):
    x, y = torch.randint(args.vocab, (2, args.bptt, args.batch))
    begin = time.perf_counter()
    with torch.set_grad_enabled(not args.forward_only):
        logits, states = model(x, states)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        if not args.forward_only:
            sgd.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            sgd.step()
        else:
            loss.item()
    if step >= args.warmup:
        seconds.append(time.perf_counter() - begin)
median = statistics.median(seconds)
print(json.dumps({
    "model": args.model, "forward_only": args.forward_only, "alpha": args.alpha, "rate": args.rate,
    "params": sum(p.numel() for p in model.parameters()), "batch": args.batch, "bptt": args.bptt, "hidden": args.hidden,
    "layers": args.layers, "vocab": args.vocab, "threads": args.threads, "precision": "f32",
    "ms_per_step_median": 1e3 * median, "ms_per_step_min": 1e3 * min(seconds), "tokens_per_s": args.batch * args.bptt / median,
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
