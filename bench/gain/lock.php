<?php
// SPDX-License-Identifier: LGPL-2.1-or-later
// Lock 256 MiB by FFI, which opens libc and asks the handle for mlock.
const PAGES = 65536;
const SIZE = PAGES * 4096;
$c = FFI::cdef('
	unsigned char *mmap(void *, size_t, int, int, int, long);
	int mlock(const void *, size_t);', 'libc.so.6');
// PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
$memory = $c->mmap(null, SIZE, 3, 0x22, -1, 0);
if ($c->mlock($memory, SIZE) != 0)
	exit(1);
$memory[0] = 1;
echo "ready\n";
if (fgets(STDIN)) {
	$sum = 0;
	for ($i = 0; $i < PAGES; $i++)
		$memory[$i * 4096] = $i % 256;
	for ($i = 0; $i < PAGES; $i++)
		$sum += $memory[$i * 4096];
	echo "sum $sum\n";
}
for (;;)
	sleep(3600);
