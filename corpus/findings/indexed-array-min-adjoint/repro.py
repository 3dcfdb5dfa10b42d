import warp as wp


@wp.kernel
def clamp(values: wp.indexedarray(dtype=float), limit: float):
    wp.atomic_min(values, wp.tid(), limit)


data = wp.array([3.0, 4.0, 5.0], dtype=float, device="cpu")
ends = wp.indexedarray(data, [wp.array([0, 2], dtype=int, device="cpu")])
try:
    wp.launch(clamp, dim=2, inputs=[ends, 1.0], device="cpu")
    observed = data.numpy().tolist()
except Exception as error:
    observed = str(error)
print("expected [1.0, 4.0, 1.0], observed", observed)
assert observed == [1.0, 4.0, 1.0]
