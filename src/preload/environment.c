/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides once whether the shim is active, and sets the options of the library
 * from the variables LOCKONFAULT_*. A hook may be the first to ask: so nothing
 * here calls malloc or stdio.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/hooked.h"
#include "lockonfault.h"
#include "preload/log.h"
#include "preload/message.h"
#include "preload/prefault.h"
#include "preload/preload.h"
#include "preload/settings.h"
#include "preload/summary.h"

/* Milliseconds. Without a scan, a budget would lock nothing more. */
#define SYNC_MS_OF_BUDGET	100

enum { UNKNOWN, INERT, ACTIVE };

static _Atomic int mode;
static _Atomic bool counts_holds, fakes_limit;

/* LOCKONFAULT_CHILDREN, or all bits if it is not set. */
#define NOT_SET			(~0ul)
static unsigned long children = NOT_SET;

/* The name by which the program was executed; for a script, its name. */
static const char *program_name(void)
{
	const char *path = (const char *)getauxval(AT_EXECFN), *slash;

	if (!path)
		return "";
	slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/*
 * A sanitizer makes mlock() do nothing, and watches the memory that the program
 * shares between threads: the ledger is a false race to it.
 */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

static bool is_sanitized(void)
{
	return __asan_init || __tsan_init || __msan_init;
}

static void say(const char *name, size_t len, const char *says,
		const char *detail)
{
	struct lof_message message = { .len = 0 };

	lof_message_add(&message, "lockonfault: ");
	lof_message_add_bytes(&message, name, len);
	lof_message_add(&message, says);
	lof_message_add(&message, detail);
	lof_message_say(&message);
}

/*
 * Get the value of a setting. If the variable is not set or has no known value,
 * it is `usual`. A bound with an unknown value must not mean "no bound": 1 byte
 * is less than a page, so nothing is locked.
 */
static unsigned long value_of(size_t i, unsigned long usual)
{
	const struct lof_setting *setting = &lof_settings[i];
	const char *text = secure_getenv(setting->name);
	unsigned long value = usual;

	if (!text || !lof_setting_parse(setting, text, &value))
		return value;
	if (i == LOF_SETTING_MAX)
		value = 1;
	say(setting->name, strlen(setting->name), value == usual ?
	    ": unknown value, ignored; known: " :
	    ": unknown value, nothing will be locked; known: ",
	    setting->allowed);
	return value;
}

/* The list of a setting, or NULL. */
static const char *list_of(size_t i)
{
	const char *text = secure_getenv(lof_settings[i].name);
	unsigned long none;

	value_of(i, 0);
	return text && *text &&
	       !lof_setting_parse(&lof_settings[i], text, &none) ? text : NULL;
}

/* set_options() has reported an unknown value of LOCKONFAULT_SYNC_MS. */
static void select_kinds(void)
{
	const struct lof_setting *setting = &lof_settings[LOF_SETTING_SYNC_MS];
	const char *text = secure_getenv(setting->name);
	unsigned long scan_ms = SYNC_MS_OF_BUDGET;

	if (text)
		lof_setting_parse(setting, text, &scan_ms);
	lof_hooked_select(list_of(LOF_SETTING_SKIP), list_of(LOF_SETTING_ONLY),
			  scan_ms);
}

static void say_unknown_names(void)
{
	size_t len;

	for (char **variable = environ; !getauxval(AT_SECURE) && *variable;
	     variable++)
		if (lof_setting_is_unknown(*variable, &len))
			say(*variable, len, ": unknown variable, ignored", "");
}

/*
 * The value of a setting without its variable. A program whose locks are
 * converted gives memory back as if it had no locks: V8 aborts if it cannot.
 */
static unsigned long usual_value(size_t i)
{
	unsigned long convert = 0;

	if (i == LOF_SETTING_CONVERT)
		return LOF_CONVERT_LOCKS;
	lof_get(LOF_CONVERT, &convert);
	return i == LOF_SETTING_DISCARD && convert != LOF_CONVERT_OFF ?
	       LOF_DISCARD_TRANSLATE : 0;
}

/* LOCKONFAULT_CHILDREN, if it is set, decides instead of LOCKONFAULT_FORK. */
static unsigned long option_value(size_t i)
{
	if (i == LOF_SETTING_FORK && children != NOT_SET)
		return children & LOF_CHILDREN_FORK ? LOF_FORK_RELOCK :
						      LOF_FORK_FORGET;
	return value_of(i, usual_value(i));
}

/* LOCKONFAULT_CONVERT comes before LOCKONFAULT_DISCARD. */
static void set_options(void)
{
	unsigned long max = 0;

	children = value_of(LOF_SETTING_CHILDREN, NOT_SET);
	for (size_t i = 0; i < LOF_NSETTINGS; i++)
		if (lof_settings[i].option && i != LOF_SETTING_SYNC_MS)
			lof_set(lof_settings[i].option, option_value(i));
	lof_get(LOF_CONVERT_MAX, &max);
	lof_hooked_sync_ms(value_of(LOF_SETTING_SYNC_MS,
				    max ? SYNC_MS_OF_BUDGET : 0));
}

/* Two threads may run this at once: both get the same result. */
static int decide(void)
{
	const char *name = program_name();
	unsigned long convert = 0;

	if (lof_setting_wants_eager(name) || is_sanitized() ||
	    value_of(LOF_SETTING_DISABLE, 0))
		return INERT;
	set_options();
	counts_holds = value_of(LOF_SETTING_HOLDS, 0);
	select_kinds();
	fakes_limit = value_of(LOF_SETTING_RLIMIT, 0);
	say_unknown_names();
	lof_log_open(secure_getenv(lof_settings[LOF_SETTING_LOG].name), name,
		     value_of(LOF_SETTING_VERBOSE, 0));
	if (value_of(LOF_SETTING_SUMMARY, 0))
		lof_summary_begin();
	lof_get(LOF_CONVERT, &convert);
	lof_log("start", 0, convert, 0);
	return ACTIVE;
}

/*
 * Functions of .preinit_array run before libc has the environment. Until then
 * the mode is unknown, and the hooks make the plain system calls.
 */
bool lof_preload_is_active(void)
{
	int known = atomic_load_explicit(&mode, memory_order_acquire);

	if (known == UNKNOWN && environ) {
		known = decide();
		lof_hooked_publish(known == ACTIVE);
		atomic_store_explicit(&mode, known, memory_order_release);
	}
	return known == ACTIVE;
}

bool lof_preload_counts_holds(void)
{
	return atomic_load_explicit(&counts_holds, memory_order_relaxed);
}

bool lof_preload_fakes_limit(void)
{
	return lof_preload_is_active() && fakes_limit;
}

/* LOCKONFAULT_ALL: a converted mlockall(), which the program does not make. */
static void lock_all(void)
{
	int flags = MCL_CURRENT | MCL_FUTURE, err = 0;
	unsigned long convert = 0;

	lof_get(LOF_CONVERT, &convert);
	if (convert == LOF_CONVERT_OFF)
		flags |= MCL_ONFAULT;
	if (lof_mlockall(flags))
		err = errno;
	lof_log("all", 0, (size_t)flags, err);
	lof_log_skipped();
	lof_log_left_out();
}

/* The messages are printed, and the log begins, before the first call. */
__attribute__((constructor))
static void preload_init(void)
{
	int saved = errno;

	if (!lof_preload_is_active())
		return;
	if (!(children & LOF_CHILDREN_EXEC))
		lof_preload_leave_environment();
	if (value_of(LOF_SETTING_PREFAULT, NOT_SET) != NOT_SET)
		lof_prefault(secure_getenv(
			     lof_settings[LOF_SETTING_PREFAULT].name));
	if (value_of(LOF_SETTING_ALL, 0))
		lock_all();
	lof_prefault_mark();
	errno = saved;
}
