// SPDX-License-Identifier: LGPL-2.1-or-later
// A server that makes garbage for each answer.
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

require('http').createServer((request, response) => {
	response.end(churn());
}).listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
