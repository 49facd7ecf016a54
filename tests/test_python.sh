#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# python3 does the same under the shim as without it: its own tests of mmap, and
# a script that locks, maps, forks and runs threads.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/programs.sh
. "${srcdir:-.}/tests/programs.sh"

python=
for candidate in /usr/bin/python3 python3; do
	# python3 may be a script that runs the interpreter, as with pyenv
	path=$("$candidate" -c 'import sys; print(sys.executable)' 2>/dev/null)
	if [ -n "$path" ]; then
		python=${python:-$path}
		"$path" -c 'import test.test_mmap' 2>/dev/null || continue
		python=$path
		break
	fi
done
[ -n "$python" ] || skip 'python3 is not installed'
name=${python##*/}

# Drop the times and the names with a process number: they differ in each run.
cat >"$work/mmap_tests" <<SH
"$python" -B -m test -v "\$@" test_mmap >out 2>&1
status=\$?
sed -e 's/[0-9.]* *\(sec\|ms\|min\)\b.*//' -e '/^0:0/d' -e '/load avg/d' \
	-e '/^Total duration/d' -e 's/ in [0-9.]*s//' -e '/^== /d' \
	-e '/^Using random seed/d' \
	-e 's/test_python_[0-9]*/test_python/' out
rm out
exit \$status
SH
# With all memory locked leave out the tests that map an empty file of 4 GiB:
# the lock would make it resident.
mmap_tests_alike() {
	alike "python's tests of mmap" "$name" sh "$work/mmap_tests" \
		${with:+-i LargeMmapTests}
	check "python's tests of mmap: some ran" \
		grep -q '^test_.* ok$' "$work/without/out"
}
if "$python" -c 'import test.test_mmap' 2>/dev/null; then
	locked_too mmap_tests_alike
else
	not_run "python's tests of mmap: there is no test.test_mmap"
fi

cat >"$work/script.py" <<'PY'
import ctypes, ctypes.util, hashlib, mmap, os, sys, threading
import multiprocessing, subprocess

libc = ctypes.CDLL(None, use_errno=True)
how = sys.argv[1]
if how == "lock":
    if libc.mlockall(3):
        sys.exit("mlockall: " + os.strerror(ctypes.get_errno()))

def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]

def address(m):
    return ctypes.addressof(ctypes.c_char.from_buffer(m))

def call(name, *args):
    ctypes.set_errno(0)
    ret = getattr(libc, name)(*args)
    return ret, os.strerror(ctypes.get_errno())

# A mapping grows and shrinks, locked and not locked.
m = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m[:] = bytes(range(256)) * 4096
page = mmap.PAGESIZE
for name, size in (("mlock", 3 << 20), ("mlock", 2 << 20), ("munlock", 8 << 20),
                   ("munlock", 1 << 20), ("mlock", page)):
    print(call(name, ctypes.c_void_p(address(m)), ctypes.c_size_t(len(m))))
    m.resize(size)
    print("resized", size, digest(m[:page]), digest(m))
m.close()

# mlock fails with the same error.
print(call("mlock", ctypes.c_void_p(page), ctypes.c_size_t(page)))
print(call("munlock", ctypes.c_void_p(page), ctypes.c_size_t(page)))
print(call("munmap", ctypes.c_void_p(1), ctypes.c_size_t(page)))
print(call("mlockall", 64))
print(call("madvise", ctypes.c_void_p(page), ctypes.c_size_t(page), 4))

# Two mappings of a file. Later writes to the file may or may not show in the
# private one: that depends on whether a lock populated it.
with open("file", "w+b") as f:
    f.truncate(64 * page)
    a = mmap.mmap(f.fileno(), 0)
    a[20 * page] = 7
    b = mmap.mmap(f.fileno(), 32 * page, offset=16 * page,
                  access=mmap.ACCESS_COPY)
    print(b[4 * page])
    b[0] = 9
    a[40 * page:] = b"x" * (24 * page)
    a.flush()
    print(digest(a), digest(b[:24 * page]))

# Threads that map, fill and unmap.
def work(n, results):
    h = hashlib.sha256()
    for i in range(60):
        with mmap.mmap(-1, (1 + (i * n) % 37) * page) as m:
            m.write(bytes([n]) * (page // 2))
            m.madvise(mmap.MADV_WILLNEED)
            h.update(m[:])
        h.update(bytearray(500000 + n))
    results[n] = h.hexdigest()[:16]

results = {}
threads = [threading.Thread(target=work, args=(n, results)) for n in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(results.items()))

# Children, forked and spawned.
with multiprocessing.get_context("fork").Pool(3) as pool:
    print(pool.map(len, ["x" * i for i in range(50)], chunksize=1))
shared = mmap.mmap(-1, page)
pid = os.fork()
if pid == 0:
    shared[0] = 5
    call("mlockall", 3)
    os._exit(bytearray(3 << 20)[1])
print(os.waitpid(pid, 0)[1], shared[0])
print(subprocess.check_output([sys.executable, "-c", "print(6 * 7)"]))
print(call("munlockall"))
print("done")
PY
script_alike() {
	alike "a script of python ($1)" "$name" \
		"$python" -B "$work/script.py" "$1"
	check "a script of python ($1): it came to its end" \
		grep -qx 'done' "$work/without/out"
}
script_alike plain
if may_lock_all; then
	script_alike lock
else
	not_run 'a script of python (lock): RLIMIT_MEMLOCK is in the way'
fi
finish
