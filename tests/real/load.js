// SPDX-License-Identifier: LGPL-2.1-or-later
// Load server.js for some seconds, with a peak of its memory early on. Prints
// if all answers were right, and if the server gave back most of the peak;
// figures go to standard error.
//
//	node load.js PORT PID SECONDS
const { readFileSync } = require('fs');
const { Agent, get } = require('http');

const [port, pid, seconds] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true });
let answers = 0, wrong = 0, peak = 0, expected;

function resident() {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');

	return status.match(/VmRSS:\s+(\d+)/)[1] >> 10;
}

function ask(path) {
	return new Promise((resolve, reject) => {
		get({ port, host: '127.0.0.1', agent, path }, (response) => {
			let text = '';

			response.on('data', (data) => text += data);
			response.on('end', () => resolve(text));
		}).on('error', reject);
	});
}

async function client(end) {
	while (Date.now() < end) {
		const answer = await ask('/');

		answers++;
		if (answer !== expected)
			wrong++;
	}
}

async function main() {
	const end = Date.now() + seconds * 1000;

	expected = await ask('/');
	const watch = setInterval(() => peak = Math.max(peak, resident()), 100);
	const clients = [1, 2, 3, 4].map(() => client(end));
	await ask('/peak');
	await Promise.all(clients);
	clearInterval(watch);
	await ask('/collect');
	console.error(`${answers} answers, ${peak} MiB, after ${resident()} MiB`);
	console.log(`wrong answers: ${wrong}`);
	console.log(`gave back: ${resident() < peak * 0.7 ? 'yes' : 'no'}`);
}

main().catch((error) => {
	console.error(error.message);
	process.exit(1);
});
