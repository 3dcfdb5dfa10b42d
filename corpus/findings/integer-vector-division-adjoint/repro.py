import warp as wp


wp.set_module_options({"optimization_level": 0})


@wp.kernel
def first_quotient(x: wp.array(dtype=wp.vec3ul), d: wp.array(dtype=wp.uint64), out: wp.array(dtype=float)):
    i = wp.tid()
    v = x[i] / d[i]
    out[i] = float(v[0])


x = wp.array([[5, 6, 7]], dtype=wp.vec3ul, device="cpu")
d = wp.array([2**32], dtype=wp.uint64, device="cpu")
out = wp.zeros(1, dtype=float, device="cpu")
ones = wp.ones(1, dtype=float, device="cpu")
wp.launch(first_quotient, dim=1, inputs=[x, d, out], device="cpu")
print("expected: a backward pass that leaves integers alone; observed: killed by SIGFPE", flush=True)
wp.launch(first_quotient, dim=1, inputs=[x, d, out], adj_inputs=[None, None, ones], adjoint=True, device="cpu")
print("not reached")
