import warp as wp


@wp.kernel
def divide(out: wp.array(dtype=wp.float64)):
    a = 7
    b = 2
    ratio = wp.float64(a) / wp.float64(b)
    out[0] = wp.float64(a / b)
    out[1] = ratio


out = wp.zeros(2, dtype=wp.float64, device="cpu")
wp.launch(divide, dim=1, inputs=[out], device="cpu")
print("expected [3.  3.5] (integers divide as in C), observed", out.numpy())
assert (out.numpy() == [3.0, 3.5]).all()
