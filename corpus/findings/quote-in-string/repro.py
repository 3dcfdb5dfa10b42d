import warp as wp


@wp.kernel
def say(a: wp.array(dtype=float)):
    print('say "hi"')
    a[0] = 1.0


a = wp.zeros(1, dtype=float, device="cpu")
try:
    wp.launch(say, dim=1, inputs=[a], device="cpu")
    observed = float(a.numpy()[0])
except Exception as error:
    observed = str(error)
print("expected 1.0, observed", observed)
assert observed == 1.0
