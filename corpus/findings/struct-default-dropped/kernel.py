import warp as wp


@wp.struct
class Settings:
    scale: float = 2.5


@wp.kernel
def read(out: wp.array(dtype=float)):
    settings = Settings()
    out[0] = settings.scale
