# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Jobs: compilers, their sanitizers, and the runtimes of compiled languages.

# hello_c: a program that allocates, maps and sorts
hello_c() {
	cat >hello.c <<'C'
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int main(void)
{
	size_t n = 1 << 18;
	int *p = mmap(0, n * sizeof(*p), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned x = 1;

	if (p == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < n; i++)
		p[i] = (x = x * 1103515245 + 12345) >> 8;
	qsort(p, n, sizeof(*p), compare);
	p = mremap(p, n * sizeof(*p), 2 * n * sizeof(*p), MREMAP_MAYMOVE);
	printf("%d %d %d\n", p[0], p[n / 2], p[n]);
	return munmap(p, 2 * n * sizeof(*p));
}
C
}

# throwing_cc: C++ with exceptions, threads and containers
throwing_cc() {
	cat >throwing.cc <<'CC'
#include <future>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

static long count(int n)
{
	std::map<std::string, long> words;
	long sum = 0;

	for (int i = 0; i < n; i++)
		words[std::to_string(i % 997)] += i;
	for (auto &word : words)
		sum += word.second;
	if (n % 2)
		throw std::runtime_error("odd " + std::to_string(n));
	return sum;
}

int main()
{
	std::vector<std::future<long>> all;

	for (int i = 0; i < 16; i++)
		all.push_back(std::async(std::launch::async, count, 20000 + i));
	for (auto &one : all) {
		try {
			std::cout << one.get() << "\n";
		} catch (std::exception &e) {
			std::cout << e.what() << "\n";
		}
	}
}
CC
}

# errors_c: a program with one error of memory, by its argument
errors_c() {
	cat >errors.c <<'C'
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int shared;

static void *add(void *arg)
{
	for (int i = 0; i < 1000; i++)
		shared++;
	return arg;
}

int main(int argc, char **argv)
{
	const char *error = argv[argc - 1];
	volatile int big = INT_MAX;
	char *p = malloc(10);
	pthread_t thread;

	memset(p, 1, 9);
	if (!strcmp(error, "race")) {
		pthread_create(&thread, 0, add, 0);
		add(0);
		pthread_join(thread, 0);
	}
	if (!strcmp(error, "leak"))
		p = malloc(11);
	if (!strcmp(error, "overflow"))
		p[argc + 8] = 1;
	if (!strcmp(error, "uninitialised") && p[argc + 7])
		puts("true");
	if (!strcmp(error, "undefined"))
		printf("%d\n", big + argc);
	free(p);
	if (!strcmp(error, "freed"))
		return p[argc];
	puts(error);
	return 0;
}
C
}

# in_turn PROGRAM ERROR...: print the status of each run, and the kind of error.
in_turn() {
	program=$1
	shift
	for error; do
		"$program" "$error" >out 2>&1 && status=0 || status=$?
		echo "$error: exit status $status"
		grep -vE '==[0-9]+==|WARNING:' out | grep -v '[^ ]0x' |
			grep -E "^[a-z]+$|runtime error" || true
		grep -oE '(ERROR|SUMMARY|WARNING): [A-Za-z]+: ?[a-z-]+( [a-z-]+)*' out || true
		grep -oE 'runtime does not come first' out || true
	done
}

job_gcc() {
	hello_c
	for level in -O0 -O2 -O3 '-O2 -flto' '-Os -static' '-O2 -m64 -fPIE -pie'; do
		# shellcheck disable=SC2086
		gcc $level -Wall hello.c -o hello
		./hello
	done
	gcc -O2 -S hello.c -o - | sha256sum
	echo 'int main(void) { return x; }' | gcc -x c - || echo "status $?"
}

job_gxx() {
	throwing_cc
	g++ -O2 -pthread throwing.cc -o throwing
	./throwing
	g++ -O0 -g -std=c++20 -pthread throwing.cc -o throwing
	./throwing
}

job_clang() {
	hello_c
	throwing_cc
	clang -O2 hello.c -o hello
	./hello
	clang++ -O2 -pthread throwing.cc -o throwing
	./throwing
	clang -O2 -S -emit-llvm hello.c -o - | sha256sum
}

job_gfortran() {
	cat >sum.f90 <<'F'
program sums
  implicit none
  real(8), allocatable :: a(:,:), b(:,:)
  allocate(a(300,300), b(300,300))
  a = 1.5d0
  b = matmul(a, a)
  print '(F12.2)', sum(b)
end program
F
	gfortran -O2 -fopenmp sum.f90 -o sum
	./sum
}

job_gcc_asan() {
	errors_c
	gcc -g -fsanitize=address errors.c -o errors -pthread
	in_turn ./errors none leak overflow freed
}

# This makes a program start behind another library.
job_gcc_asan_second() {
	errors_c
	gcc -g -fsanitize=address errors.c -o errors -pthread
	export ASAN_OPTIONS=verify_asan_link_order=0
	in_turn ./errors none leak overflow freed
}

job_gcc_asan_static() {
	errors_c
	gcc -g -fsanitize=address -static-libasan errors.c -o errors -pthread
	in_turn ./errors none leak overflow freed
}

job_gcc_lsan() {
	errors_c
	gcc -g -fsanitize=leak errors.c -o errors -pthread
	in_turn ./errors none leak
}

job_gcc_tsan() {
	errors_c
	gcc -g -fsanitize=thread errors.c -o errors -pthread
	in_turn ./errors none race
}

job_gcc_ubsan() {
	errors_c
	gcc -g -fsanitize=undefined errors.c -o errors -pthread
	in_turn ./errors none undefined
}

job_clang_asan() {
	errors_c
	clang -g -fsanitize=address errors.c -o errors -pthread
	in_turn ./errors none leak overflow freed
}

job_clang_msan() {
	errors_c
	clang -g -fsanitize=memory errors.c -o errors -pthread
	in_turn ./errors none uninitialised
}

job_clang_tsan() {
	errors_c
	clang -g -fsanitize=thread errors.c -o errors -pthread
	in_turn ./errors none race
}

job_go() {
	export GOCACHE=/tmp/go GOPATH=/tmp/gopath GO111MODULE=off GOFLAGS=
	cat >sums.go <<'G'
package main

import (
	"fmt"
	"runtime"
	"sort"
	"sync"
)

func main() {
	var wg sync.WaitGroup
	sums := make([]int, 64)
	for i := range sums {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			for j := 0; j < 2000; j++ {
				sums[i] += len(make([]byte, 1000+i))
			}
		}(i)
	}
	wg.Wait()
	runtime.GC()
	sort.Ints(sums)
	fmt.Println(sums)
}
G
	go vet sums.go
	go build -o sums sums.go
	./sums
	go run sums.go
}

# With cgo the program is dynamic, and the shim is loaded into it.
job_go_cgo() {
	export GOCACHE=/tmp/go GOPATH=/tmp/gopath GO111MODULE=off
	cat >locks.go <<'G'
package main

// #include <stdlib.h>
// #include <sys/mman.h>
import "C"
import (
	"fmt"
	"runtime"
	"syscall"
)

func main() {
	p := C.malloc(1 << 20)
	fmt.Println(C.mlock(p, 1<<20), C.munlock(p, 1<<20))
	fmt.Println(syscall.Mlockall(syscall.MCL_CURRENT|syscall.MCL_FUTURE))
	total := 0
	for i := 0; i < 1000; i++ {
		total += len(make([]byte, 100000))
	}
	runtime.GC()
	C.free(p)
	fmt.Println(total, syscall.Munlockall())
}
G
	go build -o locks locks.go
	./locks
}

job_rust() {
	cat >sums.rs <<'R'
use std::collections::HashMap;
use std::thread;

fn main() {
    let all: Vec<_> = (0..8u64)
        .map(|t| {
            thread::spawn(move || {
                let mut m = HashMap::new();
                for i in 0..50000u64 {
                    *m.entry(i * t % 1009).or_insert(0u64) += i;
                }
                m.values().sum::<u64>()
            })
        })
        .collect();
    for one in all {
        println!("{}", one.join().unwrap());
    }
    let err = std::panic::catch_unwind(|| panic!("caught"));
    println!("{}", err.is_err());
}
R
	rustc -O sums.rs
	./sums
}

job_ghc() {
	cat >Sums.hs <<'H'
import qualified Data.Map.Strict as M
import Control.Concurrent

main :: IO ()
main = do
  done <- newEmptyMVar
  mapM_ (\t -> forkIO (putMVar done $! work t)) [1 .. 8]
  sums <- mapM (const (takeMVar done)) [1 .. 8 :: Int]
  print (sum sums)

work :: Int -> Int
work t = sum (M.elems (M.fromListWith (+) [(i * t `mod` 1009, i) | i <- [1 .. 50000]]))
H
	ghc -v0 -O -threaded -rtsopts Sums.hs
	./Sums +RTS -N2
	./Sums +RTS -c -M64m
	ghc -e 'sum [1 .. 1000 :: Integer]'
}

job_sbcl() {
	cat >sums.lisp <<'L'
(defun work (n)
  (let ((table (make-hash-table)))
    (dotimes (i n) (incf (gethash (mod i 1009) table 0) i))
    (loop for v being the hash-values of table sum v)))
(compile 'work)
(format t "~a~%" (work 200000))
(gc :full t)
(format t "~a~%" (length (loop repeat 2000 collect (make-array 10000))))
(save-lisp-and-die "sums" :executable t
  :toplevel (lambda () (format t "~a~%" (work 100)) (exit :code 3)))
L
	sbcl --script sums.lisp 2>&1 | grep -E '^[0-9]+$'
	./sums || echo "status $?"
}

job_cmake() {
	hello_c
	cat >CMakeLists.txt <<'M'
cmake_minimum_required(VERSION 3.20)
project(hello C CXX)
find_package(Threads REQUIRED)
add_library(part SHARED part.c)
add_executable(hello hello.c)
target_link_libraries(hello part Threads::Threads)
enable_testing()
add_test(NAME hello COMMAND hello)
M
	echo 'int part(void) { return 1; }' >part.c
	cmake -G Ninja -S . -B ninja | grep -vE '\([0-9.]+s\)'
	ninja -C ninja -j4 | tail -n 1 | sed 's/^.*Linking/Linking/'
	(cd ninja && ctest | grep -E 'tests passed|Passed' | sed 's/[0-9.]* sec//')
	cmake -S . -B make >/dev/null
	make -s -C make -j4 | grep -v Scanning
	make/hello
}

job_make() {
	{
		printf 'all:'
		printf ' %s.o' $(seq 60)
		printf '\n%%.o: %%.c\n\t@gcc -O1 -c $< -o $@\n'
	} >Makefile
	for i in $(seq 60); do
		echo "int f$i(int x) { return x * $i; }" >"$i.c"
	done
	make -j8
	nm -- *.o | grep -c ' T '
	make -q && echo 'nothing to do'
}
