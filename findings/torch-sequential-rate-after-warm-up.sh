#!/usr/bin/env bash
# PyTorch 1.13.1, Debian's python3-torch 1.13.1+dfsg-4.
#
# SequentialLR starts its next schedule from the optimizer's own rate where that schedule has
# a closed form, and from what the last one left where it has none. After a warm-up from 0.1
# to 1 in three steps ExponentialLR begins at 1; MultiplicativeLR by the same factor begins at
# 0.7, the last value of the warm-up, and stays 0.7 of what it should be. Way round: LambdaLR.
set -euo pipefail
/usr/bin/python3 -c 'import torch' 2>/dev/null ||
	apt-get install -y -qq --no-install-recommends python3-torch=1.13.1+dfsg-4 >/dev/null
got=$(/usr/bin/python3 - <<'PY'
import warnings

import torch
from torch.optim import lr_scheduler as schedule

warnings.simplefilter("ignore")


def rates(then):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    warm_up = schedule.LinearLR(optimizer, start_factor=0.1, total_iters=3)
    s = schedule.SequentialLR(optimizer, [warm_up, then(optimizer)], milestones=[3])
    seen = []
    for _ in range(6):
        seen.append(round(optimizer.param_groups[0]["lr"], 3))
        optimizer.step()
        s.step()
    return seen


print("ExponentialLR   ", rates(lambda o: schedule.ExponentialLR(o, 0.5)))
print("LambdaLR        ", rates(lambda o: schedule.LambdaLR(o, lambda epoch: 0.5**epoch)))
print("MultiplicativeLR", rates(lambda o: schedule.MultiplicativeLR(o, lambda epoch: 0.5)))
PY
)
want='ExponentialLR    [0.1, 0.4, 0.7, 1.0, 0.5, 0.25]
LambdaLR         [0.1, 0.4, 0.7, 1.0, 0.5, 0.25]
MultiplicativeLR [0.1, 0.4, 0.7, 0.7, 0.35, 0.175]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nright would be three lines alike\n' "$want"
	exit 1
}
echo 'as found: right would be three lines alike'
