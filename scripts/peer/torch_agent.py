"""The agents of eval/cue and eval/maze in PyTorch, from the papers' equations: the
peer that their speed is compared with. Environments are vectorised in NumPy, the
gradient is autograd's.

    python3 scripts/peer/torch_agent.py maze modulated 100 --updates 5 --threads 2

The third argument is the number of neurons. An update is a batch of episodes,
forward and backward, and a step of Adam. Prints one line of JSON with the least and
the median seconds of an update, and the least of processor time; --learn prints the mean reward of every so many
updates instead, which shows that it is the same task.
"""

import argparse
import json
import os
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("task", choices=["cue", "maze"])
parser.add_argument("model", choices=["rnn", "plastic", "modulated", "retroactive", "lstm"])
parser.add_argument("hidden", type=int)
parser.add_argument("--batch", type=int, default=30)
parser.add_argument("--updates", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--lr", type=float, default=1e-4)
parser.add_argument("--size", type=int, default=11, help="of the maze")
parser.add_argument("--cues", type=int, default=4)
parser.add_argument("--bits", type=int, default=20)
parser.add_argument("--steps", type=int, default=0, help="of an episode (default: the paper's)")
parser.add_argument("--learn", type=int, default=0, help="print the mean reward of so many updates at a time")
args = parser.parse_args()

# OpenBLAS and OpenMP read these when they are loaded. OpenBLAS knows no newer core
# type by name that has float32 kernels of its own.
os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)
os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(args.threads)
torch.manual_seed(1)
rng = np.random.default_rng(1)
B, H = args.batch, args.hidden
streams = np.arange(B)


class Maze:
    inputs, actions = 17, 4
    steps = args.steps or 200

    def __init__(self):
        n = args.size
        self.wall = np.ones((n, n), dtype=bool)
        self.wall[1:-1, 1:-1] = False
        self.wall[2:-1:2, 2:-1:2] = True
        self.wall[n // 2, n // 2] = False
        self.free = np.argwhere(~self.wall)
        self.view = np.array([(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1)])
        self.moves = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])

    def elsewhere(self, place):
        """Random free cells other than place [B, 2]."""
        cells = self.free[rng.integers(len(self.free), size=len(place))]
        same = (cells == place).all(1)
        if same.any():
            cells[same] = self.elsewhere(place[same])
        return cells

    def reset(self):
        self.t = 0
        self.at = np.full((B, 2), args.size // 2)
        self.goal = self.elsewhere(self.at)
        return self.observe(np.zeros(B), None)

    def step(self, actions):
        self.t += 1
        to = self.at + self.moves[actions]
        self.at = np.where(self.wall[to[:, 0], to[:, 1]][:, None], self.at, to)
        found = (self.at == self.goal).all(1)
        if found.any():
            self.at[found] = self.elsewhere(self.goal[found])
        reward = np.where(found, 10.0, 0.0)
        return self.observe(reward, actions), reward

    def observe(self, reward, actions):
        obs = np.zeros((B, self.inputs), dtype=np.float32)
        cells = self.at[:, None, :] + self.view
        obs[:, :9] = self.wall[cells[:, :, 0], cells[:, :, 1]]
        obs[:, 10], obs[:, 11], obs[:, 12] = 1, self.t / self.steps, reward
        if actions is not None:
            obs[streams, 13 + actions] = 1
        return obs


class Cue:
    actions = 2
    inputs = args.bits + 7
    steps = args.steps or 120

    def reset(self):
        self.t = 0
        self.cues = rng.integers(2, size=(B, args.cues, args.bits)) * 2.0 - 1
        self.target = rng.integers(args.cues, size=B)
        # What each step shows: a cue, -1 for nothing, -2 for the Go cue.
        self.plan = np.full((B, self.steps + 1), -1)
        for b in range(B):
            plan = []
            while len(plan) <= self.steps:
                shown = list(rng.permutation(args.cues)[: args.cues // 2])
                middle = shown + [-1] * rng.integers(args.cues)
                plan += [-1, *rng.permutation(middle), -2, -1]
            self.plan[b] = plan[: self.steps + 1]
        self.shown = np.zeros(B, dtype=bool)
        return self.observe(np.zeros(B), None)

    def step(self, actions):
        go = self.plan[:, self.t] == -2
        right = (actions == 1) == self.shown
        reward = np.where(go, np.where(right, 1.0, -1.0), 0.0)
        self.shown &= ~go
        self.t += 1
        return self.observe(reward, actions), reward

    def observe(self, reward, actions):
        obs = np.zeros((B, self.inputs), dtype=np.float32)
        now = self.plan[:, self.t]
        cue = now >= 0
        obs[cue, : args.bits] = self.cues[cue, now[cue]]
        self.shown |= now == self.target
        obs[:, args.bits] = now == -2
        obs[:, args.bits + 1], obs[:, args.bits + 2], obs[:, args.bits + 3] = 1, self.t / self.steps, reward
        if actions is not None:
            obs[streams, args.bits + 5 + actions] = 1
        return obs


class Network(torch.nn.Module):
    def __init__(self, inputs, actions):
        super().__init__()
        small = lambda: torch.nn.Parameter(0.01 * torch.rand(H, H))
        if args.model == "lstm":
            self.cell = torch.nn.LSTMCell(inputs, H)
        else:
            self.input = torch.nn.Linear(inputs, H)
            self.w = small()
        if args.model in ("plastic", "modulated", "retroactive"):
            self.alpha = small()
            self.eta = torch.nn.Parameter(torch.full((1,), 0.1))  # eta, or the trace's rate
        if args.model in ("modulated", "retroactive"):
            self.modulator = torch.nn.Linear(H, 1)
        self.head = torch.nn.Linear(H, actions + 1)

    def begin(self):
        self.y = torch.zeros(B, H)
        self.cells = torch.zeros(B, H)
        self.hebb = torch.zeros(B, H, H)  # a row per receiving neuron
        self.trace = torch.zeros(B, H, H)

    def forward(self, x):
        if args.model == "lstm":
            self.y, self.cells = self.cell(x, (self.y, self.cells))
            return self.head(self.y)
        old = self.y
        if args.model == "rnn":
            self.y = torch.tanh(self.input(x) + old @ self.w.T)
            return self.head(self.y)
        recurrent = torch.bmm(self.w + self.alpha * self.hebb, old.unsqueeze(2)).squeeze(2)
        self.y = torch.tanh(self.input(x) + recurrent)
        product = torch.bmm(self.y.unsqueeze(2), old.unsqueeze(1))
        if args.model == "plastic":
            delta = self.eta * product
        else:
            m = torch.tanh(self.modulator(self.y)).unsqueeze(2)
            delta = m * (product if args.model == "modulated" else self.trace)
        self.hebb = torch.clamp(self.hebb + delta, -1, 1)
        if args.model == "retroactive":
            self.trace = (1 - self.eta) * self.trace + self.eta * product
        return self.head(self.y)


env = Maze() if args.task == "maze" else Cue()
net = Network(env.inputs, env.actions)
eps, bound, concentration = (1e-4, 4, 0.03) if args.task == "maze" else (1e-6, 2, 0.1)
adam = torch.optim.Adam(net.parameters(), lr=args.lr, eps=eps)
gamma, value = 0.9, 0.1


def update():
    obs = env.reset()
    net.begin()
    policies, values, chosen, rewards = [], [], [], []
    for _ in range(env.steps):
        out = net(torch.from_numpy(obs))
        pi = torch.softmax(out[:, :-1], 1)
        actions = torch.multinomial(pi.detach(), 1)
        obs, reward = env.step(actions.squeeze(1).numpy())
        policies.append(pi)
        values.append(out[:, -1])
        chosen.append(actions)
        rewards.append(reward)
    returns, later = [], np.zeros(B)
    for reward in reversed(rewards):
        later = reward + gamma * later
        returns.append(later)
    returns = torch.from_numpy(np.array(returns[::-1], dtype=np.float32))
    pi, advantage = torch.stack(policies), returns - torch.stack(values)
    log_chosen = pi.gather(2, torch.stack(chosen)).squeeze(2).log()
    loss = -(log_chosen * advantage.detach()).mean() + value * advantage.pow(2).mean()
    loss = loss + concentration * pi.pow(2).sum(2).mean()
    adam.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), bound)
    adam.step()
    return np.sum(rewards) / B


if args.learn:
    for i in range(0, args.updates, args.learn):
        print(i + args.learn, np.mean([update() for _ in range(args.learn)]), flush=True)
else:
    update()
    times, cpu = [], []
    for _ in range(args.updates):
        begin, busy = time.perf_counter(), time.process_time()
        update()
        times.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - busy)
    print(json.dumps({
        "task": args.task, "model": args.model, "hidden": H, "threads": args.threads,
        "least_s": min(times), "median_s": statistics.median(times), "least_cpu_s": min(cpu),
        "updates_per_s": 1 / statistics.median(times),
    }))
