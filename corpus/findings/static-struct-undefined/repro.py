import warp as wp


@wp.struct
class Settings:
    step: float


SETTINGS = Settings()
SETTINGS.step = 0.5


@wp.kernel
def read(out: wp.array(dtype=float)):
    out[0] = wp.static(SETTINGS).step


out = wp.zeros(1, dtype=float, device="cpu")
try:
    wp.launch(read, dim=1, inputs=[out], device="cpu")
    observed = float(out.numpy()[0])
except Exception as error:
    observed = str(error)
print("expected 0.5, observed", observed)
assert observed == 0.5
