/** A phase that trains, begun on one machine and ended on another, by way of the store. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { expandStudy, type Phase } from '../graph.ts';
import { presets } from '../presets/index.ts';
import { runPhase } from '../run-phase.ts';
import { openStore, type Store } from '../store.ts';
import { memoryObjects } from '../testing/memory-objects.ts';
import { recordOf } from '../testing/store-contract.ts';
import { redPng, tinyCorpus } from '../testing/tiny-corpus.ts';
import { openLocalCache } from './local-cache.ts';
import { openObjectStore } from './object-store.ts';

const smoke = presets['smoke']!;
const study = expandStudy({ ...smoke, tokenizer: { ...smoke.tokenizer, vocabSize: 288 } });
const find = (id: string): Phase => study.phases.find((phase) => phase.id === id || phase.kind === id)!;
const main = study.phases.filter(({ kind }) => kind === 'main').at(-1)!;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'other-machine-'));
  vi.stubEnv('STAGED_VLM_CHECKPOINT_SECONDS', '0.001').stubEnv('STAGED_VLM_PROGRESS_SECONDS', '0');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const hooks = { signal: new AbortController().signal, onProgress: () => {}, onWarning: () => {} };

async function prepare(store: Store): Promise<void> {
  const words = 'a cat and a dog sat on the mat where the sun was warm and the day was long'.split(' ');
  const text = (i: number): string =>
    Array.from({ length: 120 }, (_, j) => words[(i * 7 + j * (1 + (i % 5))) % words.length]).join(' ');
  const conversation = {
    id: '0',
    conversations: [
      { from: 'human', value: 'What is it?' },
      { from: 'gpt', value: 'a cat' },
    ],
  };
  const corpus = await tinyCorpus({
    'text/train': Array.from({ length: 60 }, (_, i) => ({ key: `t${i}`, members: { txt: text(i), json: '{}' } })),
    'captions/train': [{ key: 'c', members: { png: redPng, txt: 'a cat', json: '{}' } }],
    'conversations/train': [{ key: 'v', members: { json: JSON.stringify(conversation) } }],
  });
  const phase = find('corpus');
  await mkdir(store.phaseDirectory(phase), { recursive: true });
  await rename(corpus, join(store.phaseDirectory(phase), 'corpus'));
  await store.finish(phase, recordOf());
  await runPhase(find('tokenizer'), study, store, hooks);
}

async function checkpointOf(store: Store): Promise<string[]> {
  const names = ['weights.safetensors', 'moments.safetensors', 'state.json'];
  const paths = names.map((name) => join(store.phaseDirectory(main), 'checkpoints/named-final', name));
  return Promise.all(
    paths.map(async (path) =>
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ),
  );
}

it('ends with the same bits as one that was never disturbed', async () => {
  const undisturbed = await openStore(join(folder, 'undisturbed'));
  await prepare(undisturbed);
  for (const phase of study.phases.filter(({ kind }) => kind === 'main'))
    await runPhase(phase, study, undisturbed, hooks);

  // `a` is stopped in the middle, as soon as it saves.
  const abort = new AbortController();
  const memory = memoryObjects((operation, key) => {
    if (operation !== 'list' && operation !== 'read' && key.startsWith(`progress/main-${main.hash}`)) abort.abort();
  });
  const machine = (name: string): Promise<Store> =>
    openObjectStore(memory.objects, () => openLocalCache(join(folder, name), 1e9));
  const [a, b] = [await machine('a'), await machine('b')];
  await prepare(a);
  for (const phase of study.phases.filter(({ kind }) => kind === 'main').slice(0, -1))
    await runPhase(phase, study, a, hooks);

  const stopped = runPhase(main, study, a, { ...hooks, signal: abort.signal });
  const outcome = await stopped.then(
    () => 'finished before it could be stopped',
    (error: { code?: string }) => error.code,
  );
  expect(outcome).toBe('interrupted');

  const stepsOfB: number[] = [];
  const record = await runPhase(main, study, b, {
    ...hooks,
    onProgress: ({ step }) => void (step !== undefined && stepsOfB.push(step)),
  });
  expect(stepsOfB[0]).toBeGreaterThan(1);
  expect(await checkpointOf(b)).toEqual(await checkpointOf(undisturbed));
  expect(record.summary).toEqual((await undisturbed.record(main))!.summary);
  await a.fetch(main);
  expect(await checkpointOf(a)).toEqual(await checkpointOf(undisturbed));
}, 120_000);
