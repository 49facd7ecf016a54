/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pthread_create, for the stack of the new thread, which libc maps unseen. The
 * one function that we stand in for and yet need of libc: so dlsym is called
 * here, and must be nowhere else.
 */
#include "config.h"

#include "lockonfault.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "api.h"
#include "preload.h"

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
		lof_catch_up();
		lof_preload_log_left_out();
		errno = saved;
	}
	return err;
}
