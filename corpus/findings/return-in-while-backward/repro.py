import signal

import warp as wp


@wp.kernel
def total(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    s = float(0.0)
    i = int(0)
    while i < 5:
        s += x[0]
        i += 1
        if i == 3:
            out[0] = s
            return


x = wp.ones(1, dtype=float, requires_grad=True, device="cpu")
out = wp.zeros(1, dtype=float, requires_grad=True, device="cpu")
with wp.Tape() as tape:
    wp.launch(total, dim=1, inputs=[x, out], device="cpu")
print("expected [3.0]; observed: it never ends, SIGALRM after 10 seconds", flush=True)
signal.alarm(10)
tape.backward(grads={out: wp.ones(1, dtype=float, device="cpu")})
assert x.grad.numpy().tolist() == [3.0]
