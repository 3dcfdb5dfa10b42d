import numpy as np
import warp as wp


@wp.struct
class Point:
    weight: float


@wp.kernel
def read(points: wp.indexedarray(dtype=Point), out: wp.array(dtype=float)):
    i = wp.tid()
    point = points[i]
    out[i] = point.weight


values = np.array([(1.0,), (2.0,)], dtype=Point.numpy_dtype())
indices = wp.array([1, 0], dtype=int, device="cpu")
points = wp.indexedarray(wp.array(values, dtype=Point, device="cpu"), [indices])
out = wp.zeros(2, dtype=float, device="cpu")
try:
    wp.launch(read, dim=2, inputs=[points, out], device="cpu")
    observed = out.numpy().tolist()
except Exception as error:
    observed = str(error)
print("expected [2.0, 1.0], observed", observed)
assert observed == [2.0, 1.0]
