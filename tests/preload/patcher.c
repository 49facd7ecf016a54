/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library that writes a jump into libc's munmap, as UCX and Open MPI do, and
 * prints at its end on stderr how many calls it saw. On x86-64 only.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
static unsigned int seen;

static int see(void *addr, size_t len)
{
	seen++;
	return (int)syscall(SYS_munmap, addr, len);
}

__attribute__((constructor))
static void patch(void)
{
	/* movabs $see, %r11; jmp *%r11 */
	unsigned char jump[13] = { 0x49, 0xbb, [10] = 0x41, 0xff, 0xe3 };
	uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE), start, end;
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), *at, *to;
	int (*function)(void *, size_t) = see;

	at = libc ? dlsym(libc, "munmap") : NULL;
	if (!at)
		return;
	memcpy(&to, &function, sizeof(to));
	memcpy(jump + 2, &to, sizeof(to));
	start = (uintptr_t)at & ~(size - 1);
	end = ((uintptr_t)at + sizeof(jump) + size - 1) & ~(size - 1);
	if (mprotect((void *)start, end - start,
		     PROT_READ | PROT_WRITE | PROT_EXEC))
		return;
	memcpy(at, jump, sizeof(jump));
	mprotect((void *)start, end - start, PROT_READ | PROT_EXEC);
}

__attribute__((destructor))
static void tell(void)
{
	if (seen)
		dprintf(2, "munmap %u\n", seen);
}
#endif
