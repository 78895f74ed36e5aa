"""The plastic RNN and the plastic feed-forward layer in PyTorch, from the papers'
equations and differentiated by autograd: numbers to hold plasticlstm against, and
the peer that its speed is compared with.

    python3 scripts/peer/torch_rnn.py golden > plasticlstm/testdata/golden.json
    python3 scripts/peer/torch_rnn.py bench patterns 2 3
    python3 scripts/peer/torch_rnn.py learn 1 10000

bench TASK THREADS EPISODES prints one line of JSON: the least and the median
seconds of an episode, forward, backward and a step of Adam, the least seconds of
processor time, which other programs on the machine disturb less, and updates_per_s
from the median. learn SEED EPISODES trains the plastic network of `eval patterns
--preset comparison` and prints the share of the zeroed bits wrong.
"""
import json
import math
import os
import random
import statistics
import sys
import time

# OpenBLAS and OpenMP read these when they are loaded. OpenBLAS knows no newer core
# type by name that has float32 kernels of its own.
os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import torch  # noqa: E402


def factors(p, name):
    """A decomposed coefficient [1, post, pre]."""
    return torch.einsum("j,i->ji", p[name + ".post"], p[name + ".pre"]).unsqueeze(0)


def rates(p, opt, modulator_input, batch, post, pre):
    """eta [B or 1, post, pre] and M(t) [B] or None."""
    shape = {"connection": (1, post, pre), "neuron": (1, post, 1), "layer": (1, 1, 1), "decomposed": None}[opt["rate"]]
    if opt["modulation"] == "none":
        if opt["rate"] == "decomposed":
            return factors(p, "eta")
        return p["eta"].reshape(shape).expand(1, post, pre)
    m = torch.tanh(modulator_input @ p["modulator.weight"] + p["modulator.bias"]).reshape(batch, 1, 1)
    if opt["rate"] == "layer":
        return m.expand(batch, post, pre)
    if opt["rate"] == "decomposed":
        return factors(p, "fanout.weight") * m
    eta = p["fanout.weight"].reshape(shape) * m
    if opt["rate"] == "neuron":
        eta = eta + p["fanout.bias"].reshape(shape)
    return eta.expand(batch, post, pre)


def update(hebb, trace, eta, k, pre, post, opt):
    """One update of A and E [B, post, pre]."""
    product = torch.einsum("bj,bi->bji", post, pre)
    rule, c = opt["rule"], opt["clip"]
    if opt["modulation"] == "retroactive":
        hebb, trace = hebb + eta * trace, (1 - k) * trace + k * product
    elif rule == "decay":
        hebb = (1 - eta) * hebb + eta * product
    elif rule == "bcm":  # trace is the threshold theta [B, post]
        theta = trace
        hebb = hebb + eta * torch.einsum("bj,bi->bji", post * (post ** 2 - theta), pre)
        trace = (1 - k) * theta + k * post ** 2
    elif rule == "oja":
        y = post.unsqueeze(2)
        hebb = hebb + eta * y * (pre.unsqueeze(1) - y * hebb)
    else:
        hebb = hebb + eta * product
    if rule != "additive":
        hebb = torch.clamp(hebb, -c, c)
    return hebb, trace


def alpha_of(p, opt, post):
    if opt["alpha"] == "decomposed":
        return factors(p, "alpha")
    return p["alpha"].reshape({"connection": (1, post, -1), "neuron": (1, post, 1), "layer": (1, 1, 1)}[opt["alpha"]])


def rnn(p, opt, x, y, hebb, trace):
    """x [T, B, I] -> out [T, B, H] and the final state."""
    out, n, batch = [], y.shape[1], y.shape[0]
    alpha = alpha_of(p, opt, n)
    for xt in x:
        z = torch.einsum("bji,bi->bj", p["weight_hh"] + alpha * hebb, y)
        if opt["feed"] == "projected":
            z = z + xt @ p["weight_ih"].T + p["bias"]
        elif opt["feed"] == "direct":
            z = z + xt
        new = torch.tanh(z)
        if opt["feed"] == "clamped":
            v, m = xt[:, :n], xt[:, n:]
            new = m * v + (1 - m) * new
        eta = rates(p, opt, new if opt["modulator_input"] == "hidden" else y, batch, n, n)
        hebb, trace = update(hebb, trace, eta, p.get("trace_rate", p.get("threshold_rate")), y, new, opt)
        y = new
        out.append(y)
    return torch.stack(out), [y, hebb] + ([trace] if trace is not None else [])


def dense(p, opt, x, hebb, trace):
    """x [T, B, In + Out] -> out [T, B, Out] and the final state."""
    out, (post, pre), batch = [], p["weight"].shape, x.shape[1]
    alpha = alpha_of(p, opt, post)
    for xt in x:
        xt, clamp = xt[:, :pre], xt[:, pre:]
        z = torch.einsum("bji,bi->bj", p["weight"] + alpha * hebb, xt) + clamp
        y = torch.softmax(z, 1) if opt["activation"] == "softmax" else torch.tanh(z)
        eta = rates(p, opt, y, batch, post, pre)
        hebb, trace = update(hebb, trace, eta, p.get("trace_rate", p.get("threshold_rate")), xt, y, opt)
        out.append(y)
    return torch.stack(out), [hebb] + ([trace] if trace is not None else [])


def golden_case(kind, seed, **opt):
    opt = {"rule": "clip", "modulation": "none", "alpha": "connection", "rate": "connection",
           "modulator_input": "hidden", "clip": 0.3, "feed": "projected", "activation": "softmax"} | opt
    r = random.Random(seed)
    steps, batch, post = 4, 2, 3

    def draw(lo, hi, *shape):
        v = [round(r.uniform(lo, hi), 3) for _ in range(math.prod(shape))]
        return torch.tensor(v, dtype=torch.float64).reshape(shape)

    pre = post if kind == "rnn" else 4
    shapes = {"connection": (post, pre), "neuron": (post,), "layer": (1,)}
    p = {}
    if kind == "dense":
        width = pre + post
        p["weight"] = draw(-0.8, 0.8, post, pre)
    else:
        width = {"projected": 2, "direct": post, "clamped": 2 * post}[opt["feed"]]
        if opt["feed"] == "projected":
            p["weight_ih"] = draw(-0.8, 0.8, post, 2)
        p["weight_hh"] = draw(-0.8, 0.8, post, post)
        if opt["feed"] == "projected":
            p["bias"] = draw(-0.3, 0.5, post)

    def coefficient(name, how, lo, hi):
        if how == "decomposed":
            p[name + ".post"], p[name + ".pre"] = draw(lo, hi, post), draw(0.6, 1.2, pre)
        else:
            p[name] = draw(lo, hi, *shapes[how])

    coefficient("alpha", opt["alpha"], 0.2, 0.9)
    if opt["modulation"] == "none":
        coefficient("eta", opt["rate"], 0.2, 0.6)
    else:
        p["modulator.weight"], p["modulator.bias"] = draw(-0.8, 0.8, post), draw(-0.8, 0.8, 1)
        if opt["rate"] != "layer":
            coefficient("fanout.weight", opt["rate"], 0.3, 1.2)
        if opt["rate"] == "neuron":
            p["fanout.bias"] = draw(-0.4, 0.8, post)
        if opt["modulation"] == "retroactive":
            p["trace_rate"] = draw(0.3, 0.6, 1)
    if opt["rule"] == "bcm":
        p["threshold_rate"] = draw(0.3, 0.6, 1)
    x = draw(-1, 1, steps, batch, width)
    state = [draw(-0.8, 0.8, batch, post)] if kind == "rnn" else []
    state.append(draw(-0.29, 0.29, batch, post, pre))
    if opt["modulation"] == "retroactive":
        state.append(draw(-0.5, 0.5, batch, post, pre))
    if opt["rule"] == "bcm":
        state.append(draw(0, 0.4, batch, post))
    leaves = [x] + state + list(p.values())
    for v in leaves:
        v.requires_grad_()
    hebb = 1 if kind == "rnn" else 0
    trace = state[hebb + 1] if len(state) > hebb + 1 else None
    if kind == "rnn":
        out, final = rnn(p, opt, x, state[0], state[1], trace)
    else:
        out, final = dense(p, opt, x, state[0], trace)
    out_w = draw(-1, 1, *out.shape)
    state_w = [draw(-1, 1, *s.shape) for s in final]
    loss = (out * out_w).sum() + sum((s * w).sum() for s, w in zip(final, state_w))
    loss.backward()

    def flat(*tensors):
        return [v for t in tensors for v in t.detach().flatten().tolist()]

    return {"kind": kind, "in": width, "pre": pre, "post": post, "steps": steps, "batch": batch, "options": opt,
            "x": flat(x), "state": flat(*state), "params": {k: flat(v) for k, v in p.items()},
            "out_weight": flat(out_w), "state_weight": flat(*state_w),
            "out": flat(out), "final": flat(*final), "dx": flat(x.grad),
            "dstate": flat(*[s.grad for s in state]), "dparams": {k: flat(v.grad) for k, v in p.items()}}


def golden():
    cases = [
        golden_case("rnn", 1),
        golden_case("rnn", 2, rule="decay", rate="layer", feed="direct"),
        golden_case("rnn", 3, rule="oja", rate="layer", feed="clamped"),
        golden_case("rnn", 4, rule="oja", alpha="neuron"),
        golden_case("rnn", 5, rule="additive", modulation="simple", rate="neuron", modulator_input="previous_hidden"),
        golden_case("rnn", 6, modulation="simple", rate="layer"),
        golden_case("rnn", 7, modulation="retroactive", rate="layer"),
        golden_case("rnn", 8, modulation="retroactive", alpha="layer", modulator_input="previous_hidden"),
        golden_case("dense", 9, rule="oja", rate="layer", clip=2.0),
        golden_case("dense", 10, modulation="simple", rate="neuron", activation="tanh"),
        golden_case("dense", 11, modulation="retroactive"),
        golden_case("rnn", 12, rule="bcm"),
        golden_case("rnn", 13, rule="bcm", modulation="simple", alpha="neuron", rate="neuron"),
        golden_case("dense", 14, rule="bcm", rate="layer", activation="tanh"),
        golden_case("rnn", 15, alpha="decomposed", rate="decomposed"),
        golden_case("dense", 16, rule="oja", modulation="simple", alpha="decomposed", rate="decomposed"),
    ]
    print("[")
    print(",\n".join(json.dumps(c) for c in cases))
    print("]")


def patterns(n):
    """Five patterns of +-20, shown twice, and one of them with half its bits zeroed:
    x [106, 1, n], the target [n]."""
    shown = 20 * (2.0 * torch.randint(0, 2, (5, n)) - 1)
    shown[:, -1] = 20
    steps = []
    for _ in range(2):
        for i in torch.randperm(5).tolist():
            steps += 6 * [shown[i]] + 4 * [torch.zeros(n)]
    half = shown[0] * (torch.rand(n) < 0.5)
    return torch.stack(steps + 6 * [half]).unsqueeze(1), torch.sign(shown[0])


def images(n):
    """Three images clamped three times for 20 steps, and half of one of them:
    x [201, 1, 2n], the target [n]."""
    shown = torch.rand(3, n) - 0.5
    none, all_, half = torch.zeros(n), torch.ones(n), (torch.arange(n) < n // 2).float()
    steps = []
    for _ in range(3):
        for i in torch.randperm(3).tolist():
            steps += 20 * [torch.cat([shown[i], all_])] + 2 * [torch.cat([none, none])]
    return torch.stack(steps + 3 * [torch.cat([shown[0] * half, half])]).unsqueeze(1), shown[0]


def bench(task, threads, episodes):
    """Episodes of the task's size: batch 1, decaying traces, a loss at the end."""
    n, make, feed = {"patterns": (1001, patterns, "direct"), "images": (1025, images, "clamped")}[task]
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    opt = {"feed": feed}
    p = {"weight_hh": 0.01 * torch.randn(n, n), "alpha": 0.01 * torch.randn(n, n), "eta": torch.tensor([0.01])}
    for v in p.values():
        v.requires_grad_()
    adam = torch.optim.Adam(p.values(), lr=3e-4)
    seconds, processor = [], []
    for _ in range(episodes + 1):  # the first one warms up
        x, target = make(n)
        begin, cpu = time.perf_counter(), time.process_time()
        adam.zero_grad()
        out, _ = episode(p, opt, x, n)
        ((out[-1] - target) ** 2).sum().backward()
        adam.step()
        seconds.append(time.perf_counter() - begin)
        processor.append(time.process_time() - cpu)
    seconds, processor = seconds[1:], processor[1:]
    print(json.dumps({"task": task, "threads": threads, "least": min(seconds), "median": statistics.median(seconds),
                      "least_processor": min(processor), "updates_per_s": 1 / statistics.median(seconds)}))


def episode(p, opt, x, n):
    """rnn for one stream as a user would write it: decay without the clip, which
    never bites there, and products fused where PyTorch has one for them."""
    y, hebb, eta, out = torch.zeros(1, n), torch.zeros(n, n), p["eta"], []
    for xt in x:
        z = y @ (p["weight_hh"] + p["alpha"] * hebb).T
        if opt["feed"] == "direct":
            new = torch.tanh(z + xt)
        else:
            m = xt[:, n:]
            new = m * xt[:, :n] + (1 - m) * torch.tanh(z)
        hebb = (1 - eta) * hebb + eta * torch.outer(new[0], y[0])
        y = new
        out.append(y)
    return torch.cat(out), hebb


def learn(seed, episodes):
    """The small task of patterns: two of 50 bits once, 3 steps each and an empty one
    after it, then 3 steps of one of them without half of its bits. Each line is the
    mean over the 500 episodes before it."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    bits = 50
    n = bits + 1
    p = {"weight_hh": 0.01 * torch.randn(n, n), "alpha": 0.01 * torch.randn(n, n), "eta": torch.tensor([0.01])}
    for v in p.values():
        v.requires_grad_()
    adam = torch.optim.Adam(p.values(), lr=3e-4)
    wrong = []
    for e in range(1, episodes + 1):
        shown = [torch.where(torch.randperm(bits) < bits // 2, -1.0, 1.0) for _ in range(2)]
        steps = []
        for i in torch.randperm(2).tolist():
            steps += 3 * [shown[i]] + [torch.zeros(bits)]
        target = shown[torch.randint(0, 2, ()).item()]
        zeroed = torch.randperm(bits) < bits // 2
        steps += 3 * [target.masked_fill(zeroed, 0)]
        x = 20 * torch.cat([torch.stack(steps), torch.ones(len(steps), 1)], 1)
        out, _ = episode(p, {"feed": "direct"}, x.unsqueeze(1), n)
        answer = out[-1, :bits]
        adam.zero_grad()
        ((answer - target) ** 2).sum().backward()
        adam.step()
        wrong.append((answer * target <= 0)[zeroed].float().mean().item())
        if e % 500 == 0:
            print(e, statistics.mean(wrong[-500:]), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["golden"]:
        golden()
    elif sys.argv[1:2] == ["bench"] and len(sys.argv) == 5:
        bench(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1:2] == ["learn"] and len(sys.argv) == 4:
        learn(int(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(__doc__)
