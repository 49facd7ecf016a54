/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of preload_helper: files that hurt a program that writes to them. The
 * log is /dev/fd/200, which the program opens, or else standard error.
 */
#include "config.h"

#include "preload/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define LOG_FD	200
#define BYTES	100	/* in the file; more than its limit */

static const int risky[] = { SIGXFSZ, SIGPIPE, SIGTTOU };

/* Run act() in a child. Print how it ended; 10 s are as good as for ever. */
static void outcome(const char *what, void (*act)(void))
{
	int status, waited = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		act();
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG | WUNTRACED) == 0 &&
	       waited++ < 1000)
		usleep(10000);
	if (waited > 1000)
		printf("%s blocked\n", what);
	else if (WIFEXITED(status))
		printf("%s %d\n", what, WEXITSTATUS(status));
	else
		printf("%s signal %d\n", what, WIFSTOPPED(status) ?
		       WSTOPSIG(status) : WTERMSIG(status));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	fflush(stdout);
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* What the program sees besides the result: 0 if nothing is different. */
static void log_a_call(void)
{
	sigset_t mask[2], pending[2];

	sigpending(&pending[0]);
	sigprocmask(SIG_SETMASK, NULL, &mask[0]);
	errno = 7777;
	if (mlock(at(0), page) || errno != 7777)
		_exit(20);
	sigpending(&pending[1]);
	sigprocmask(SIG_SETMASK, NULL, &mask[1]);
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&mask[0], sig) != sigismember(&mask[1], sig))
			_exit(30);
		else if (sigismember(&pending[0], sig) !=
			 sigismember(&pending[1], sig))
			_exit(40);
}

static void to(int fd, int as)
{
	if (fd < 0 || dup2(fd, as) != as)
		_exit(50);
}

/* --- a file that is as large as it may be */

static void limit_file(int as)
{
	const struct rlimit less = { BYTES / 2, RLIM_INFINITY };
	int fd = memfd_create("log", 0);

	if (ftruncate(fd, BYTES) || lseek(fd, 0, SEEK_END) != BYTES ||
	    setrlimit(RLIMIT_FSIZE, &less))
		_exit(51);
	to(fd, as);
}

static void log_limited(void)
{
	limit_file(LOG_FD);
	log_a_call();
}

static void log_limited_ignored(void)
{
	signal(SIGXFSZ, SIG_IGN);
	log_limited();
}

static void log_limited_blocked(void)
{
	block(SIGXFSZ);
	log_limited();
}

static void log_limited_pending(void)
{
	block(SIGXFSZ);
	raise(SIGXFSZ);
	log_limited();
}

/* --- a FIFO whose reader comes and goes */

static _Atomic int is_done;

static void *come_and_go(void *unused)
{
	(void)unused;
	while (!is_done)
		close(open("/dev/fd/200", O_RDONLY | O_NONBLOCK));
	return NULL;
}

static void log_to_leaving_reader(void)
{
	pthread_t thread;
	int end[2];

	if (pipe(end))
		_exit(52);
	to(end[1], LOG_FD);
	close(end[0]);
	if (pthread_create(&thread, NULL, come_and_go, NULL))
		_exit(53);
	for (int i = 0; i < 5000; i++)
		log_a_call();
	is_done = 1;
	pthread_join(thread, NULL);
}

static void log_to_leaving_reader_blocked(void)
{
	block(SIGPIPE);
	log_to_leaving_reader();
}

static void pipe_full(int as)
{
	int end[2];

	if (pipe(end) || fcntl(end[1], F_SETFL, O_NONBLOCK))
		_exit(54);
	while (write(end[1], "x", 1) == 1)
		;
	fcntl(end[1], F_SETFL, 0);
	to(end[1], as);
}

static void log_to_full_pipe(void)
{
	pipe_full(LOG_FD);
	log_a_call();
}

/* --- a handler that leaves the call */

static sigjmp_buf before;

static void leave(int sig)
{
	(void)sig;
	siglongjmp(before, 1);
}

/* The lowest descriptor tells whether a log was left open. */
static void log_left_by_longjmp(void)
{
	struct itimerval soon = { { 0, 0 }, { 0, 200 } };
	int lowest = dup(0);
	volatile int left = 0;

	to(memfd_create("log", 0), LOG_FD);
	close(lowest);
	signal(SIGALRM, leave);
	sigsetjmp(before, 1);
	if (left++ < 300) {
		setitimer(ITIMER_REAL, &soon, NULL);
		for (;;)
			mlock(at(0), page);
	}
	if (dup(0) != lowest)
		_exit(61);
}

/* --- a terminal */

/* A new session, whose terminal is fd; the mode of the terminal is TOSTOP. */
static void terminal(int as)
{
	struct termios mode;
	int ptmx = posix_openpt(O_RDWR | O_NOCTTY), fd;

	if (setsid() < 0 || grantpt(ptmx) || unlockpt(ptmx))
		_exit(55);
	fd = open(ptsname(ptmx), O_RDWR);
	if (tcgetattr(fd, &mode))
		_exit(56);
	mode.c_lflag |= TOSTOP;
	if (tcsetattr(fd, TCSANOW, &mode))
		_exit(57);
	to(fd, as);
}

static void terminal_stopped(int as)
{
	terminal(as);
	if (tcflow(as, TCOOFF))
		_exit(58);
}

static void log_to_stopped_terminal(void)
{
	terminal_stopped(LOG_FD);
	log_a_call();
}

static void log_in_background(void)
{
	setpgid(0, 0);
	log_a_call();
}

static void log_to_terminal(void)
{
	terminal(LOG_FD);
	outcome("log from the background", log_in_background);
}

void harm_log(void)
{
	for (size_t i = 0; i < sizeof(risky) / sizeof(risky[0]); i++)
		signal(risky[i], SIG_DFL);
	outcome("limit", log_limited);
	outcome("limit, ignored", log_limited_ignored);
	outcome("limit, blocked", log_limited_blocked);
	outcome("limit, pending", log_limited_pending);
	outcome("reader", log_to_leaving_reader);
	outcome("reader, blocked", log_to_leaving_reader_blocked);
	outcome("full", log_to_full_pipe);
	outcome("longjmp", log_left_by_longjmp);
	outcome("stopped", log_to_stopped_terminal);
	outcome("terminal", log_to_terminal);
}

/* --- standard error, to which the shim reports at the start */

static void start(void)
{
	setenv("LOCKONFAULT_NONE", "1", 1);
	execl("/proc/self/exe", "preload_helper", "nothing", (char *)NULL);
	_exit(59);
}

static void say_to_limited(void)
{
	limit_file(STDERR_FILENO);
	start();
}

static void say_to_nothing(void)
{
	close(STDERR_FILENO);
	start();
}

static void say_without_reader(void)
{
	int end[2];

	if (pipe(end))
		_exit(60);
	to(end[1], STDERR_FILENO);
	close(end[0]);
	start();
}

/*
 * A pipe of one page, with a byte in it: poll tells that it is full, but a line
 * still fits. Exits with 0 if the line comes.
 */
static void say_to_small_pipe(void)
{
	char line[200];
	int end[2], status;

	if (pipe(end) || fcntl(end[1], F_SETPIPE_SZ, 1) < 0 ||
	    write(end[1], "x", 1) != 1)
		_exit(62);
	if (fork() == 0) {
		to(end[1], STDERR_FILENO);
		start();
	}
	wait(&status);
	fcntl(end[0], F_SETFL, O_NONBLOCK);
	if (read(end[0], line, sizeof(line)) < 2 || status)
		_exit(63);
	/* This process may wait for the pipe, the shim may not make it. */
	if (fcntl(end[1], F_GETFL) & O_NONBLOCK)
		_exit(64);
}

/* The program's lines follow the message, and do not overwrite it. */
static void say_to_file(void)
{
	int fd = memfd_create("err", 0), status;

	if (fork() == 0) {
		to(fd, STDERR_FILENO);
		start();
	}
	wait(&status);
	if (lseek(fd, 0, SEEK_CUR) < 2 || status)
		_exit(65);
}

static void say_to_full_socket(void)
{
	int end[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, end))
		_exit(66);
	while (send(end[1], "x", 1, MSG_DONTWAIT) == 1)
		;
	to(end[1], STDERR_FILENO);
	start();
}

static void say_to_full_pipe(void)
{
	pipe_full(STDERR_FILENO);
	start();
}

static void say_to_stopped_terminal(void)
{
	terminal_stopped(STDERR_FILENO);
	start();
}

static void say_in_background(void)
{
	setpgid(0, 0);
	start();
}

static void say_to_terminal(void)
{
	terminal(STDERR_FILENO);
	outcome("message from the background", say_in_background);
}

void harm_stderr(void)
{
	for (size_t i = 0; i < sizeof(risky) / sizeof(risky[0]); i++)
		signal(risky[i], SIG_DFL);
	outcome("limit", say_to_limited);
	outcome("closed", say_to_nothing);
	outcome("reader", say_without_reader);
	outcome("small", say_to_small_pipe);
	outcome("full", say_to_full_pipe);
	outcome("file", say_to_file);
	outcome("socket", say_to_full_socket);
	outcome("stopped", say_to_stopped_terminal);
	outcome("terminal", say_to_terminal);
}
