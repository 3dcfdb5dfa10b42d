"""`python -m oracle emulate`: one kernel, from PTX or from Python, runs on the emulator and everything seen is shown.

`ptx_file` and `kernel_file` make a subject of a file, `running` runs it, `printing` shows the outcome. For a PTX file
neither Warp nor a compiler is needed.
"""
