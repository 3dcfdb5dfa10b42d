"""CUDA graphs on the virtual device: while one is captured, work on streams is noted; launching it does the work."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

Work = list[Callable[[], Any]]


class Graphs:
    """Stands in for the native functions on graphs. One graph is captured at a time, with the work of all streams."""

    def __init__(self) -> None:
        self.handles = itertools.count(16)
        self.capturing: Work | None = None
        self._stream: int | None = None
        self._capture = 0
        self._graphs: dict[int, Work] = {}

    def do(self, work: Callable[[], Any]) -> bool:
        """Do work on a stream, or note it for the graph that is being captured."""
        if self.capturing is None:
            work()
        else:
            self.capturing.append(work)
        return True

    def _run(self, works: Work) -> None:
        for work in works:
            self.do(work)

    def _new_graph(self, works: Work, out: Any) -> None:
        out._obj.value = next(self.handles)
        self._graphs[out._obj.value] = works

    def wp_cuda_stream_is_capturing(self, stream: int | None) -> int:
        return int(self.capturing is not None and stream == self._stream)

    def wp_cuda_stream_get_capture_id(self, stream: int | None) -> int:
        return self._capture if self.wp_cuda_stream_is_capturing(stream) else 0

    def wp_cuda_graph_begin_capture(self, _context: int, stream: int | None, _external: int, _mode: int) -> bool:
        self._begin(stream, [])
        return True

    def _begin(self, stream: int | None, works: Work) -> None:
        self.capturing, self._stream, self._capture = works, stream, next(self.handles)

    def wp_cuda_graph_end_capture(self, _context: int, _stream: int | None, graph: Any) -> bool:
        if self.capturing is None:
            return False
        self._new_graph(self.capturing, graph)
        self.capturing = None
        return True

    wp_cuda_graph_pause_capture = wp_cuda_graph_end_capture

    def wp_cuda_graph_resume_capture(self, _context: int, stream: int | None, graph: Any) -> bool:
        self._begin(stream, self._graphs[graph.value])
        return True

    def wp_cuda_graph_create_exec(self, _context: int, _stream: int | None, graph: Any, executable: Any) -> bool:
        executable._obj.value = graph.value
        return True

    def wp_cuda_graph_launch(self, executable: Any, _stream: int | None) -> bool:
        self._run(self._graphs[executable.value])
        return True

    def wp_cuda_graph_insert_child_graph(self, _context: int, _stream: int | None, graph: Any) -> bool:
        return self.do(partial(self._run, self._graphs[graph.value]))

    def wp_cuda_graph_insert_if_else(
        self, _context: int, _stream: int | None, _arch: int, _ptx: bool, condition: Any, if_graph: Any, else_graph: Any
    ) -> bool:
        branches: tuple[Work, Work] = ([], [])
        for works, out in zip(branches, (else_graph, if_graph), strict=True):
            if out is not None:
                self._new_graph(works, out)
        return self.do(lambda: self._run(branches[_holds(condition)]))

    def wp_cuda_graph_insert_while(
        self, _context: int, _stream: int | None, _arch: int, _ptx: bool, condition: Any, body_graph: Any, _handle: Any
    ) -> bool:
        body: Work = []
        self._new_graph(body, body_graph)

        def loop() -> None:
            while _holds(condition):
                self._run(body)

        return self.do(loop)


def _holds(condition: Any) -> bool:
    return bool(ctypes.cast(condition, ctypes.POINTER(ctypes.c_int32))[0])
