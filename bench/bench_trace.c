/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loops for bench_trace.sh: prints the CPU time of one round of a loop, with
 * its children, in nanoseconds. None of them locks memory, so the supervisor
 * sleeps.
 */
#define _GNU_SOURCE

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int zero, null, pair[2];

static void execute(const char *const *argv)
{
	pid_t child = fork();

	if (child == 0) {
		dup2(null, STDOUT_FILENO);
		execvp(argv[0], (char **)argv);
		_exit(1);
	}
	if (child < 0 || waitpid(child, NULL, 0) != child)
		err(1, "fork");
}

static void fork_and_exec(void)
{
	const char *const argv[] = { "/proc/self/exe", NULL };

	execute(argv);
}

/* A program that mostly makes system calls. */
static void find_files(void)
{
	const char *const argv[] = {
		"find", "/usr/share/doc", "-size", "+1G", NULL
	};

	execute(argv);
}

static void call_nothing(void)
{
	syscall(SYS_getppid);
}

static void read_byte(void)
{
	char byte;

	if (read(zero, &byte, 1) != 1)
		err(1, "read");
}

static void open_and_close(void)
{
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) || close(fd))
		err(1, "open");
}

static void pass_through_pipe(void)
{
	char block[4096];

	memset(block, 1, sizeof(block));
	if (write(pair[1], block, sizeof(block)) != sizeof(block) ||
	    read(pair[0], block, sizeof(block)) != sizeof(block))
		err(1, "pipe");
}

static void map_and_touch(void)
{
	char *addr = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		err(1, "mmap");
	for (int i = 0; i < 65536; i += 4096)
		addr[i] = 1;
	munmap(addr, 65536);
}

static const struct loop {
	const char *name;
	void (*once)(void);
	long times;
} loops[] = {
	{ "exec", fork_and_exec, 200 },
	{ "find", find_files, 1 },
	{ "getppid", call_nothing, 300000 },
	{ "read", read_byte, 200000 },
	{ "open", open_and_close, 20000 },
	{ "pipe", pass_through_pipe, 60000 },
	{ "mmap", map_and_touch, 3000 },
};

static double cpu_of(int whose)
{
	struct rusage usage;

	getrusage(whose, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

static double now(void)
{
	return cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
}

static void measure(const struct loop *loop)
{
	double start = now();

	for (long i = 0; i < loop->times; i++)
		loop->once();
	printf("%.1f\n", (now() - start) / (double)loop->times);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 0;
	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
	if (zero < 0 || null < 0 || pipe(pair))
		err(1, "/dev/zero");
	for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++)
		if (strcmp(loops[i].name, argv[1]) == 0)
			measure(&loops[i]);
	return 0;
}
