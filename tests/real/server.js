// SPDX-License-Identifier: LGPL-2.1-or-later
// A server that makes garbage for each answer. /peak keeps 160 MB for 5 s;
// /collect collects garbage.
const { createHash } = require('crypto');

function churn() {
	const kept = [];
	const hash = createHash('sha256');

	for (let i = 0; i < 8000; i++) {
		const block = Buffer.alloc(1 + (i * 7919) % 60000, i);

		kept.push({ block, list: new Array(i % 300).fill(i) });
		if (kept.length > 200)
			kept.splice(i * 31 % kept.length, 1);
		hash.update(block.subarray(0, 100));
	}
	return hash.digest('hex') + '\n';
}

let kept;

function peak() {
	kept = [];
	for (let i = 0; i < 40; i++)
		kept.push(new Array(500000).fill(i + 0.5));
	setTimeout(() => kept = null, 5000);
	return 'peak\n';
}

require('http').createServer((request, response) => {
	if (request.url === '/peak')
		response.end(peak());
	else if (request.url === '/collect')
		setTimeout(() => (gc(), response.end()), 1000);
	else
		response.end(churn());
}).listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
