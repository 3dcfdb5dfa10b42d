import warp as wp


@wp.struct
class Range:
    low: float
    high: float


@wp.kernel
def turn(r: Range, out: wp.array(dtype=float)):
    a, b = r.low, r.high
    a, b = b, a
    out[0] = a


out = wp.zeros(1, dtype=float, device="cpu")
r = Range()
r.low, r.high = 1.0, 2.0
try:
    wp.launch(turn, dim=1, inputs=[r, out], device="cpu")
    observed = float(out.numpy()[0])
except Exception as error:
    observed = str(error)
print("expected 2.0, observed", observed)
assert observed == 2.0
