import warp as wp


@wp.kernel
def join(w: wp.array(dtype=wp.vec3d), v: wp.array(dtype=wp.vec3d), out: wp.array(dtype=wp.spatial_vectord)):
    i = wp.tid()
    out[i] = wp.spatial_vector(w[i], v[i], dtype=wp.float64)
