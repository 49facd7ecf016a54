/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hook of pthread_create. libc maps the stack of the new thread unseen; in
 * glibc and musl the stack is next to its pthread_t. This is the only hook that
 * also needs libc's function. So it calls dlsym, which no other hook may call.
 */
#include "config.h"

#include "lockonfault.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "api/hooked.h"
#include "api/result.h"
#include "preload/log.h"
#include "preload/prefault.h"
#include "preload/preload.h"

typedef int creator(pthread_t *thread, const pthread_attr_t *attr,
		    void *(*start)(void *), void *arg);

/* Two threads may run this at once: both find the same function. */
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

/* The sizes of the stack of a thread to come, and of its guard. False: unknown. */
static bool stack_sizes(const pthread_attr_t *attr, size_t *size, size_t *guard)
{
	pthread_attr_t usual;

	if (!attr && pthread_getattr_default_np(&usual))
		return false;
	pthread_attr_getstacksize(attr ? attr : &usual, size);
	pthread_attr_getguardsize(attr ? attr : &usual, guard);
	if (!attr)
		pthread_attr_destroy(&usual);
	return true;
}

/*
 * Lock the stack if MCL_FUTURE is emulated. The stack ends with the page of its
 * pthread_t; the guard is below the stack. The thread may have ended already,
 * so the stack is not read. If another mapping is there now, MCL_FUTURE must
 * lock that mapping too.
 */
static void follow_stack(pthread_t thread, const pthread_attr_t *attr)
{
	uintptr_t page = lof_sys_page_size();
	uintptr_t end = ((uintptr_t)thread | (page - 1)) + 1;
	size_t size = 0, guard = 0;

	if (stack_sizes(attr, &size, &guard) && size < end)
		lof_hooked_follow((void *)(end - size), size);
}

static int create_prefaulted(creator *create, pthread_t *thread,
			     const pthread_attr_t *attr,
			     lof_thread_function *start, void *arg)
{
	size_t size = 0, guard = 0;
	int err;

	if (stack_sizes(attr, &size, &guard))
		lof_prefault_thread(&start, &arg, size, guard);
	err = create(thread, attr, start, arg);
	if (err)
		lof_prefault_undo(start, arg);
	return err;
}

LOF_PUBLIC int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			      void *(*start)(void *), void *arg)
{
	creator *create = libc_creator();
	int saved, err;

	if (!create)
		return EAGAIN;
	if (lof_prefault_has_stack())
		err = create_prefaulted(create, thread, attr, start, arg);
	else
		err = create(thread, attr, start, arg);
	if (!err && lof_preload_is_active()) {
		saved = errno;
		follow_stack(*thread, attr);
		lof_log_left_out();
		errno = saved;
	}
	return err;
}
