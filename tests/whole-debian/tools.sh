# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=dash
# Jobs: the tools of a developer and of an administrator, and the shell.

job_git() {
	export GIT_AUTHOR_DATE='1700000000 +0000' GIT_AUTHOR_NAME=a
	export GIT_COMMITTER_DATE='1700000000 +0000' GIT_COMMITTER_NAME=a
	export GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_EMAIL=a@example.org
	git init -q -b main one
	for i in $(seq 40); do
		seq "$i" $((i * 50)) >"one/file$((i % 7))"
		git -C one add .
		git -C one commit -q -m "commit $i"
	done
	git -C one checkout -q -b side HEAD~5
	echo side >one/other
	git -C one add .
	git -C one commit -q -m side
	git -C one merge -q -m merge main
	git -C one log --format=%H | sha256sum
	git -C one gc --aggressive -q --prune=now
	git -C one fsck --full 2>/dev/null
	git clone -q --no-local one two
	git -C two log --oneline | wc -l
	git -C two grep -c 7 | sort
	git -C two diff --stat HEAD~3 | tail -n 1
	git -C two checkout -q none 2>&1 || echo "status $?"
}

job_gpg() {
	export GNUPGHOME=/tmp/job/gnupg
	mkdir -m 700 gnupg
	gpg --batch -q --passphrase secret --pinentry-mode loopback \
		--quick-gen-key a@example.org default default never 2>/dev/null
	seq 100000 >plain
	gpg --batch -q --passphrase secret --pinentry-mode loopback -s -b plain
	gpg --batch --verify plain.sig plain 2>&1 | grep -o 'Good signature'
	gpg --batch -q --trust-model always -e -r a@example.org plain 2>/dev/null
	gpg --batch -q --passphrase secret --pinentry-mode loopback -d \
		plain.gpg 2>/dev/null | sha256sum
	gpg --batch -q --passphrase secret --pinentry-mode loopback -c \
		-o symmetric plain
	gpg --batch -q --passphrase wrong --pinentry-mode loopback -d \
		symmetric >/dev/null 2>&1 || echo "status $?"
	chmod 777 . gnupg
	GNUPGHOME=/tmp/nobody setpriv --reuid 65534 --regid 65534 --clear-groups \
		sh -c 'mkdir -m 700 /tmp/nobody; ulimit -l 64
		gpg --batch -q --passphrase "" --quick-gen-key b@example.org \
			default default never; gpg -k --with-colons |
			grep -c ^pub; gpgconf --kill all' 2>&1 |
		grep -vE 'trustdb|keybox|directory|revocation'
	gpgconf --kill all
}

job_openssl() {
	openssl genrsa -out key 2048 2>/dev/null
	openssl req -x509 -key key -subj /CN=a -days 2 -out cert
	openssl verify -CAfile cert cert
	seq 100000 | openssl enc -aes-256-cbc -pbkdf2 -k secret -out box
	openssl enc -d -aes-256-cbc -pbkdf2 -k secret -in box | sha256sum
	openssl enc -d -aes-256-cbc -pbkdf2 -k wrong -in box >/dev/null 2>&1 ||
		echo "status $?"
	openssl s_server -accept 7004 -key key -cert cert -quiet -www >log 2>&1 &
	wait_for openssl s_client -connect 127.0.0.1:7004
	curl -sk -o /dev/null -w '%{http_code}\n' https://127.0.0.1:7004/
	kill $!
}

# valgrind 3.19 has no mlock2, and says so in five lines that begin with --.
job_valgrind() {
	errors_c
	gcc -g -O0 errors.c -o errors -pthread
	for error in none leak overflow uninitialised freed; do
		valgrind -q --leak-check=full --error-exitcode=99 ./errors \
			$error 2>&1 | sed -n 's/^==[0-9]*== \([A-Z].*\)/\1/p' |
			sed 's/0x[0-9A-F]*/ADDRESS/' | head -n 3
		valgrind -q --leak-check=full --error-exitcode=99 ./errors \
			$error >/dev/null 2>&1 || echo "$error: status $?"
	done
	valgrind -q --tool=helgrind --error-exitcode=98 ./errors race \
		>/dev/null 2>&1 || echo "race: status $?"
	valgrind -q --tool=callgrind --callgrind-out-file=calls ./errors none \
		2>&1 | grep -v '^--[0-9]'
	valgrind -q --tool=massif --massif-out-file=heap ./errors none \
		2>&1 | grep -v '^--[0-9]'
}

job_gdb() {
	errors_c
	gcc -g -O0 errors.c -o errors -pthread
	gdb -q -nx -batch -ex 'set confirm off' -ex 'break add' -ex 'run race' \
		-ex 'bt 1' -ex 'delete' -ex 'tbreak printf' -ex 'finish' \
		-ex 'print shared >= 0' -ex 'print (long)getpid() > 0' \
		-ex 'print *(int (*)[2])malloc(8) != 0' -ex continue \
		./errors 2>&1 | grep -E '^(\$|Breakpoint 1,|#0|race|\[Inf)' |
		sed 's/0x[0-9a-f]*//; s/(process [0-9]*)//; s/Thread [^"]*//' |
		sed 's/Breakpoint 1, .*add/add/'
	gcc -g -O0 -x c - -o crash <<-'C'
		int main(void) { return *(volatile int *)8; }
	C
	gdb -q -nx -batch -ex run -ex bt ./crash 2>&1 |
		grep -oE 'SIGSEGV|main \(\)'
	sleep 100 &
	gdb -q -nx -batch -p $! -ex 'call (int)getpid() > 1' -ex detach 2>&1 |
		grep '^\$'
	# The shell does not always report the end by another signal.
	kill -PIPE $!
	wait $! || echo "status $?"
}

job_strace() {
	strace -ff -e trace=write,execve -e signal=none -o calls sh -c 'echo one;
		/bin/echo two | cat; exit 3' || echo "status $?"
	sed 's/0x[0-9a-f]*.*/.../' calls.* | grep -v exited | sort
	strace -c -o counts true
	grep -c total counts
	strace -qq -e inject=openat:error=ENOENT:when=200+ -o /dev/null true
	strace -qq -e trace=munlockall -o log perl -e '
		print syscall(152), syscall(152), "\n"'
	cat log
}

job_locks() {
	cat >locks.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (1 << 20)

static long locked(void)
{
	char line[200];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void say(const char *name, int ret)
{
	printf("%s %d errno %d, %ld kB\n", name, ret, ret ? errno : 0,
	       locked());
}

int main(void)
{
	char *p = mmap(0, SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *q;

	setvbuf(stdout, 0, _IONBF, 0);
	say("mlock", mlock(p, SIZE));
	say("munlock a part", munlock(p, SIZE / 2));
	say("mlock2", mlock2(p, SIZE, MLOCK_ONFAULT));
	q = mremap(p, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
	say("mremap", q == MAP_FAILED);
	say("munmap", munmap(q, SIZE));
	say("mlock of a hole", mlock(q, 2 * SIZE));
	say("munmap", munmap(q, 2 * SIZE));
	p = mmap(0, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED,
		 -1, 0);
	say("MAP_LOCKED", p == MAP_FAILED);
	say("bad flags", mlock2(p, SIZE, 8));
	say("madvise", madvise(p, SIZE, MADV_DONTNEED));
	if (!fork()) {
		say("child", 0);
		exit(0);
	}
	wait(0);
	say("munlockall", munlockall());
	say("mlockall", mlockall(0));
	return 0;
}
C
	gcc -O2 locks.c -o locks
	# The shim discards locked pages, unless it is told to do as the kernel.
	LOCKONFAULT_DISCARD=fail ./locks
	(ulimit -l 64; setpriv --reuid 65534 --clear-groups python3 -c '
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
b = ctypes.create_string_buffer(1 << 20)
print(libc.mlock(b, 16 << 10), libc.mlock(b, 1 << 20),
      os.strerror(ctypes.get_errno()))')
}

job_limits() {
	(ulimit -v 200000; python3 -c 'bytearray(300 << 20)' 2>&1 | tail -n 1)
	(ulimit -v 40000; sort --version | head -n 1)
	(ulimit -n 10; python3 -c '[open("/dev/null") for _ in range(20)]' 2>&1 |
		tail -n 1)
	(ulimit -s 256; python3 -c 'print(1)')
	(ulimit -t 1; python3 -c 'while True: pass') || echo "status $?"
	(ulimit -f 10; head -c 100000 /dev/zero >file) || echo "status $?"
	wc -c <file
	(ulimit -c 0; sh -c 'kill -SEGV $$') || echo "status $?"
	setpriv --reuid 65534 --clear-groups prlimit --nproc=1 \
		bash -c 'true | true' 2>&1 | grep -c 'fork: ' || true
	nice -n 5 sh -c nice
	timeout 1 sleep 5 || echo "status $?"
	prlimit --nofile=32 sh -c 'ulimit -n'
}

job_pipes() {
	seq 200000 | sort -R --random-source=/etc/passwd | sort -n -S 1M \
		--parallel=4 | uniq | sha256sum
	seq 3000 | xargs -P 4 -n 100 echo | wc -w
	yes | head -n 1000000 | md5sum
	seq 100000 | tee one two | awk '{ s += $1 } END { print s }'
	cmp one two
	mkfifo fifo
	cat fifo | wc -c &
	head -c 1000000 /dev/zero >fifo
	wait
	seq 10 | grep 5 | sed 's/5/five/' | tac | rev
	bash -c 'set -o pipefail; yes | head -n 1 >/dev/null; echo $?
		diff <(seq 5) <(seq 6); echo ${PIPESTATUS[@]}
		coproc cat; echo x >&${COPROC[1]}; read -u ${COPROC[0]} y; echo $y'
}

job_signals() {
	bash -c 'trap "echo term" TERM; kill $$; trap "echo int; exit 5" INT
		kill -INT $$; echo no' || echo "status $?"
	for signal in HUP INT QUIT ABRT KILL SEGV PIPE ALRM TERM USR1; do
		bash -c "ulimit -c 0; kill -$signal \$\$" || echo "$signal $?"
	done
	script -qec 'test -t 0 && echo terminal; stty size; exit 6' /dev/null \
		</dev/null || echo "status $?"
	sh -c 'sleep 50 & kill $!; wait $!' 2>/dev/null || echo "status $?"
	setsid -w sh -c 'exit 3' || echo "status $?"
}

job_forks() {
	cat >forks.c <<'C'
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void *map(void *arg)
{
	long bad = 0;

	for (int i = 0; i < 100; i++) {
		size_t len = (1 + i % 16) * 4096;
		char *p = mmap(0, len, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(p, 1, len);
		bad += i % 3 && mlock(p, len);
		p = mremap(p, len, 2 * len, MREMAP_MAYMOVE);
		bad += p[len - 1] != 1 || p[len] != 0;
		bad += munmap(p, 2 * len);
	}
	return (void *)(bad + (long)arg);
}

static int child(void *arg)
{
	return *(int *)arg;
}

int main(void)
{
	static char stack[65536];
	char *argv[] = { "sh", "-c", "exit 4", 0 };
	int status, sum = 0, code = 9;
	pthread_t threads[8];
	char *shm;
	void *bad;
	pid_t pid;

	for (long i = 0; i < 8; i++)
		pthread_create(&threads[i], 0, map, (void *)0);
	for (int i = 0; i < 100; i++) {
		pid = fork();
		if (!pid)
			_exit(map(0) != 0);
		waitpid(pid, &status, 0);
		sum += status;
		pid = vfork();
		if (!pid)
			_exit(1);
		waitpid(pid, &status, 0);
		sum += WEXITSTATUS(status);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &bad);
		sum += (long)bad;
	}
	printf("%d\n", sum);
	posix_spawnp(&pid, "sh", 0, 0, argv, environ);
	waitpid(pid, &status, 0);
	printf("%d\n", WEXITSTATUS(status));
	pid = clone(child, stack + sizeof(stack), CLONE_VM | SIGCHLD, &code);
	waitpid(pid, &status, 0);
	printf("%d\n", WEXITSTATUS(status));
	status = shmget(IPC_PRIVATE, 1 << 20, 0600);
	shm = shmat(status, 0, 0);
	shmctl(status, IPC_RMID, 0);
	if (!fork()) {
		shm[5] = 7;
		_exit(0);
	}
	wait(0);
	printf("%d\n", shm[5]);
	printf("%d\n", shmdt(shm));
	return 0;
}
C
	gcc -O2 forks.c -o forks -pthread
	./forks
}

job_users() {
	useradd -M -s /bin/sh someone 2>/dev/null || true
	su someone -c 'id -un; exit 3' || echo "status $?"
	chfn -r 1 someone
	getent passwd someone | cut -d: -f5
	setpriv --reuid someone --clear-groups --inh-caps=-all \
		su -c true root </dev/null >/dev/null 2>&1 || echo "status $?"
	unshare --net --uts sh -c 'hostname other; hostname'
	userdel someone
	id someone 2>&1 || echo "status $?"
}

job_archives() {
	mkdir tree
	for i in $(seq 300); do
		seq "$i" $((i * 9)) >"tree/$i"
	done
	for by in gzip bzip2 xz 'xz -T2' 'zstd -T2' 'zstd --long=27 -19'; do
		tar -cf archive -I "$by" tree
		tar -xOf archive -I "${by%% *}" | sha256sum
	done
	rsync -a --stats tree/ copy | grep -E 'Number of .*files'
	rm copy/7
	echo x >copy/8
	rsync -aiO --delete --checksum tree/ copy
	busybox tar -c tree | busybox tar -x -C copy
	diff -r tree copy/tree
	find tree -size +1k -print0 | xargs -0 sha256sum | sort | sha256sum
}

job_packages() {
	mkdir -p own/DEBIAN own/usr/share/own
	cat >own/DEBIAN/control <<-C
		Package: own
		Version: 1
		Architecture: all
		Maintainer: a <a@example.org>
		Description: a package
	C
	printf '#!/bin/sh\necho postinst "$1"\n' >own/DEBIAN/postinst
	chmod 755 own/DEBIAN/postinst
	echo data >own/usr/share/own/data
	dpkg-deb -b --root-owner-group own own.deb
	dpkg -i own.deb
	apt-get -s -q install gcc 2>&1 | tail -n 1
	apt-get -s -q remove perl-base 2>&1 | tail -n 1
	apt-cache policy bash | sed -n 2p
	dpkg -P own
	dpkg -V | grep -vE 'usr/share/(doc|man|locale)' || true
	ldd /bin/ls | grep -c libc.so
}

job_memory() {
	for m in /usr/lib/*/libjemalloc.so.2; do
		LD_PRELOAD=$m sh -c 'seq 50000 | sort -R | sort -n | sha256sum'
		LD_PRELOAD=$m python3 -c 'print(sum(len(str(i)) for i in range(99999)))'
	done
	cat >hold.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
	char *p[100];
	int sum = 0;

	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return 1;
	for (int i = 0; i < 100; i++) {
		p[i] = malloc(100 << i % 14);
		memset(p[i], i, 100 << i % 14);
	}
	for (int i = 0; i < 100; i++) {
		p[i] = realloc(p[i], 1 << 20);
		sum += p[i][99];
		free(p[i]);
	}
	printf("%d %d\n", sum, dlopen("libm.so.6", RTLD_NOW) != 0);
	return munlockall();
}
C
	gcc hold.c -o hold
	./hold
	MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=4096 ./hold
	GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.hugetlb=1 ./hold
}
