// SPDX-License-Identifier: LGPL-2.1-or-later
// A server that answers by llama.cpp: llama.mjs DIRECTORY MODEL PORT. The
// package node-llama-cpp is installed in DIRECTORY. Without randomness, the
// answer to the same words is always the same.
import { createServer } from 'http';
import { pathToFileURL } from 'url';

const [directory, modelPath, port] = process.argv.slice(2);
const { getLlama, LlamaCompletion } = await import(pathToFileURL(
	`${directory}/node_modules/node-llama-cpp/dist/index.js`));
const llama = await getLlama({ gpu: false, build: 'never',
	skipDownload: true, maxThreads: 2 });
const model = await llama.loadModel({ modelPath, useMmap: true,
	useMlock: true });

async function complete(text) {
	const context = await model.createContext({ contextSize: 256 });
	const completion = new LlamaCompletion({
		contextSequence: context.getSequence() });
	const answer = await completion.generateCompletion(text,
		{ maxTokens: 4, temperature: 0 });

	await context.dispose();
	return Buffer.from(answer).toString('hex') + '\n';
}

createServer((request, response) => {
	complete('a').then(answer => response.end(answer), error => {
		console.error(error);
		response.destroy();
	});
}).listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
