/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The second half of the demo: memcached -k, which locks all its memory,
 * without the shim and with it. The demo always ends memcached and removes the
 * directory of its socket.
 */
#include "config.h"

#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "process.h"

#define TITLE		"memcached -k -m 64"
#define ROUNDS		3
#define PAUSE_US	200
#define READY_NS	(10 * 1000000000ULL)

struct server {
	const char *program, *shim;	/* shim: NULL to run without it */
	const char *why;		/* why it was not measured, or NULL */
	char dir[80];
	struct sockaddr_un address;
	sigset_t mask;			/* before signals were blocked */
	pid_t pid;			/* 0: not running */
};

struct served {
	uint64_t ready, rss;		/* nanoseconds, bytes */
};

/* These signals ask the demo to stop; they arrive after it has cleaned up. */
static void block_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, before);
}

static bool is_interrupted(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
	       (sigismember(&set, SIGHUP) || sigismember(&set, SIGINT) ||
		sigismember(&set, SIGQUIT) || sigismember(&set, SIGTERM));
}

static void run_server(const struct server *server)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &server->mask, NULL);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	unsetenv("LOCKONFAULT_CONVERT");
	unsetenv("LOCKONFAULT_DISABLE");
	if (server->shim)
		setenv("LD_PRELOAD", server->shim, 1);
	else
		unsetenv("LD_PRELOAD");
	/* memcached refuses to run as root without -u. */
	if (geteuid() == 0)
		execl(server->program, "memcached", "-k", "-m", "64", "-s",
		      server->address.sun_path, "-u", "root", NULL);
	else
		execl(server->program, "memcached", "-k", "-m", "64", "-s",
		      server->address.sun_path, NULL);
	_exit(LOF_EXIT_CANNOT_EXEC);
}

static bool has_ended(struct server *server)
{
	if (server->pid > 0 && waitpid(server->pid, NULL, WNOHANG) != 0)
		server->pid = 0;
	return server->pid == 0;
}

/* memcached takes up to a second to see SIGTERM, and has nothing to save. */
static void stop_server(struct server *server)
{
	if (server->pid > 0) {
		kill(server->pid, SIGKILL);
		waitpid(server->pid, NULL, 0);
		server->pid = 0;
	}
	unlink(server->address.sun_path);
}

/* Returns a connected socket, or -1: memcached ended, or took too long. */
static int wait_ready(struct server *server)
{
	const struct sockaddr *address = (struct sockaddr *)&server->address;
	uint64_t begin = lof_demo_clock();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	while (lof_demo_clock() - begin < READY_NS && !has_ended(server) &&
	       !is_interrupted()) {
		if (connect(fd, address, sizeof(server->address)) == 0)
			return fd;
		usleep(PAUSE_US);
	}
	close(fd);
	return -1;
}

static bool ask(int fd, const char *request, const char *reply)
{
	char buf[64];
	size_t len = strlen(reply), n = 0;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return false;
	while (n < len) {
		ssize_t got = recv(fd, buf + n, sizeof(buf) - n, 0);

		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return n == len && memcmp(buf, reply, len) == 0;
}

static bool serves(int fd)
{
	const struct timeval patience = { .tv_sec = 5 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return ask(fd, "set demo 0 0 5\r\nvalue\r\n", "STORED\r\n") &&
	       ask(fd, "get demo\r\n",
		   "VALUE demo 0 5\r\nvalue\r\nEND\r\n");
}

/* Read the memory of a running server. False, with server->why, on failure. */
static bool look_at(struct server *server, struct served *served)
{
	struct lof_process process;

	if (lof_process_open(&process, server->pid)) {
		server->why = "it has ended";
		return false;
	}
	lof_process_read_areas(&process);
	if (!process.has_areas)
		server->why = "its smaps cannot be read";
	else if (process.charged == 0)
		server->why = "RLIMIT_MEMLOCK forbids its mlockall";
	served->rss = process.rss;
	return !server->why;
}

static bool serve_once(struct server *server, struct served *served)
{
	uint64_t begin = lof_demo_clock();
	bool done = false;
	int fd;

	server->pid = fork();
	if (server->pid == 0)
		run_server(server);
	if (server->pid < 0) {
		server->pid = 0;
		server->why = strerror(errno);
		return false;
	}
	fd = wait_ready(server);
	served->ready = lof_demo_clock() - begin;
	if (fd < 0)
		server->why = "it did not start";
	else if (!serves(fd))
		server->why = "it does not answer";
	else
		done = look_at(server, served);
	if (fd >= 0)
		close(fd);
	stop_server(server);
	return done;
}

/* Take the fastest of some rounds: the first one reads files from disk. */
static bool serve(struct server *server, const char *shim,
		  struct served *served)
{
	struct served round;

	server->shim = shim;
	for (int i = 0; i < ROUNDS; i++) {
		if (!serve_once(server, &round))
			return false;
		if (i == 0 || round.ready < served->ready)
			*served = round;
	}
	return true;
}

static int add_row(struct libscols_table *table, const char *what,
		   const char *plain, const char *shim, double ratio)
{
	const char *values[3] = { plain, shim, NULL };
	char text[32];

	snprintf(text, sizeof(text), "%.3g : 1", ratio);
	values[2] = text;
	return lof_demo_row(table, what, values);
}

static void show(const struct lof_look *look, const struct served *plain,
		 const struct served *shim)
{
	static const char *const headings[] = { "alone", "on fault", "ratio",
						NULL };
	struct libscols_table *table = lof_demo_table(look, TITLE, headings);
	char times[2][LOF_TIME_CHARS], sizes[2][LOF_SIZE_CHARS];

	if (!table)
		return;
	if (add_row(table, "time until ready",
		    lof_demo_time(times[0], look, plain->ready),
		    lof_demo_time(times[1], look, shim->ready),
		    (double)plain->ready / (double)shim->ready) == 0 &&
	    add_row(table, "resident when ready",
		    lof_size_text(sizes[0], plain->rss),
		    lof_size_text(sizes[1], shim->rss),
		    (double)plain->rss / (double)shim->rss) == 0)
		scols_print_table(table);
	scols_unref_table(table);
}

static bool make_directory(struct server *server)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || *tmp != '/' || strlen(tmp) > sizeof(server->dir) / 2)
		tmp = "/tmp";
	snprintf(server->dir, sizeof(server->dir), "%s/lockonfault-XXXXXX",
		 tmp);
	if (!mkdtemp(server->dir))
		return false;
	server->address.sun_family = AF_UNIX;
	snprintf(server->address.sun_path, sizeof(server->address.sun_path),
		 "%s/socket", server->dir);
	return true;
}

static const char *measure(struct server *server, const char *shim,
			   const struct lof_look *look)
{
	struct served without, with;

	block_signals(&server->mask);
	if (make_directory(server)) {
		if (serve(server, NULL, &without) &&
		    serve(server, shim, &with))
			show(look, &without, &with);
		rmdir(server->dir);
	} else {
		server->why = strerror(errno);
	}
	fflush(stdout);
	sigprocmask(SIG_SETMASK, &server->mask, NULL);
	return server->why;
}

void lof_demo_memcached(const struct lof_look *look)
{
	char program[PATH_MAX], shim[PATH_MAX];
	struct server server = { .program = program };
	const char *why = "it is not installed";

	if (lof_find_command("memcached", program, sizeof(program)) == 0)
		why = lof_shim_find(NULL, shim, sizeof(shim)) ?
		      "the shim is missing" : measure(&server, shim, look);
	if (why)
		printf(TITLE ": not measured, %s\n", why);
}
