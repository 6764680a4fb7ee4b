import { cp } from 'node:fs/promises';
import { expandStudy, loadRecipe, openStore } from '@vlm/study';

/**
 * Puts a finished corpus into another store: RECIPE FROM TO. It is built in one piece, which takes longer than a storm leaves anyone alone;
 * with it in place the troubles fall into training.
 */
const [recipe = '', from = '', to = ''] = process.argv.slice(2);
const corpus = expandStudy(await loadRecipe(recipe)).phases.find(({ kind }) => kind === 'corpus')!;
const [source, target] = [await openStore(from), await openStore(to)];
const { id: _id, kind: _kind, hash: _hash, files: _files, ...record } = (await source.record(corpus))!;
const claim = await target.claim(corpus);
await cp(source.phaseDirectory(corpus), target.phaseDirectory(corpus), {
  recursive: true,
  filter: (path) => !path.endsWith('phase.json'),
});
await target.finish(corpus, record);
await claim?.release();
