import warp as wp


@wp.kernel
def second(a: wp.indexedarray2d(dtype=float), out: wp.array(dtype=float)):
    row = a[0, 0:2]
    out[0] = row[1]


data = wp.array([[1.0, 2.0], [3.0, 4.0]], dtype=float, device="cpu")
turned = wp.indexedarray2d(data, [wp.array([1, 0], dtype=int, device="cpu"), None])
out = wp.zeros(1, dtype=float, device="cpu")
try:
    wp.launch(second, dim=1, inputs=[turned, out], device="cpu")
    observed = float(out.numpy()[0])
except Exception as error:
    observed = str(error)
print("expected 4.0, observed", observed)
assert observed == 4.0
