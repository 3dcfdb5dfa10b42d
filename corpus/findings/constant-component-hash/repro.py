import warp as wp


UP = wp.constant(wp.vec3(0.0, 1.0, 0.0))


@wp.kernel
def read(out: wp.array(dtype=float)):
    out[0] = UP.y


wp.load_module(__name__, device="cpu")
before = read.get_mangled_name()
read.module.mark_modified()  # hash it again: nothing has changed
wp.load_module(__name__, device="cpu")
after = read.get_mangled_name()
print("expected", before, "again, observed", after)
assert after == before
