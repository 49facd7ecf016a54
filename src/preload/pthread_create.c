/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pthread_create, for the stack of the new thread, which libc maps unseen. It
 * lies where its pthread_t does, in glibc and musl. The one function that we
 * stand in for and yet need of libc: so dlsym is called here, and must be nowhere
 * else.
 */
#include "config.h"

#include "lockonfault.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "api/hooked.h"
#include "api/result.h"
#include "preload/preload.h"

typedef int creator(pthread_t *thread, const pthread_attr_t *attr,
		    void *(*start)(void *), void *arg);

/* Each thread that asks gets the same answer. */
static creator *libc_creator(void)
{
	static _Atomic uintptr_t known;
	uintptr_t found = atomic_load(&known);
	creator *function;

	if (!found) {
		found = (uintptr_t)dlsym(RTLD_NEXT, "pthread_create");
		atomic_store(&known, found);
	}
	memcpy(&function, &found, sizeof(function));
	return function;
}

/*
 * The stack ends with the page of its pthread_t, and the guard lies below it. The
 * thread may have ended by now, so that nothing is read there; and if another
 * mapping is there by now, MCL_FUTURE wants that, too.
 */
static void follow_stack(pthread_t thread, const pthread_attr_t *attr)
{
	uintptr_t page = lof_sys_page_size();
	uintptr_t end = ((uintptr_t)thread | (page - 1)) + 1;
	pthread_attr_t usual;
	size_t size = 0;

	if (!attr && pthread_getattr_default_np(&usual))
		return;
	pthread_attr_getstacksize(attr ? attr : &usual, &size);
	if (!attr)
		pthread_attr_destroy(&usual);
	if (size < end)
		lof_hooked_follow((void *)(end - size), size);
}

LOF_PUBLIC int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			      void *(*start)(void *), void *arg)
{
	creator *create = libc_creator();
	int saved, err;

	if (!create)
		return EAGAIN;
	err = create(thread, attr, start, arg);
	if (!err && lof_preload_is_active()) {
		saved = errno;
		follow_stack(*thread, attr);
		lof_preload_log_left_out();
		errno = saved;
	}
	return err;
}
