import { join } from 'node:path';
import { buildCorpus, corpusSettings, type PresetName } from '@vlm/corpus';
import { externalCorpusSchema } from '../data/external-corpus.ts';
import type { PhaseContext } from '../run-phase.ts';
import { buildExternalCorpus } from './external-corpus.ts';

/** Where a corpus phase keeps its shards. */
export const corpusFolder = (phaseDirectory: string): string => join(phaseDirectory, 'corpus');

/** Builds the corpus' shards, or finds them built; or looks through data of the user's own. */
export async function runCorpus({
  phase,
  directory,
  signal,
  onProgress,
}: PhaseContext): Promise<Record<string, unknown>> {
  const { preset, ...changes } = phase.settings as { preset: PresetName | 'external' };
  if (preset === 'external') {
    const external = externalCorpusSchema.parse(phase.settings);
    const manifest = await buildExternalCorpus(external, corpusFolder(directory), (note) =>
      onProgress({ fraction: 0.5, note }),
    );
    return { manifest, skipped: manifest.skipped };
  }
  const manifest = await buildCorpus(corpusSettings(preset, changes), {
    directory: corpusFolder(directory),
    signal,
    onProgress: ({ phase: note, done, total }) =>
      onProgress({ fraction: total > 0 ? done / total : 0, note: `${note}, ${done} of ${total} samples` }),
  });
  return { manifest };
}
