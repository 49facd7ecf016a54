# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Jobs: virtual machines and interpreters, with their collectors and threads.

# java_with OPTION...: a program of garbage, under a collector
java_with() {
	cat >Garbage.java <<'J'
import java.util.*;
import java.util.concurrent.*;
import java.nio.*;

public class Garbage {
    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Long>> all = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            final int seed = t;
            all.add(pool.submit(() -> {
                Map<Integer, byte[]> live = new HashMap<>();
                Random random = new Random(seed);
                long sum = 0;
                for (int i = 0; i < 60000; i++) {
                    byte[] b = new byte[random.nextInt(4000)];
                    live.put(random.nextInt(2000), b);
                    sum += b.length;
                }
                return sum + live.size();
            }));
        }
        for (Future<Long> one : all)
            System.out.println(one.get());
        ByteBuffer direct = ByteBuffer.allocateDirect(32 << 20);
        for (int i = 0; i < direct.capacity(); i += 4096)
            direct.put(i, (byte) 1);
        System.gc();
        try {
            List<long[]> hog = new ArrayList<>();
            while (true)
                hog.add(new long[1 << 20]);
        } catch (OutOfMemoryError e) {
            System.out.println("OutOfMemoryError");
        }
        pool.shutdown();
        System.exit(3);
    }
}
J
	javac Garbage.java
	java -Xmx256m "$@" Garbage || echo "status $?"
}

job_java_serial() { java_with -XX:+UseSerialGC; }

job_java_parallel() { java_with -XX:+UseParallelGC; }

job_java_g1() { java_with -XX:+UseG1GC -XX:+AlwaysPreTouch; }

job_java_z() { java_with -XX:+UseZGC; }

job_java_shenandoah() { java_with -XX:+UseShenandoahGC; }

job_node() {
	cat >work.js <<'J'
const { Worker, isMainThread, parentPort, workerData } =
	require('worker_threads');
const crypto = require('crypto'), zlib = require('zlib');
if (isMainThread) {
	let left = 4;
	const sums = [];
	for (let i = 0; i < 4; i++)
		new Worker(__filename, { workerData: i }).on('message', m => {
			sums[i] = m;
			if (!--left) {
				global.gc();
				console.log(sums.join(' '));
			}
		});
	const wasm = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1,
		96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100,
		100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
	WebAssembly.instantiate(wasm).then(w =>
		console.log('wasm', w.instance.exports.add(2, 40)));
	console.log(zlib.gunzipSync(zlib.gzipSync(Buffer.alloc(1 << 20))).length);
} else {
	let sum = 0, live = [];
	for (let i = 0; i < 200000; i++) {
		live[i % 5000] = { i, s: 'x'.repeat(i % 50) };
		sum += live[i % 5000].s.length;
	}
	const hash = crypto.createHash('sha1').update('' + sum).digest('hex');
	parentPort.postMessage(hash.slice(0, 8) + workerData);
}
J
	node --expose-gc work.js | sort
	node -e 'process.exit(7)' || echo "status $?"
	node --max-old-space-size=40 -e 'a=[];for(;;)a.push(new Array(1e5).fill(1))' \
		>out 2>&1 || echo "out of memory: status $?"
}

job_ruby() {
	cat >work.rb <<'R'
require 'digest'
sums = 4.times.map { |t| Thread.new { (1..50000).sum { |i| ("x" * (i % 40)).size * t } } }.map(&:value)
p sums
GC.start
GC.compact
r, w = IO.pipe
pids = 3.times.map { |i| fork { GC.start; w.write("#{i}\n"); exit! i } }
p pids.map { |pid| Process.wait2(pid)[1].exitstatus }
w.close
puts r.read.lines.sort
puts Digest::SHA256.hexdigest((1..10000).to_a.join)
begin
  def deep(n) = deep(n + 1)
  deep(0)
rescue SystemStackError
  puts 'SystemStackError'
end
R
	ruby work.rb
	ruby --yjit -e 'puts (1..100000).map { |i| i * i % 7 }.sum'
}

job_php() {
	cat >work.php <<'P'
<?php
function work($n) {
	$a = [];
	for ($i = 0; $i < $n; $i++)
		$a[$i % 3001] = str_repeat('x', $i % 60);
	return array_sum(array_map('strlen', $a));
}
echo work(300000), "\n", gc_collect_cycles(), "\n";
echo hash('sha256', serialize(range(1, 10000))), "\n";
ini_set('memory_limit', '16M');
$a = range(1, 10000000);
P
	for jit in off tracing; do
		php -d opcache.enable_cli=1 -d opcache.jit=$jit \
			-d opcache.jit_buffer_size=16M work.php || echo "status $?"
	done
}

job_perl() {
	cat >work.pl <<'P'
use threads;
my @t = map { my $n = $_; threads->create(sub {
	my %h; $h{$_ * $n % 1009} .= 'x' for 1 .. 20000;
	my $s = 0; $s += length for values %h; $s }) } 1 .. 4;
print join(' ', map { $_->join } @t), "\n";
my @pids = map { my $n = $_; fork || exit $n } 1 .. 3;
print join(' ', map { waitpid $_, 0; $? >> 8 } @pids), "\n";
open my $p, '-|', 'seq 1000' or die;
my $sum = 0; $sum += $_ while <$p>;
print "$sum\n";
$SIG{ALRM} = sub { print "alarm\n"; exit 4 };
alarm 1; sleep 10;
P
	perl work.pl || echo "status $?"
}

job_python() {
	cat >work.py <<'P'
import ctypes, gc, hashlib, mmap, multiprocessing, os, signal, subprocess
import sys, threading
from multiprocessing import shared_memory

def work(n):
    return sum(len(str(i)) for i in range(n))

if __name__ == '__main__':
    for way in 'fork', 'spawn', 'forkserver':
        with multiprocessing.get_context(way).Pool(3) as pool:
            print(way, pool.map(work, [1000, 20000, 30000]))
    s = shared_memory.SharedMemory(create=True, size=1 << 20)
    s.buf[5] = 7
    print(s.buf[5])
    s.close()
    s.unlink()
    m = mmap.mmap(-1, 1 << 20)
    m[5000] = 9
    m.resize(1 << 21)
    print(m[5000], m.madvise(mmap.MADV_DONTNEED), m[5000])
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(1 << 20)
    print(libc.mlock(buf, 1 << 20), libc.munlock(buf, 1 << 20))
    print(libc.mlockall(3), libc.munlockall(), libc.mlock(16, 1),
          os.strerror(ctypes.get_errno()))
    print(subprocess.run(['sh', '-c', 'kill -9 $$']).returncode)
    threads = [threading.Thread(target=work, args=(20000,)) for _ in range(20)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    print(gc.collect() >= 0, hashlib.md5(bytes(10000)).hexdigest())
    sys.exit(5)
P
	python3 -W error work.py || echo "status $?"
	python3 -c 'import ctypes; ctypes.string_at(0)' || echo "status $?"
}

job_lua() {
	lua5.4 -e 't = {} for i = 1, 300000 do t[i % 997] = ("x"):rep(i % 50) end
		collectgarbage() print(#t, collectgarbage("count") < 10000)
		print(pcall(error, "caught")) os.exit(6)' || echo "status $?"
}

job_tcl() {
	cat >work.tcl <<'T'
for {set i 0} {$i < 100000} {incr i} { incr a([expr {$i % 101}]) $i }
puts [array size a]
puts [exec sh -c {seq 100 | tail -n 1}]
after 100 {set done 1}
vwait done
exit 2
T
	tclsh work.tcl || echo "status $?"
}

job_r() {
	cat >work.R <<'R'
set.seed(1)
m <- matrix(rnorm(250000), 500)
print(round(sum(solve(m) %*% m), 3))
print(coef(lm(mpg ~ wt, mtcars)))
invisible(gc())
print(sum(unlist(parallel::mclapply(1:4, function(i) i^2, mc.cores = 2))))
print(system("exit 3"))
quit(status = 9)
R
	Rscript work.R || echo "status $?"
}

job_octave() {
	cat >work.m <<'O'
a = reshape(1:250000, 500, 500) / 1000 + eye(500);
printf("%.4f\n", norm(a \ (a * ones(500, 1)) - 1) < 1e-6);
printf("%.3f\n", sum(real(fft(1:1024))));
s = 0;
for i = 1:20000
	c{mod(i, 100) + 1} = ones(1, mod(i, 50));
	s += numel(c{mod(i, 100) + 1});
end
printf("%d\n", s);
exit(4);
O
	octave-cli --no-gui --quiet work.m || echo "status $?"
}
