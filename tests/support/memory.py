# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets memory run out in a program at the n-th allocation, by failing_malloc.c.

    memory = Memory(build, folder)
    server.environment.update(memory.environment)
    memory.fail(17)                     # the 17th from now on; many=… more of them behind it
    memory.well()                       # no more
"""
import mmap
import os
import struct

NEVER = 1 << 60


class Memory:
    def __init__(self, build, folder):
        self.path = os.path.join(folder, "failing-malloc")
        with open(self.path, "wb") as f:
            f.write(b"\0" * 4096)
        with open(self.path, "r+b") as f:
            self.orders = mmap.mmap(f.fileno(), 4096)
        library = os.path.join(build, "tests", "support", "libfailing_malloc.so")
        if not os.path.exists(library):
            raise FileNotFoundError("%s is not built" % library)
        self.environment = {"LD_PRELOAD": library, "FAILING_MALLOC": self.path,
                            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:exitcode=99"}

    def _set(self, *orders):
        self.orders[:40] = struct.pack("<5q", *orders)

    def fail(self, first, many=1, own=True):
        """From now on; `own`: only what the program asks for, not its libraries."""
        self._set(0, 0, 0, 0, 0)
        self._set(0, first, many, int(own), 0)

    def count(self, own=True):
        """Nothing fails, but what would have is counted."""
        self.fail(NEVER, own=own)

    def well(self):
        self.orders[8:16] = struct.pack("<q", 0)

    @property
    def asked(self):
        return struct.unpack("<q", self.orders[:8])[0]

    @property
    def failed(self):
        return struct.unpack("<q", self.orders[32:40])[0]
