import warp as wp


@wp.struct
class Body:
    velocity: wp.vec3


@wp.kernel
def push(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    body = Body()
    body.velocity[1] = x[0]
    out[0] = body.velocity[1] * 2.0
