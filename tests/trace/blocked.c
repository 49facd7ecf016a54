/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blocked [-t MS] [-n PAIRS] [STATE...]: a process does one thing for MS
 * milliseconds, and is made to lock and unlock all its memory all the time. The
 * result, and the time until it is there, must be as if nothing had happened.
 *
 * This file has the parent, and the states of a process that waits in a system
 * call for other things than signals and threads.
 */
#include "config.h"

#include "blocked.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trace/inject.h"

#define SLACK_MS	(duration_ms / 4)	/* for a loaded machine */

int duration_ms = 400;
static int npairs = 20;
static int ready[2];
static int fd[2];
static int *elapsed_ms;		/* shared with the process */

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static struct timespec time_of(int ms)
{
	return (struct timespec){ ms / 1000, ms % 1000 * 1000000L };
}

void is_ready(void)
{
	if (write(ready[1], "", 1) != 1)
		_exit(99);
}

void doze(int ms)
{
	int64_t end = now_us() + ms * INT64_C(1000);
	const struct timespec tick = { 0, 1000000 };

	while (now_us() < end)
		nanosleep(&tick, NULL);
}

void later(void (*act)(void))
{
	pid_t child = fork();

	if (child < 0)
		_exit(98);
	if (child > 0)
		return;
	doze(duration_ms);
	act();
	_exit(0);
}

void on_signal(int sig, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_flags = flags };

	action.sa_handler = handler;
	sigaction(sig, &action, NULL);
}

static const char *wrong(long result, long wanted)
{
	static char text[80];

	if (result == wanted)
		return NULL;
	snprintf(text, sizeof(text), "result %ld, errno %d", result, errno);
	return text;
}

static const char *run_nanosleep(void)
{
	struct timespec time = time_of(duration_ms);

	is_ready();
	return wrong(nanosleep(&time, NULL), 0);
}

static const char *run_clock_nanosleep(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += duration_ms / 1000;
	time.tv_nsec += duration_ms % 1000 * 1000000L;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	is_ready();
	return wrong(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time,
				     NULL), 0);
}

static void write_fd(void)
{
	uint64_t one = 1;

	if (write(fd[1], &one, sizeof(one)) != sizeof(one))
		_exit(97);
}

static void open_pipe(void)
{
	if (pipe(fd))
		_exit(96);
	later(write_fd);
}

static const char *run_read_pipe(void)
{
	char buf[8];

	open_pipe();
	is_ready();
	return wrong(read(fd[0], buf, sizeof(buf)), 8);
}

static const char *run_read_eventfd(void)
{
	uint64_t value;

	fd[0] = fd[1] = eventfd(0, 0);
	later(write_fd);
	is_ready();
	return wrong(read(fd[0], &value, sizeof(value)), 8);
}

static int open_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0);

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd[0], &event);
	return epoll;
}

static const char *run_epoll(void)
{
	struct epoll_event event;
	int epoll;

	open_pipe();
	epoll = open_epoll();
	is_ready();
	return wrong(epoll_wait(epoll, &event, 1, -1), 1);
}

static const char *run_epoll_pwait(void)
{
	struct epoll_event event;
	sigset_t mask;
	int epoll;

	open_pipe();
	epoll = open_epoll();
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	is_ready();
	return wrong(epoll_pwait(epoll, &event, 1, -1, &mask), 1);
}

static const char *run_epoll_timeout(void)
{
	struct epoll_event event;
	int epoll;

	if (pipe(fd))
		return "pipe";
	epoll = open_epoll();
	is_ready();
	return wrong(epoll_wait(epoll, &event, 1, duration_ms), 0);
}

static const char *run_poll(void)
{
	struct pollfd item;

	open_pipe();
	item = (struct pollfd){ .fd = fd[0], .events = POLLIN };
	is_ready();
	return wrong(poll(&item, 1, -1), 1);
}

static const char *run_poll_timeout(void)
{
	is_ready();
	return wrong(poll(NULL, 0, duration_ms), 0);
}

static const char *check_mask(const char *reason)
{
	sigset_t mask;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	return reason ? reason :
		!sigismember(&mask, SIGUSR1) || sigismember(&mask, SIGUSR2) ?
		"the signal mask is another" : NULL;
}

static void block_usr1(sigset_t *during)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sigemptyset(during);
	sigaddset(during, SIGUSR2);
}

static const char *run_ppoll(void)
{
	struct timespec time = time_of(duration_ms);
	sigset_t mask;

	block_usr1(&mask);
	is_ready();
	return check_mask(wrong(ppoll(NULL, 0, &time, &mask), 0));
}

static const char *run_pselect(void)
{
	struct timespec time = time_of(duration_ms);
	sigset_t mask;

	block_usr1(&mask);
	is_ready();
	return check_mask(wrong(pselect(0, NULL, NULL, NULL, &time, &mask), 0));
}

static const char *run_select(void)
{
	struct timeval time = { duration_ms / 1000,
				duration_ms % 1000 * 1000L };

	is_ready();
	return wrong(select(0, NULL, NULL, NULL, &time), 0);
}

static void do_nothing(void)
{
}

static const char *run_wait(void)
{
	later(do_nothing);
	is_ready();
	return wait(NULL) < 0 ? "wait failed" : NULL;
}

static const char *run_flock(void)
{
	FILE *file = tmpfile();
	char path[32];
	int other;

	if (!file)
		return "tmpfile";
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(file));
	other = open(path, O_RDWR);
	flock(other, LOCK_EX);
	later(do_nothing);	/* the child has the lock, too */
	close(other);
	is_ready();
	return wrong(flock(fileno(file), LOCK_EX), 0);
}

static const char *run_recv(void)
{
	char buf[8];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return "socketpair";
	later(write_fd);
	is_ready();
	return wrong(recv(fd[0], buf, sizeof(buf), 0), 8);
}

/* A documented exception: EINTR, as after SIGSTOP and SIGCONT. */
static const char *run_recv_timeout(void)
{
	struct timeval time = { duration_ms / 1000,
				duration_ms % 1000 * 1000L };
	char buf[8];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return "socketpair";
	setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	is_ready();
	if (recv(fd[0], buf, sizeof(buf), 0) == -1 &&
	    (errno == EAGAIN || errno == EINTR)) {
		doze(duration_ms);
		return NULL;
	}
	return "recv";
}

static int queue;

static void send_message(void)
{
	struct { long type; char text[8]; } message = { 1, "" };

	msgsnd(queue, &message, sizeof(message.text), 0);
}

static const char *run_msgrcv(void)
{
	struct { long type; char text[8]; } message;
	const char *reason;

	queue = msgget(IPC_PRIVATE, 0600);
	later(send_message);
	is_ready();
	reason = wrong(msgrcv(queue, &message, sizeof(message.text), 0, 0), 8);
	msgctl(queue, IPC_RMID, NULL);
	return reason;
}

static int semaphore;

static void raise_semaphore(void)
{
	struct sembuf up = { 0, 1, 0 };

	semop(semaphore, &up, 1);
}

static const char *run_semop(void)
{
	struct sembuf down = { 0, -1, 0 };
	const char *reason;

	semaphore = semget(IPC_PRIVATE, 1, 0600);
	later(raise_semaphore);
	is_ready();
	reason = wrong(semop(semaphore, &down, 1), 0);
	semctl(semaphore, 0, IPC_RMID);
	return reason;
}

static const char *run_semtimedop(void)
{
	struct timespec time = time_of(duration_ms);
	struct sembuf down = { 0, -1, 0 };
	int err;

	semaphore = semget(IPC_PRIVATE, 1, 0600);
	is_ready();
	err = semtimedop(semaphore, &down, 1, &time) ? errno : 0;
	semctl(semaphore, 0, IPC_RMID);
	return err == EAGAIN ? NULL : "no EAGAIN";
}

const struct state states[] = {
	{ .name = "nanosleep", .run = run_nanosleep },
	{ .name = "clock_nanosleep", .run = run_clock_nanosleep },
	{ .name = "read_pipe", .run = run_read_pipe },
	{ .name = "read_eventfd", .run = run_read_eventfd },
	{ .name = "epoll", .run = run_epoll },
	{ .name = "epoll_pwait", .run = run_epoll_pwait },
	{ .name = "epoll_timeout", .run = run_epoll_timeout, .repeats = true },
	{ .name = "poll", .run = run_poll },
	{ .name = "poll_timeout", .run = run_poll_timeout },
	{ .name = "ppoll", .run = run_ppoll },
	{ .name = "pselect", .run = run_pselect },
	{ .name = "select", .run = run_select },
	{ .name = "wait", .run = run_wait },
	{ .name = "flock", .run = run_flock },
	{ .name = "recv", .run = run_recv },
	{ .name = "recv_timeout", .run = run_recv_timeout, .repeats = true },
	{ .name = "msgrcv", .run = run_msgrcv },
	{ .name = "semop", .run = run_semop },
	{ .name = "semtimedop", .run = run_semtimedop, .repeats = true },
	{ .name = "sigsuspend", .run = run_sigsuspend },
	{ .name = "pause", .run = run_pause },
	{ .name = "sigwaitinfo", .run = run_sigwaitinfo },
	{ .name = "sigtimedwait", .run = run_sigtimedwait, .repeats = true },
	{ .name = "alarms_restarted", .run = run_alarms_restarted },
	{ .name = "alarms", .run = run_alarms },
	{ .name = "in_handler_busy", .run = run_in_handler_busy },
	{ .name = "in_handler_asleep", .run = run_in_handler_asleep },
	{ .name = "sigtrap_ignored", .run = run_sigtrap_ignored },
	{ .name = "all_blocked", .run = run_all_blocked },
	{ .name = "stopped", .run = run_stopped, .is_endless = true },
	{ .name = "filter_kill", .run = run_filter_kill,
	  .needs_filters = true },
	{ .name = "filter_errno", .run = run_filter_errno,
	  .needs_filters = true },
	{ .name = "filter_strict", .run = run_filter_strict,
	  .needs_filters = true },
	{ .name = "registers", .run = run_registers },
	{ .name = "waiters", .run = run_waiters },
	{ .name = "churn", .run = run_churn },
	{ .name = "futex", .run = run_futex },
};
const size_t nstates = sizeof(states) / sizeof(*states);

/* --- the parent */

static void __attribute__((noreturn)) be(const struct state *state)
{
	int64_t start = now_us();
	const char *reason;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	close(ready[0]);
	reason = state->run();
	*elapsed_ms = (int)((now_us() - start) / 1000);
	if (reason)
		printf("%s: %s\n", state->name, reason);
	fflush(stdout);
	_exit(reason != NULL);
}

/* Is the time right? The stops may prolong it, on a loaded machine. */
static bool check_time(const struct state *state, uint64_t stopped_ns)
{
	int most = duration_ms + SLACK_MS + (int)(stopped_ns / 1000000);

	/* In strict mode there is no clock. */
	if (state->is_endless || !*elapsed_ms ||
	    (*elapsed_ms >= duration_ms - 2 &&
	     (state->repeats || *elapsed_ms <= most)))
		return true;
	printf("%s: it lasted %d ms\n", state->name, *elapsed_ms);
	return false;
}

struct stopped { uint64_t longest, sum; };	/* ns */

/* One call in the process. A process that has ended is no error. */
static int inject(pid_t pid, enum lof_traced call, struct stopped *stopped)
{
	struct lof_injected injected = {
		.call = call,
		.args[0] = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT,
	};
	int err = lof_inject(pid, false, &injected, 1);

	if (err == -ESRCH || (err == -EPERM && kill(pid, 0) == 0))
		return err;
	if (err || injected.result) {
		printf("inject: error %d, result %ld\n", -err, injected.result);
		return -EIO;
	}
	if (injected.stop_ns > stopped->longest)
		stopped->longest = injected.stop_ns;
	stopped->sum += injected.stop_ns;
	return 0;
}

/* The process must be stopped by SIGSTOP, and by nothing else. */
static bool stays_stopped(pid_t pid)
{
	char path[32], line[512] = "", *end;
	FILE *file;

	doze(20);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	end = strrchr(line, ')');
	return end && end[2] == 'T';
}

/* Return the number of pairs, or -1. */
static int hammer(pid_t pid, struct stopped *stopped)
{
	int64_t start = now_us();
	int n, err = 0;

	for (n = 0; !err && n < npairs; n++) {
		int64_t at = start + n * (duration_ms * INT64_C(900)) / npairs;

		err = inject(pid, LOF_TRACED_MLOCKALL, stopped);
		if (!err)
			err = inject(pid, LOF_TRACED_MUNLOCKALL, stopped);
		if (now_us() < at)
			usleep((useconds_t)(at - now_us()));
	}
	return err == -EIO ? -1 : n;
}

static bool test(const struct state *state)
{
	struct stopped stopped = { .sum = 0 };
	bool is_right = true;
	int status, n;
	pid_t pid;
	char byte;

	fflush(stdout);
	*elapsed_ms = 0;
	if (pipe(ready))
		return false;
	pid = fork();
	if (pid == 0)
		be(state);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		printf("%s: it does not start\n", state->name);
	close(ready[0]);
	n = hammer(pid, &stopped);
	if (state->is_endless) {
		is_right = stays_stopped(pid);
		if (!is_right)
			printf("%s: it is not stopped any more\n", state->name);
		kill(pid, SIGCONT);
	}
	waitpid(pid, &status, 0);
	is_right = check_time(state, stopped.sum) && is_right && n >= 0 &&
		   status == 0;
	printf("%s %s: %d pairs, longest stop %d us", is_right ? "ok" : "FAIL",
	       state->name, n, (int)(stopped.longest / 1000));
	printf(status ? ", status 0x%x\n" : "\n", (unsigned int)status);
	if (waitpid(-1, &status, WNOHANG) != -1) {
		puts("FAIL: a helper is left");
		is_right = false;
	}
	return is_right;
}

static bool is_wanted(const struct state *state, char **names)
{
	bool wanted = !*names;

	for (; *names; names++)
		wanted = wanted || strcmp(*names, state->name) == 0;
	return wanted;
}

int main(int argc, char **argv)
{
	bool is_right = true;
	int c;

	elapsed_ms = mmap(NULL, sizeof(*elapsed_ms), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while ((c = getopt(argc, argv, "n:t:")) >= 0)
		if (c == 't')
			duration_ms = atoi(optarg);
		else if (c == 'n')
			npairs = atoi(optarg);
		else
			return 2;
	for (size_t i = 0; i < nstates; i++) {
		if (!is_wanted(&states[i], argv + optind))
			continue;
		if (states[i].needs_filters && geteuid() != 0)
			printf("left out: %s: the user is not root\n",
			       states[i].name);
		else
			is_right = test(&states[i]) && is_right;
	}
	return is_right ? 0 : 1;
}
