/** The text of phase 2: it goes on where the text run stopped reading, and after the end of the corpus begins with its first document. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MixtureState } from '@vlm/mixture-sampler';
import type { BatchesState } from '@vlm/trainer';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { corpusGroups } from '../data/read-group.ts';
import { textSource } from '../data/text-source.ts';
import { executeStudy } from '../execute-study.ts';
import type { PhaseRunner } from '../executor.ts';
import { expandStudy, type Study } from '../graph.ts';
import { parseRecipe } from '../parse-recipe.ts';
import { presets } from '../presets/index.ts';
import { runPhase } from '../run-phase.ts';
import { openStore, type Store } from '../store.ts';
import { corpusFolder } from './corpus.ts';
import { finalName } from './main.ts';
import { loadTokenizer } from './tokenizer.ts';

const smoke = presets['smoke']!;
const recipe = parseRecipe({
  ...smoke,
  corpus: {
    preset: 'smoke',
    text: { maxTokens: { wordnet: 12_000, 'state-of-the-union': 8000, countries: 4000 } },
    textEvals: {
      documents: 2,
      definitionWord: 4,
      lastWord: 2,
      nextSentence: 2,
      minimalPairs: 2,
      antonym: 0,
      hypernym: 0,
      exampleCloze: 0,
    },
  },
  branch: { ...smoke.branch, tokens: 49_152 },
  arms: [{ id: 'text-only', branchPoint: 1, schedule: 'rewarm', imageShare: 0 }],
});

let folder: string;
let store: Store;
let study: Study;
const runner: PhaseRunner = { run: (phase, of, hooks) => runPhase(phase, of, store, hooks) };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'branch-'));
  store = await openStore(folder);
  const whole = expandStudy(recipe);
  const phases = whole.phases.filter(({ kind }) => !['finetune', 'evaluate', 'report'].includes(kind));
  study = { ...whole, phases };
  await executeStudy(study, {
    store,
    runner,
    concurrency: 1,
    estimate: () => 1,
  });
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const folderOf = (kind: string, of = study): string =>
  store.phaseDirectory(of.phases.findLast((phase) => phase.kind === kind)!);

/** How a finished phase's mixture stands. */
async function mixtureOf(kind: string, of = study): Promise<MixtureState> {
  const file = join(folderOf(kind, of), 'checkpoints', `named-${finalName}`, 'state.json');
  const { state } = JSON.parse(await readFile(file, 'utf8')) as { state: { data: BatchesState } };
  return state.data.source as MixtureState;
}

it('reads what the text run left, and then every document of the corpus', async () => {
  const { samples } = (await corpusGroups(corpusFolder(folderOf('corpus'))))['text/train']!;
  const [main, branch] = [await mixtureOf('main'), await mixtureOf('branch')];
  const read = main.items['text']!;
  expect(main.epochs).toEqual({ text: 0 });
  expect(read).toBeGreaterThan(0);
  expect(branch.epochs['text']).toBeGreaterThan(0);
  const wholePasses = branch.epochs['text']! - 1;
  const began = branch.items['text']! - (samples! - read) - wholePasses * samples!;
  expect(began).toBeGreaterThan(0);
  const options = { corpus: corpusFolder(folderOf('corpus')), seed: 124, onBroken: 'error' as const };
  const fromTheBeginning = await textSource({ ...options, tokenizer: await loadTokenizer(folderOf('tokenizer')) })();
  for (let i = 0; i < began; i++) await fromTheBeginning.next();
  expect(branch.sources['text']).toEqual(fromTheBeginning.state());
  await fromTheBeginning.return?.();
});

it('goes on in the pass that the text run was in, where each has an order of its own', async () => {
  const { samples } = (await corpusGroups(corpusFolder(folderOf('corpus'))))['text/train']!;
  const reshuffled = { ...recipe, data: { ...recipe.data, reshuffle: true }, main: { ...recipe.main, tokens: 65_536 } };
  const whole = expandStudy({ ...reshuffled, branch: { ...recipe.branch, tokens: 24_576 } });
  const phases = whole.phases.filter(({ kind }) => kind === 'main' || kind === 'branch');
  const ofCorpus = study.phases.filter(({ kind }) => kind !== 'main' && kind !== 'branch');
  const own = { ...whole, phases: [...ofCorpus, ...phases] };
  await executeStudy(own, { store, runner, concurrency: 1, estimate: () => 1 });
  const [main, branch] = [await mixtureOf('main', own), await mixtureOf('branch', own)];
  expect(main.epochs['text']).toBeGreaterThan(0);
  expect(branch.epochs['text']).toBeGreaterThan(0);
  const passes = main.epochs['text']! + branch.epochs['text']!;
  const readOfThis = main.items['text']! + branch.items['text']! - passes * samples!;
  const options = { corpus: corpusFolder(folderOf('corpus')), seed: 124, onBroken: 'error' as const, reshuffle: true };
  const tokenizer = await loadTokenizer(folderOf('tokenizer'));
  const last = await textSource({ ...options, tokenizer })(undefined, { epoch: passes });
  for (let i = 0; i < readOfThis; i++) await last.next();
  expect(branch.sources['text']).toEqual(last.state());
  await last.return?.();
});

it('goes on where it stopped, under whatever name another study gives the phase', async () => {
  const [arm] = recipe.arms;
  const other = expandStudy({ ...recipe, arms: [{ ...arm!, tokens: 24_576 }] });
  const phase = other.phases.find(({ kind }) => kind === 'branch')!;
  const stop = new AbortController();
  const hooks = { signal: stop.signal, onWarning: () => {}, onProgress: () => stop.abort() };
  await expect(runPhase(phase, other, store, hooks)).rejects.toMatchObject({ code: 'interrupted' });
  const renamed = { ...phase, id: 'branch/another-name/seed-124' };
  const again = { ...hooks, signal: new AbortController().signal, onProgress: () => {} };
  expect((await runPhase(renamed, other, store, again)).summary).toMatchObject({ branchTokens: expect.any(Number) });
});
