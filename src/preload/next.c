/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the functions that the hooks stand before: those of another library
 * that wraps the same names. They are looked up in a constructor, and not in a
 * hook, because dlsym may call malloc. Calls that are made before this go to
 * the kernel. The exception is a call that makes libc's code writable: a
 * library that writes a jump there may do this before the constructor, and its
 * caller is no malloc.
 */
#include "config.h"

#include "preload/next.h"

#include <dlfcn.h>
#include <string.h>

#include "api/hooked.h"

/* glibc's; in musl, __libc_start_main is in libc too. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));
extern int __libc_start_main(void) __attribute__((weak));

/* The address at which the object is loaded that defines a function. */
static void *object_of(const void *function)
{
	Dl_info info;

	return function && dladdr(function, &info) ? info.dli_fbase : NULL;
}

static const void *function_of_libc(void)
{
	return gnu_get_libc_version ? (const void *)gnu_get_libc_version
				    : (const void *)__libc_start_main;
}

/* Other libraries' functions; the same, and libc's where there is none. */
static struct lof_next others, all;
static _Atomic bool is_looked_up;

/*
 * Look up the next function of a name. The library's own (mlock2) counts as
 * libc's. True: it is another library's.
 */
static bool find(const char *name, void *other, void *any)
{
	void *found = dlsym(RTLD_NEXT, name), *object = object_of(found);

	if (!object || object == object_of((const void *)lof_hooked_next_set))
		return false;
	memcpy(any, &found, sizeof(found));
	if (object == object_of(function_of_libc()))
		return false;
	memcpy(other, &found, sizeof(found));
	return true;
}

#define FIND(name, member)	find(name, &others.member, &all.member)

static void set(const struct lof_next *next)
{
	lof_hooked_next_set(next);
	lof_next_set(next);
}

/* Is any of them another library's? */
static bool find_all(void)
{
	bool is_any = FIND("mmap", mmap);

	is_any |= FIND("mmap64", mmap_64);
	is_any |= FIND("munmap", munmap);
	is_any |= FIND("mremap", mremap);
	is_any |= FIND("mprotect", mprotect);
	is_any |= FIND("madvise", madvise);
	is_any |= FIND("shmat", shmat);
	is_any |= FIND("shmdt", shmdt);
	is_any |= FIND("remap_file_pages", remap_file_pages);
	is_any |= FIND("mlock", mlock);
	is_any |= FIND("mlock2", mlock2);
	is_any |= FIND("munlock", munlock);
	is_any |= FIND("mlockall", mlockall);
	is_any |= FIND("munlockall", munlockall);
	is_any |= FIND("prctl", prctl);
	is_any |= FIND("unshare", unshare);
	is_any |= FIND("setns", setns);
	is_any |= FIND("syscall", syscall);
	/* The program must not see the error of a name that libc lacks. */
	dlerror();
	is_looked_up = true;
	return is_any;
}

/* Before the other constructors of the shim. */
__attribute__((constructor(101)))
static void next_init(void)
{
	if (find_all() && !lof_next_is_there())
		set(&others);
}

void lof_preload_code_changes(const void *addr, size_t len)
{
	uintptr_t function[sizeof(all) / sizeof(uintptr_t)];

	/* Later a collector may have stopped a thread that is in dlopen. */
	if (!is_looked_up) {
		if (object_of(addr) != object_of(function_of_libc()))
			return;
		find_all();
	}
	memcpy(function, &all, sizeof(function));
	for (size_t i = 0; i < sizeof(function) / sizeof(function[0]); i++)
		if (function[i] - (uintptr_t)addr < len)
			set(&all);
}

enum lof_called lof_preload_set_called(enum lof_called called)
{
	lof_hooked_next_set_called(called);
	return lof_next_set_called(called);
}
