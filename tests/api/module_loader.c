/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that is not linked with the library. It loads a module that is
 * linked with the library, locks memory, unloads the module, forks, and loads
 * the module again. It prints the locks by smaps after the first load, and the
 * locks by the ledger after the second.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/module.h"
#include "support/truth.h"

static void *module;
static int (*locks)(void *addr, size_t len);
static int (*draws)(char *arena, size_t page, char *kinds);

static void load(void)
{
	module = dlopen("./.libs/module.so", RTLD_NOW | RTLD_LOCAL);
	if (!module) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&locks = dlsym(module, "module_lock");
	*(void **)&draws = dlsym(module, "module_draw");
	if (!locks || !draws)
		exit(2);
}

/* After dlclose() no handler of pthread_atfork() may remain. */
static void fork_once(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (waitpid(pid, &status, 0) != pid || status)
		exit(3);
}

int main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char kinds[MODULE_NPAGES + 1], drawn[] = "........";
	char *arena = mmap(NULL, MODULE_NPAGES * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (arena == MAP_FAILED)
		return 4;
	load();
	if (locks(arena + 2 * page, 2 * page))
		return 5;
	fork_once();
	if (dlclose(module))
		return 6;
	fork_once();
	truth_kinds(arena, MODULE_NPAGES, kinds);
	/* The ledger adopts the locks that exist already. */
	load();
	if (locks(arena, 2 * page) || draws(arena, page, drawn))
		return 7;
	fork_once();
	dlclose(module);
	printf("%s %s\n", kinds, drawn);
	return 0;
}
