import { join } from 'node:path';
import { buildCorpus, corpusSettings, type PresetName } from '@vlm/corpus';
import type { PhaseContext } from '../run-phase.ts';

/** Where a corpus phase keeps its shards. */
export const corpusFolder = (phaseDirectory: string): string => join(phaseDirectory, 'corpus');

/** Builds the corpus' shards, or finds them built. */
export async function runCorpus({
  phase,
  directory,
  signal,
  onProgress,
}: PhaseContext): Promise<Record<string, unknown>> {
  const { preset, ...changes } = phase.settings as { preset: PresetName };
  const manifest = await buildCorpus(corpusSettings(preset, changes), {
    directory: corpusFolder(directory),
    signal,
    onProgress: ({ phase: note, done, total }) =>
      onProgress({ fraction: total > 0 ? done / total : 0, note: `${note}, ${done} of ${total} samples` }),
  });
  return { manifest };
}
