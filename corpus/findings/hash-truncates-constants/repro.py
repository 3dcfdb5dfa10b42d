import warp as wp


def make(constant):
    @wp.kernel
    def store(out: wp.array(dtype=wp.int64)):
        out[0] = wp.int64(constant)

    return store


kernels = make(5), make(5 + (1 << 32))
out = wp.zeros(1, dtype=wp.int64, device="cpu")
observed = []
for kernel in kernels:
    wp.launch(kernel, dim=1, inputs=[out], device="cpu")
    observed.append(int(out.numpy()[0]))
print("expected", [5, 4294967301], "observed", observed)
assert observed == [5, 4294967301]
