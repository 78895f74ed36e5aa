#!/usr/bin/env bash
# PyTorch 1.13.1, Debian's python3-torch 1.13.1+dfsg-4.
#
# torch.optim.ASGD takes each step at the learning rate of the step before: the rate goes
# into a state, eta, which is reckoned anew at the end of a step and used in the next. SGD
# takes the rate that is set. A recipe that scales the rate by the length of the window, as
# AWD-LSTM does, so scales each window by the length of the one before. With a gradient of 1
# and no decay the steps are the rates themselves: 1, 10, 100. Way round: set state["eta"] too
# before each step.
set -euo pipefail
/usr/bin/python3 -c 'import torch' 2>/dev/null ||
	apt-get install -y -qq --no-install-recommends python3-torch=1.13.1+dfsg-4 >/dev/null
got=$(/usr/bin/python3 - <<'PY'
import torch

for kind, options in ((torch.optim.SGD, {}), (torch.optim.ASGD, {"lambd": 0})):
    w = torch.nn.Parameter(torch.zeros(1))
    optimizer = kind([w], lr=1.0, **options)
    steps = []
    for rate in (1.0, 10.0, 100.0):
        optimizer.param_groups[0]["lr"] = rate
        w.grad = torch.ones(1)
        before = w.item()
        optimizer.step()
        steps.append(round(before - w.item(), 3))
    print(kind.__name__, steps)
PY
)
want='SGD [1.0, 10.0, 100.0]
ASGD [1.0, 1.0, 10.0]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nright would be [1.0, 10.0, 100.0] for both\n' "$want"
	exit 1
}
echo 'as found: right would be [1.0, 10.0, 100.0] for both'
