/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The smallest preloaded library, for bench_shim.c: it passes mmap and munmap
 * on to the next definition, which it looks up when it is loaded.
 */
#include <dlfcn.h>
#include <sys/mman.h>

static __typeof__(mmap) *next_mmap;
static __typeof__(munmap) *next_munmap;

__attribute__((constructor))
static void look_up(void)
{
	*(void **)&next_mmap = dlsym(RTLD_NEXT, "mmap");
	*(void **)&next_munmap = dlsym(RTLD_NEXT, "munmap");
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return next_mmap(addr, len, prot, flags, fd, off);
}

int munmap(void *addr, size_t len)
{
	return next_munmap(addr, len);
}
