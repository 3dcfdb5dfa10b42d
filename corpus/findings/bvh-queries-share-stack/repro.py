import re
from pathlib import Path
from tempfile import TemporaryDirectory

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.kernel
def count(bvh: wp.uint64, p: wp.vec3, out: wp.array(dtype=int)):
    near = wp.bvh_query_aabb(bvh, p - wp.vec3(1.0), p + wp.vec3(1.0))
    far = wp.bvh_query_aabb(bvh, p - wp.vec3(10.0), p + wp.vec3(10.0))
    item = int(0)
    while wp.bvh_query_next(near, item):
        out[0] += 1
    while wp.bvh_query_next(far, item):
        out[1] += 1


with TemporaryDirectory() as folder:  # no device is needed
    wp.compile_aot_module(count.module, device=None, arch=75, module_dir=Path(folder), use_ptx=True)
    ptx = next(Path(folder).glob("*.ptx")).read_text()
stacks = re.findall(r"\.shared .*stack.*", ptx)
print("expected a stack for each of two queries that are alive at a time, observed", stacks)
assert len(stacks) >= 2
