/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run chooses a backend: the shim (preload), a supervisor (trace), or
 * mlockall() at the exec for --all (exec). The supervisor does not see the calls
 * that the shim makes: so a program may be under both, and no call is converted
 * twice.
 */
#include "config.h"

#include "backend.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "trace/supervisor.h"

static const char *const names[] = {
	[LOF_BACKEND_AUTO] = "auto",
	[LOF_BACKEND_PRELOAD] = "preload",
	[LOF_BACKEND_TRACE] = "trace",
	[LOF_BACKEND_EXEC] = "exec",
};

int lof_backend_parse(struct lof_backend *backend, const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], name) == 0) {
			backend->wanted = (enum lof_backend_kind)i;
			return 0;
		}
	warnx("invalid argument '%s' for --backend: not auto, preload, trace "
	      "or exec", name);
	return -1;
}

static bool is_set(const char *name, const char *value)
{
	const char *text = getenv(name);

	return text && strcmp(text, value) == 0;
}

/* Then there is nothing to convert. */
static bool is_off(void)
{
	return is_set("LOCKONFAULT_DISABLE", "1") ||
	       is_set("LOCKONFAULT_CONVERT", "0");
}

/*
 * For a program that the shim does not reach, LD_PRELOAD is set nevertheless:
 * the programs that it starts may have the shim.
 */
void lof_backend_choose(struct lof_backend *backend, char **command,
			const struct lof_target *target)
{
	enum lof_backend_kind wanted = backend->wanted;
	bool is_elsewhere = false, can;

	backend->target = target;
	backend->why = lof_launcher_clears(command, &is_elsewhere);
	backend->is_launched = backend->why;
	if (!backend->why)
		backend->why = target->why;
	can = backend->why && !is_elsewhere &&
	      (!target->gains || lof_supervise_keeps_gains());
	backend->locks_all |= wanted == LOF_BACKEND_EXEC;
	backend->preloads = wanted <= LOF_BACKEND_PRELOAD && !target->refuses;
	backend->traces = wanted == LOF_BACKEND_TRACE ||
			  (wanted == LOF_BACKEND_AUTO && can && !is_off());
	backend->execs = backend->locks_all &&
			 !target->gains &&
			 (wanted == LOF_BACKEND_AUTO ?
			  target->why != NULL : wanted != LOF_BACKEND_PRELOAD);
}

static void say_choice(const struct lof_backend *backend, const char *name)
{
	bool is_ours = backend->wanted == LOF_BACKEND_AUTO;
	const char *which = backend->traces && backend->execs ?
			    "exec and trace" : backend->traces ? "trace" :
			    backend->execs ? "exec" : "preload";

	if (!is_ours)
		warnx("backend %s: by --backend", which);
	else if (!backend->why)
		warnx("backend %s: the shim reaches %s", which, name);
	else
		warnx("backend %s: the shim does not reach %s%s: %s", which,
		      backend->is_launched ? "the program started by " : "",
		      name, backend->why);
}

static void say_in_vain(const struct lof_backend *backend, const char *name)
{
	if (backend->is_launched)
		warnx("the shim cannot be loaded into the program that %s "
		      "starts: %s", name, backend->why);
	else
		warnx("the shim cannot be loaded into %s: %s", name,
		      backend->why);
}

bool lof_backend_say(const struct lof_backend *backend, const char *name,
		     bool tells)
{
	bool disabled = is_set("LOCKONFAULT_DISABLE", "1"), in_vain;

	in_vain = backend->why && !backend->traces && !backend->execs;
	if (disabled)
		warnx("LOCKONFAULT_DISABLE=1 is set: the shim will do nothing");
	if (tells)
		say_choice(backend, name);
	if (in_vain)
		say_in_vain(backend, name);
	if (backend->traces && lof_lock_bound() > 0)
		warnx("LOCKONFAULT_MAX has no effect on programs that the shim "
		      "does not reach");
	return disabled || in_vain;
}

static const char *why_not_traced(int err)
{
	switch (err) {
	case -ENOTSUP:
		return "this needs Linux 5.9, on x86-64 or aarch64";
	case -EBUSY:
		return "another process receives its system calls (seccomp)";
	case -ENXIO:
		return "/proc is missing, or is of another PID namespace";
	case -EACCES:
		return "Yama does not permit it (kernel.yama.ptrace_scope)";
	default:
		return strerror(-err);
	}
}

static int supervise(const struct lof_backend *backend, const char *name)
{
	const char *log = getenv("LOCKONFAULT_LOG");
	const struct lof_supervision how = {
		.strips_populate = is_set("LOCKONFAULT_CONVERT", "2"),
		.is_verbose = is_set("LOCKONFAULT_VERBOSE", "1"),
		.log = log && *log == '/' ? log : NULL,
	};
	bool gains = lof_supervise_keeps_gains() ||
		     prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	int err = lof_yama_forbids() ? -EACCES : lof_supervise(&how);

	if (!err && !gains)
		warnx("%s and its children cannot gain privileges "
		      "(no_new_privs)", name);
	if (!err)
		return 0;
	warnx("%s cannot be traced: %s", name, why_not_traced(err));
	if (backend->wanted == LOF_BACKEND_TRACE)
		return -1;
	say_in_vain(backend, name);
	return 0;
}

/* The kernel takes the privileges that a traced program would gain. */
static bool is_refused(const struct lof_backend *backend)
{
	return backend->target->gains &&
	       (backend->wanted == LOF_BACKEND_EXEC ||
		(backend->wanted == LOF_BACKEND_TRACE &&
		 !lof_supervise_keeps_gains()));
}

/* In this order: a process has one tracer that Yama permits. */
int lof_backend_prepare(struct lof_backend *backend, const char *name)
{
	if (is_refused(backend)) {
		warnx("%s cannot be traced: %s", name, backend->target->why);
		return -1;
	}
	if (backend->execs && !lof_lock_unreached(name) &&
	    backend->wanted == LOF_BACKEND_EXEC)
		return -1;
	return backend->traces ? supervise(backend, name) : 0;
}

void lof_backend_print(const struct lof_backend *backend)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!backend->traces && !backend->execs)
		return;
	self[n > 0 ? n : 0] = '\0';
	lof_print_quoted(stdout, n > 0 ? self : "lockonfault");
	printf(" run --backend=%s%s ", backend->traces ? "trace" : "exec",
	       backend->execs && backend->traces ? " --all" : "");
}
