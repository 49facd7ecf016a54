#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# java and node, which reserve much address space and collect garbage, do the
# same under the shim as without it. With all memory locked on fault, they give
# as much of it back after a peak as without locks.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/programs.sh
. "${srcdir:-.}/tests/programs.sh"

has java || has node || skip 'neither java nor node is installed'

# gives_back TITLE COMMAND...: COMMAND prints MiB resident at a peak and after
# it. With all memory locked both are within 10 %, and 2 MiB for the shim.
gives_back() {
	title=$1
	shift
	bare=$("$@")
	locked=$(LOCKONFAULT_ALL=1 LD_PRELOAD=$shim "$@")
	title="$title, MiB at the peak and after: $bare, locked $locked"
	if echo "$bare $locked" | awk '{
		exit !(NF == 4 && $3 > $1 * 0.9 - 2 && $2 < $1 * 0.8 &&
		       $4 <= $2 * 1.1 + 2) }'
	then
		ok "$title"
	else
		fail "$title"
	fi
}

cat >"$work/Peak.java" <<'JAVA'
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

public class Peak {
    static List<byte[]> kept = new ArrayList<>();

    static long resident() throws Exception {
        for (String line : Files.readAllLines(Paths.get("/proc/self/status")))
            if (line.startsWith("VmRSS:"))
                return Long.parseLong(line.replaceAll("[^0-9]", "")) >> 10;
        return 0;
    }

    public static void main(String[] args) throws Exception {
        for (int i = 0; i < 150; i++) {
            byte[] block = new byte[1 << 20];

            Arrays.fill(block, (byte) 1);
            kept.add(block);
        }
        long peak = resident();

        kept = null;
        for (int i = 0; i < 3; i++)
            System.gc();
        System.out.println(peak + " " + resident());
    }
}
JAVA
cat >"$work/Churn.java" <<'JAVA'
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

public class Churn {
    static long churn(int seed) {
        List<byte[]> kept = new ArrayList<>();
        long sum = seed;

        for (int i = 0; i < 4000; i++) {
            byte[] block = new byte[1 + (i * 7919 + seed) % 60000];
            ByteBuffer direct = ByteBuffer.allocateDirect(4096);

            block[block.length / 2] = (byte) i;
            direct.putInt(i % 1024, i);
            kept.add(block);
            if (kept.size() > 200)
                kept.remove((i * 31) % kept.size());
            sum += block[block.length / 2] + direct.getInt(i % 1024);
        }
        return sum;
    }

    public static void main(String[] args) throws Exception {
        long[] sums = new long[4];
        Thread[] threads = new Thread[sums.length];

        for (int i = 0; i < threads.length; i++) {
            final int n = i;
            threads[i] = new Thread(() -> sums[n] = churn(n));
            threads[i].start();
        }
        for (int i = 0; i < threads.length; i++) {
            threads[i].join();
            System.out.println(sums[i]);
        }
        System.gc();
    }
}
JAVA
java_alike() {
	alike "java $*" java java -Xmx64m -XX:-UsePerfData "$@" \
		-cp "$work" Churn
}
java_gives_back() {
	gives_back "java $*" java -Xms16m -Xmx400m -XX:-UsePerfData \
		-XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=20 "$@" \
		-cp "$work" Peak
}
if has javac && javac -d "$work" "$work/Churn.java" "$work/Peak.java"; then
	locked_too java_alike -XX:+UseSerialGC
	locked_too java_alike -XX:+UseG1GC -XX:+AlwaysPreTouch
	if may_lock_all; then
		java_gives_back -XX:+UseSerialGC
		! java -XX:+UseShenandoahGC -version 2>/dev/null ||
			java_gives_back -XX:+UseShenandoahGC
	fi
else
	not_run 'java: there is no javac'
fi

cat >"$work/churn.js" <<'JS'
const { Worker, isMainThread, parentPort, workerData } =
	require('worker_threads');
const { execFileSync } = require('child_process');
const { createHash } = require('crypto');

function churn(seed) {
	const kept = [];
	const hash = createHash('sha256');

	for (let i = 0; i < 4000; i++) {
		const block = Buffer.alloc(1 + (i * 7919 + seed) % 60000, i);
		const text = 'x'.repeat(i % 500) + i;

		kept.push({ block, text, list: new Array(i % 300).fill(i) });
		if (kept.length > 200)
			kept.splice(i * 31 % kept.length, 1);
		hash.update(text).update(block.subarray(0, 100));
	}
	return hash.digest('hex').slice(0, 16);
}

if (isMainThread) {
	const results = [];

	for (let i = 0; i < 3; i++)
		new Worker(__filename, { workerData: i }).on('message', (m) => {
			results[i] = m;
			if (results.filter((r) => r).length < 3)
				return;
			console.log(results.join(' '), churn(9));
			console.log(String(execFileSync(process.execPath,
				['-p', '6 * 7'])));
		});
} else {
	parentPort.postMessage(churn(workerData));
}
JS
cat >"$work/discard.js" <<'JS'
let kept = [];
for (let round = 0; round < 30; round++) {
	kept = [];
	for (let i = 0; i < 200; i++)
		kept.push(Buffer.alloc(100000 + i));
	for (let i = 0; i < 300000; i++)
		kept.push({ i });
}
setTimeout(() => console.log(6 * 7), 100);
JS
cat >"$work/peak.js" <<'JS'
const { readFileSync } = require('fs');

function resident() {
	const status = readFileSync('/proc/self/status', 'utf8');

	return status.match(/VmRSS:\s+(\d+)/)[1] >> 10;
}

let kept = [];
for (let i = 0; i < 40; i++)
	kept.push(new Array(500000).fill(i + 0.5), Buffer.alloc(500000, i));
const peak = resident();
kept = null;
for (let i = 0; i < 4; i++)
	gc();
setTimeout(() => console.log(peak, resident()), 300);
JS
node_alike() {
	alike node node node "$work/churn.js"
}
# With all memory locked node aborts without the shim, since the kernel does not
# discard locked memory.
if has node; then
	node_alike
	same 'node with all memory locked' 42 "$(
		LOCKONFAULT_ALL=1 LD_PRELOAD=$shim node "$work/discard.js")"
	! may_lock_all || gives_back node node --expose-gc "$work/peak.js"
else
	not_run 'node: it is not installed'
fi
finish
