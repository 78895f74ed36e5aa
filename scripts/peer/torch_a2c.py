"""Golden numbers for internal/a2c: the loss of an actor-critic episode and its
gradients, by PyTorch's autograd, in float64.

The networks are the standard RNN and Backpropamine's three plastic ones, written
from the equations; episode, actions and rewards are given, so nothing is drawn
from the policy.

    python3 scripts/peer/torch_a2c.py > internal/a2c/testdata/torch.json
"""

import json
import sys

import torch

torch.set_default_dtype(torch.float64)

I, H, A, B, T = 3, 4, 3, 2, 9
GAMMA, VALUE, CONCENTRATION, CLIP = 0.9, 0.1, 0.03, 1.0


def uniform(lo, hi, *shape):
    return (lo + (hi - lo) * torch.rand(*shape)).requires_grad_()


def new_params(model):
    p = {
        "weight_ih": uniform(-1, 1, H, I),
        "weight_hh": uniform(-1, 1, H, H),
        "bias": uniform(-0.5, 0.5, H),
    }
    if model != "rnn":
        p["alpha"] = uniform(-1, 1, H, H)
    if model == "plastic":
        p["eta"] = uniform(0.8, 0.8, 1)
    if model in ("modulated", "retroactive"):
        p["modulator.weight"] = uniform(-1, 1, H)
        p["modulator.bias"] = uniform(0.5, 0.5, 1)
    if model == "retroactive":
        p["trace_rate"] = uniform(0.6, 0.6, 1)
    p["head.weight"] = uniform(-1, 1, A + 1, H)
    p["head.bias"] = uniform(-1, 1, A + 1)
    return p


def run(model, p, obs):
    """Policies [T, B, A], values [T, B], and how often the clip bit."""
    y = torch.zeros(B, H)
    hebb = torch.zeros(B, H, H)  # a row per receiving neuron
    trace = torch.zeros(B, H, H)
    policies, values, bites = [], [], 0
    for x in obs:
        w = p["weight_hh"].expand(B, H, H)
        if model != "rnn":
            w = w + p["alpha"] * hebb
        new = torch.tanh(x @ p["weight_ih"].T + p["bias"] + torch.einsum("bji,bi->bj", w, y))
        product = torch.einsum("bj,bi->bji", new, y)
        if model in ("modulated", "retroactive"):
            m = torch.tanh(new @ p["modulator.weight"] + p["modulator.bias"])[:, None, None]
        if model == "plastic":
            hebb = hebb + p["eta"] * product
        elif model == "modulated":
            hebb = hebb + m * product
        elif model == "retroactive":
            hebb = hebb + m * trace
            trace = (1 - p["trace_rate"]) * trace + p["trace_rate"] * product
        bites += int((hebb.abs() > CLIP).sum())
        hebb = hebb.clamp(-CLIP, CLIP)
        y = new
        out = y @ p["head.weight"].T + p["head.bias"]
        policies.append(torch.softmax(out[:, :A], dim=1))
        values.append(out[:, A])
    return torch.stack(policies), torch.stack(values), bites


def losses(policies, values, actions, rewards):
    returns = torch.zeros(T, B)
    later = torch.zeros(B)
    for t in reversed(range(T)):
        later = rewards[t] + GAMMA * later
        returns[t] = later
    advantage = returns - values
    log_chosen = policies.gather(2, actions[:, :, None]).squeeze(2).log()
    return (
        -(log_chosen * advantage.detach()).mean(),
        advantage.pow(2).mean(),
        policies.pow(2).sum(2).mean(),
    )


def numbers(tensor):
    return tensor.detach().flatten().tolist()


def main():
    torch.manual_seed(1)
    cases = []
    for model in ("rnn", "plastic", "modulated", "retroactive"):
        p = new_params(model)
        obs = 2 * torch.rand(T, B, I) - 1
        actions = torch.randint(A, (T, B))
        rewards = torch.randint(-1, 3, (T, B)).double()
        policies, values, bites = run(model, p, obs)
        print(f"{model}: the clip bit {bites} times", file=sys.stderr)
        policy, value, concentration = losses(policies, values, actions, rewards)
        (policy + VALUE * value + CONCENTRATION * concentration).backward()
        cases.append({
            "model": model,
            "params": {k: numbers(v) for k, v in p.items()},
            "obs": numbers(obs),
            "actions": actions.flatten().tolist(),
            "rewards": numbers(rewards),
            "policies": numbers(policies),
            "values": numbers(values),
            "losses": [float(policy), float(value), float(concentration)],
            "grads": {k: numbers(v.grad) for k, v in p.items()},
        })
    json.dump({
        "inputs": I, "hidden": H, "actions": A, "batch": B, "steps": T, "clip": CLIP,
        "gamma": GAMMA, "value_coef": VALUE, "concentration_coef": CONCENTRATION,
        "cases": cases,
    }, sys.stdout)
    print()


main()
