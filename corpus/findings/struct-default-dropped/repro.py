import warp as wp


@wp.struct
class Settings:
    scale: float = 2.5


@wp.kernel
def read(out: wp.array(dtype=float)):
    settings = Settings()
    out[0] = settings.scale


out = wp.zeros(1, dtype=float, device="cpu")
wp.launch(read, dim=1, inputs=[out], device="cpu")
observed = float(out.numpy()[0])
print("expected 2.5, observed", observed)
assert observed == 2.5
