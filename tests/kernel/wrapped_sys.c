/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wrapped system calls; see wrapped_sys.h. */
#include "config.h"

#include "kernel/wrapped_sys.h"

#include <errno.h>
#include <stdatomic.h>

#include "kernel/own_memory.h"

struct unit_sys unit_sys;

/* Not 0: this thread makes system calls for the library's own memory. */
static _Thread_local int own;

int __real_lof_own_map(size_t bytes, struct lof_range *memory);
int __wrap_lof_own_map(size_t bytes, struct lof_range *memory);
int __real_lof_own_borrow(size_t bytes, struct lof_range *memory);
int __wrap_lof_own_borrow(size_t bytes, struct lof_range *memory);
int __real_lof_own_scratch(size_t bytes, int prot, struct lof_range *memory);
int __wrap_lof_own_scratch(size_t bytes, int prot, struct lof_range *memory);
void __real_lof_own_return(struct lof_range memory);
void __wrap_lof_own_return(struct lof_range memory);

int __real_lof_sys_mmap(uintptr_t addr, size_t len, int prot, int flags,
			int fd, int64_t off, uintptr_t *result);
int __wrap_lof_sys_mmap(uintptr_t addr, size_t len, int prot, int flags,
			int fd, int64_t off, uintptr_t *result);
int __real_lof_sys_munmap(uintptr_t addr, size_t len);
int __wrap_lof_sys_munmap(uintptr_t addr, size_t len);
int __real_lof_sys_mremap(uintptr_t addr, size_t old_len, size_t new_len,
			  int flags, uintptr_t new_addr, uintptr_t *result);
int __wrap_lof_sys_mremap(uintptr_t addr, size_t old_len, size_t new_len,
			  int flags, uintptr_t new_addr, uintptr_t *result);
int __real_lof_sys_mlock(struct lof_range range);
int __wrap_lof_sys_mlock(struct lof_range range);
int __real_lof_sys_mlock2(struct lof_range range, unsigned int flags);
int __wrap_lof_sys_mlock2(struct lof_range range, unsigned int flags);
int __real_lof_sys_munlock(struct lof_range range);
int __wrap_lof_sys_munlock(struct lof_range range);
int __real_lof_sys_mlockall(int flags);
int __wrap_lof_sys_mlockall(int flags);
int __real_lof_sys_open(const char *path);
int __wrap_lof_sys_open(const char *path);
long __real_lof_sys_read(int fd, void *buf, size_t size);
long __wrap_lof_sys_read(int fd, void *buf, size_t size);
int __real_lof_sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int ms);
int __wrap_lof_sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int ms);

long __real_lof_sys_pagemap_scan(int fd, const struct lof_pm_question *question,
				 struct lof_pm_region *regions, size_t nregions,
				 uint64_t *walked);
long __wrap_lof_sys_pagemap_scan(int fd, const struct lof_pm_question *question,
				 struct lof_pm_region *regions, size_t nregions,
				 uint64_t *walked);

long __wrap_lof_sys_pagemap_scan(int fd, const struct lof_pm_question *question,
				 struct lof_pm_region *regions, size_t nregions,
				 uint64_t *walked)
{
	if (question->untouched)
		unit_sys.scan_untouched++;
	return __real_lof_sys_pagemap_scan(fd, question, regions, nregions,
					   walked);
}

static void call_once(void (*_Atomic *hook)(void))
{
	void (*function)(void) = own ? NULL : atomic_exchange(hook, NULL);

	if (function)
		function();
}

int __wrap_lof_own_map(size_t bytes, struct lof_range *memory)
{
	int err;

	unit_sys.own_map++;
	if (unit_sys.no_memory)
		return -ENOMEM;
	own++;
	err = __real_lof_own_map(bytes, memory);
	own--;
	return err;
}

int __wrap_lof_own_borrow(size_t bytes, struct lof_range *memory)
{
	int err;

	if (unit_sys.no_memory)
		return -ENOMEM;
	own++;
	err = __real_lof_own_borrow(bytes, memory);
	own--;
	return err;
}

int __wrap_lof_own_scratch(size_t bytes, int prot, struct lof_range *memory)
{
	int err;

	own++;
	err = __real_lof_own_scratch(bytes, prot, memory);
	own--;
	return err;
}

void __wrap_lof_own_return(struct lof_range memory)
{
	call_once(&unit_sys.before);
	unit_sys.unmapped = memory.start;
	own++;
	__real_lof_own_return(memory);
	own--;
}

int __wrap_lof_sys_mmap(uintptr_t addr, size_t len, int prot, int flags,
			int fd, int64_t off, uintptr_t *result)
{
	int err;

	unit_sys.mmap += !own;
	call_once(&unit_sys.before);
	err = __real_lof_sys_mmap(addr, len, prot, flags, fd, off, result);
	call_once(&unit_sys.after);
	return err;
}

int __wrap_lof_sys_munmap(uintptr_t addr, size_t len)
{
	int err;

	unit_sys.munmap += !own;
	call_once(&unit_sys.before);
	err = __real_lof_sys_munmap(addr, len);
	if (!own)
		unit_sys.unmapped = addr;
	call_once(&unit_sys.after);
	return err;
}

int __wrap_lof_sys_mremap(uintptr_t addr, size_t old_len, size_t new_len,
			  int flags, uintptr_t new_addr, uintptr_t *result)
{
	int err;

	unit_sys.mremap += !own;
	call_once(&unit_sys.before);
	err = __real_lof_sys_mremap(addr, old_len, new_len, flags, new_addr,
				    result);
	call_once(&unit_sys.after);
	return err;
}

int __wrap_lof_sys_mlock(struct lof_range range)
{
	int err;

	unit_sys.mlock++;
	call_once(&unit_sys.before);
	err = __real_lof_sys_mlock(range);
	call_once(&unit_sys.after);
	return err;
}

int __wrap_lof_sys_mlock2(struct lof_range range, unsigned int flags)
{
	int err;

	unit_sys.mlock2++;
	if (unit_sys.mlock2_err)
		return unit_sys.mlock2_err;
	call_once(&unit_sys.before);
	err = __real_lof_sys_mlock2(range, flags);
	call_once(&unit_sys.after);
	return err;
}

int __wrap_lof_sys_munlock(struct lof_range range)
{
	int err;

	unit_sys.munlock += !own;
	call_once(&unit_sys.before);
	err = __real_lof_sys_munlock(range);
	call_once(&unit_sys.after);
	return err;
}

int __wrap_lof_sys_mlockall(int flags)
{
	int err;

	unit_sys.mlockall++;
	call_once(&unit_sys.before);
	err = __real_lof_sys_mlockall(flags);
	call_once(&unit_sys.after);
	return err;
}

int __wrap_lof_sys_open(const char *path)
{
	unit_sys.open++;
	return unit_sys.open_err ? unit_sys.open_err
				 : __real_lof_sys_open(path);
}

long __wrap_lof_sys_read(int fd, void *buf, size_t size)
{
	int err = atomic_exchange(&unit_sys.read_err, 0);
	long ret;

	if (err)
		return err;
	if (unit_sys.read_max && size > unit_sys.read_max)
		size = unit_sys.read_max;
	ret = __real_lof_sys_read(fd, buf, size);
	if (++unit_sys.read == unit_sys.reading_at && unit_sys.reading)
		unit_sys.reading();
	return ret;
}

int __wrap_lof_sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int ms)
{
	unit_sys.futex_wait++;
	return __real_lof_sys_futex_wait(word, value, ms);
}
