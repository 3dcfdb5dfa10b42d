import warp as wp


@wp.kernel
def scale(a: wp.indexedarray(dtype=float), b: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = a[i] * b[i]


data = wp.array([0.0, 1.0, 2.0, 3.0], dtype=float, device="cpu")
picked = wp.indexedarray(data, [wp.array([3, 1], dtype=int, device="cpu")])
b = wp.array([2.0, 3.0], dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(2, dtype=float, device="cpu")
adjoints = [wp.zeros(2, dtype=float, device="cpu"), b.grad, wp.ones(2, dtype=float, device="cpu")]
print("expected [3.0, 1.0]; observed: killed by SIGSEGV, or a wrong gradient", flush=True)
wp.launch(scale, dim=2, inputs=[picked, b, out], adj_inputs=adjoints, adjoint=True, device="cpu")
assert b.grad.numpy().tolist() == [3.0, 1.0]
