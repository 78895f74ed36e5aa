#!/usr/bin/env bash
# PyTorch 1.13.1, Debian's python3-torch 1.13.1+dfsg-4, on the CPU.
#
# sum adds bfloat16 numbers in float32 and rounds once. A matrix product does not, nor the
# gradient of an embedding: they add in bfloat16, where 256 + 1 is 256, and stop there. So a
# word that occurs 1000 times in a batch, with a gradient of 1 each time, gets 256 of 1000;
# the gradient of a Linear over 1000 rows likewise, under autocast too. float16 does the same
# to norm, at 2048, and so to clip_grad_norm_: of 100,000 ones it is 316.2. Way round:
# convert to float32 before what sums over many rows.
set -euo pipefail
/usr/bin/python3 -c 'import torch' 2>/dev/null ||
	apt-get install -y -qq --no-install-recommends python3-torch=1.13.1+dfsg-4 >/dev/null
got=$(/usr/bin/python3 - <<'PY'
import torch
import torch.nn.functional as F

half, rows = torch.bfloat16, 1000
print("sum:", torch.ones(rows, dtype=half).sum().item())
print("product:", (torch.ones(1, rows, dtype=half) @ torch.ones(rows, 1, dtype=half)).item())

table = torch.zeros(2, 1, dtype=half, requires_grad=True)
F.embedding(torch.zeros(rows, dtype=torch.long), table).sum().backward()
print("gradient of an embedding:", table.grad[0].item())

weight = torch.zeros(1, 1, requires_grad=True)
with torch.autocast("cpu", dtype=half):
    F.linear(torch.ones(rows, 1), weight).sum().backward()
print("gradient of a Linear under autocast:", weight.grad.item())

print("norm, float16:", torch.ones(100000, dtype=torch.float16).norm().item())
PY
)
want='sum: 1000.0
product: 256.0
gradient of an embedding: 256.0
gradient of a Linear under autocast: 256.0
norm, float16: 45.25'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nright would be 1000 four times and 316.2\n' "$want"
	exit 1
}
echo 'as found: right would be 1000 four times and 316.2'
