import warp as wp


@wp.struct
class Settings:
    step: float


SETTINGS = Settings()
SETTINGS.step = 0.5


@wp.kernel
def read(out: wp.array(dtype=float)):
    out[0] = wp.static(SETTINGS).step
