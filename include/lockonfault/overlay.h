/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Redirects an existing source to liblockonfault, by the flags of "pkg-config
 * --cflags lockonfault-overlay" and no change of the source: the functions of
 * <sys/mman.h> get the symbols of the library. No name is a macro, so members
 * and functions in other scopes may have these names.
 */
#ifndef LOCKONFAULT_OVERLAY_H
#define LOCKONFAULT_OVERLAY_H

/*
 * With _FILE_OFFSET_BITS=64 glibc gives mmap() the symbol mmap64, and the first
 * symbol of a function stays. So libc declares mmap() by another name here.
 */
#if defined(_SYS_MMAN_H) && defined(__USE_FILE_OFFSET64)
#error "include <lockonfault/overlay.h> before <sys/mman.h>"
#endif
#define mmap lof_libc_mmap
#include <sys/mman.h>
#undef mmap

/* The exception specifications and attributes of libc's declarations. */
#ifndef __THROW
#define LOF_SYMBOL(symbol)	__asm__(symbol)
#elif defined(__cplusplus)
#define LOF_SYMBOL(symbol)	__THROW __asm__(symbol)
#else
#define LOF_SYMBOL(symbol)	__asm__(symbol) __THROW
#endif

#if defined(__GLIBC__) && __SIZEOF_LONG__ == 4 && \
	!defined(__USE_FILE_OFFSET64) && !defined(__OFF_T_MATCHES_OFF64_T)
#define LOF_MMAP	"lof_mmap32"
typedef char lof_overlay_off_t[sizeof(off_t) == 4 ? 1 : -1];
#else
#define LOF_MMAP	"lof_mmap"
typedef char lof_overlay_off_t[sizeof(off_t) == 8 ? 1 : -1];
#endif

/* lockonfault.h shall not declare mlock2() once more. */
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT	0x01
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
#ifdef __cplusplus
extern "C" {
#endif

extern int mlock(const void *, size_t) LOF_SYMBOL("lof_mlock");
extern int munlock(const void *, size_t) LOF_SYMBOL("lof_munlock");
extern int mlock2(const void *, size_t, unsigned int) LOF_SYMBOL("lof_mlock2");
extern int mlockall(int) LOF_SYMBOL("lof_mlockall");
extern int munlockall(void) LOF_SYMBOL("lof_munlockall");
extern void *mmap(void *, size_t, int, int, int, off_t) LOF_SYMBOL(LOF_MMAP);
#ifdef __USE_LARGEFILE64
extern void *mmap64(void *, size_t, int, int, int, __off64_t)
	LOF_SYMBOL("lof_mmap");
#endif
extern int munmap(void *, size_t) LOF_SYMBOL("lof_munmap");
extern int mprotect(void *, size_t, int) LOF_SYMBOL("lof_mprotect");
/* The next two only where libc declares them: with these macros. */
#ifdef MREMAP_MAYMOVE
extern void *mremap(void *, size_t, size_t, int, ...) LOF_SYMBOL("lof_mremap");
#endif
#ifdef MADV_NORMAL
extern int madvise(void *, size_t, int) LOF_SYMBOL("lof_madvise");
#endif

#ifdef __cplusplus
}
#endif
#pragma GCC diagnostic pop

#undef LOF_MMAP
#undef LOF_SYMBOL
#include <lockonfault.h>

#endif
