import warp as wp


@wp.kernel
def search(values: wp.array(dtype=int), wanted: int, found: wp.array(dtype=int)):
    for i in range(values.shape[0]):
        if values[i] == wanted:
            found[0] = i
            break
    else:
        found[0] = -1


values = wp.array([3, 1, 4], dtype=int, device="cpu")
found = wp.zeros(1, dtype=int, device="cpu")
wp.launch(search, dim=1, inputs=[values, 7, found], device="cpu")
observed = int(found.numpy()[0])
print("expected -1, observed", observed)
assert observed == -1
