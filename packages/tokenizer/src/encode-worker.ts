import { parentPort, workerData } from 'node:worker_threads';
import { createTokenizer } from './create-tokenizer.ts';
import { encodeSlice, type SliceReply, type SliceRequest } from './encode-slice.ts';
import type { TokenizerData } from './tokenizer-data.ts';

/** The thread of an encoder pool: texts in, ids out, all ids of a slice in one buffer that is handed over, not copied. */
const tokenizer = createTokenizer(workerData as TokenizerData);
parentPort!.on('message', (request: SliceRequest) => {
  const result = encodeSlice(tokenizer, request.texts);
  const reply: SliceReply = { slice: request.slice, ...result };
  parentPort!.postMessage(reply, 'ids' in result ? [result.ids.buffer, result.ends.buffer] : []);
});
