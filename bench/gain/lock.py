# SPDX-License-Identifier: LGPL-2.1-or-later
# Lock 256 MiB by a handle of libc, in which dlsym does not find the shim.
import ctypes
import mmap
import signal
import sys

PAGES = 65536
SIZE = PAGES * 4096
libc = ctypes.CDLL("libc.so.6", use_errno=True)
memory = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
if libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(SIZE)):
    sys.exit("lock: errno %d" % ctypes.get_errno())
memory[0] = 1
print("ready", flush=True)
if sys.stdin.readline():
    for i in range(PAGES):
        memory[i * 4096] = i % 256
    print("sum", sum(memory[::4096]), flush=True)
while True:
    signal.pause()
