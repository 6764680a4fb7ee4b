import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCorpus, corpusSettings } from '@vlm/corpus';
import { type EvalItems, readEvalItems } from '../../packages/study/src/data/eval-items.ts';

const counts = {
  openVqa: 240,
  existence: 240,
  grounding: 100,
  captioning: 60,
  relations: 120,
  reading: 100,
  counting: 120,
  clutteredGrounding: 60,
};

/** The questions of the default corpus, all tasks, in a folder that is gone afterwards; or those of a corpus that was built before. */
export async function defaultCorpusItems(folder?: string): Promise<EvalItems> {
  if (folder !== undefined) return readEvalItems(folder);
  const directory = await mkdtemp(join(tmpdir(), 'bench-corpus-'));
  try {
    const settings = corpusSettings('quick', {
      captions: 0,
      conversations: { scenes: 0 },
      evals: { newScene: counts },
    });
    await buildCorpus(settings, { directory: join(directory, 'corpus'), threads: 1 });
    return await readEvalItems(join(directory, 'corpus'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
