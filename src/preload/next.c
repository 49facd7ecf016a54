/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the functions that the hooks stand before: those of another library
 * that wraps the same names. They are looked up once, in a constructor, and not
 * in a hook, because dlsym may call malloc. Calls that are made before this go
 * to the kernel.
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

/*
 * Store a pointer to the next function of this name in *function, if that is
 * neither libc's nor the library's own (mlock2). True: it was stored.
 */
static bool find(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name), *object = object_of(found);

	if (!object || object == object_of(function_of_libc()) ||
	    object == object_of((const void *)lof_hooked_next_set))
		return false;
	memcpy(function, &found, sizeof(found));
	return true;
}

/* Before the other constructors of the shim. */
__attribute__((constructor(101)))
static void next_init(void)
{
	struct lof_next next = { .mmap = NULL };
	const struct {
		const char *name;
		void *function;
	} all[] = {
		{ "mmap", &next.mmap }, { "mmap64", &next.mmap_64 },
		{ "munmap", &next.munmap }, { "mremap", &next.mremap },
		{ "mprotect", &next.mprotect }, { "madvise", &next.madvise },
		{ "shmat", &next.shmat }, { "shmdt", &next.shmdt },
		{ "remap_file_pages", &next.remap_file_pages },
		{ "mlock", &next.mlock }, { "mlock2", &next.mlock2 },
		{ "munlock", &next.munlock }, { "mlockall", &next.mlockall },
		{ "munlockall", &next.munlockall },
		{ "syscall", &next.syscall },
	};
	bool is_any = false;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		is_any |= find(all[i].name, all[i].function);
	if (is_any) {
		lof_hooked_next_set(&next);
		lof_next_set(&next);
	}
	/* The program must not see the error of a name that libc lacks. */
	dlerror();
}

enum lof_called lof_preload_set_called(enum lof_called called)
{
	lof_hooked_next_set_called(called);
	return lof_next_set_called(called);
}
