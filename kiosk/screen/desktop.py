"""Asks the X server what SDL does not tell: whether a window manager runs, and how large the display is."""

import ctypes
import ctypes.util
import os
from typing import Any, Final

XA_WINDOW: Final = 33
"""Predefined atom of the X protocol (Xatom.h)."""


def bare_display_size() -> tuple[int, int] | None:
    """Size in px of an X display on which no window manager runs; None where there is one, or no X at all.

    SDL leaves fullscreen to the window manager; without one it opens a window that gets no touches.
    """
    if not os.environ.get("DISPLAY") or os.environ.get("SDL_VIDEODRIVER", "x11") != "x11":
        return None
    library = ctypes.util.find_library("X11")
    if library is None:
        return None
    x11 = ctypes.CDLL(library)
    x11.XOpenDisplay.restype = ctypes.c_void_p
    connection = x11.XOpenDisplay(None)
    if not connection:
        return None
    display = ctypes.c_void_p(connection)
    try:
        if _has_window_manager(x11, display):
            return None
        screen = x11.XDefaultScreen(display)
        return x11.XDisplayWidth(display, screen), x11.XDisplayHeight(display, screen)
    finally:
        x11.XCloseDisplay(display)


def _has_window_manager(x11: Any, display: ctypes.c_void_p) -> bool:
    """Whether the root window names one (EWMH, _NET_SUPPORTING_WM_CHECK)."""
    x11.XInternAtom.restype = ctypes.c_ulong
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    atom = x11.XInternAtom(display, b"_NET_SUPPORTING_WM_CHECK", True)
    if not atom:
        return False
    kind, count, rest = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_ulong()
    shape, found = ctypes.c_int(), ctypes.c_void_p()
    root = ctypes.c_ulong(x11.XDefaultRootWindow(display))
    x11.XGetWindowProperty(
        *(display, root, ctypes.c_ulong(atom), ctypes.c_long(0), ctypes.c_long(1), 0, ctypes.c_ulong(XA_WINDOW)),
        *(ctypes.byref(kind), ctypes.byref(shape), ctypes.byref(count), ctypes.byref(rest), ctypes.byref(found)),
    )
    if found.value:
        x11.XFree(found)
    return count.value > 0
