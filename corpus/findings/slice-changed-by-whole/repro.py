import warp as wp


@wp.kernel
def reverse(out: wp.array(dtype=wp.vec3)):
    v = wp.vec3(1.0, 2.0, 4.0)
    v[::-1] = v
    out[0] = v
    w = wp.vec3(1.0, 2.0, 4.0)
    w[::-1] += w
    out[1] = w


out = wp.zeros(2, dtype=wp.vec3, device="cpu")
wp.launch(reverse, dim=1, inputs=[out], device="cpu")
observed = out.numpy().tolist()
print("expected [[4, 2, 1], [5, 4, 5]], observed", observed)
assert observed == [[4.0, 2.0, 1.0], [5.0, 4.0, 5.0]]
