import numpy as np
import warp as wp


@wp.kernel
def sign(mesh: wp.uint64, points: wp.array(dtype=wp.vec3), signs: wp.array(dtype=float)):
    i = wp.tid()
    signs[i] = wp.mesh_query_point_sign_winding_number(mesh, points[i], 10.0).sign
