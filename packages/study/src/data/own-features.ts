import type { ImageEncoder } from '@vlm/image-patcher';
import { StudyError } from '../study-error.ts';
import type { FeatureTable } from './features.ts';
import { corpusGroups, eachSample } from './read-group.ts';

const batchPictures = 256;

/**
 * Features of the pictures that a corpus asks about, from an encoder that no table was made with: one that was trained with its decoder. They
 * are kept in memory, as many as there are questions.
 */
export async function ownFeatures(
  corpus: string,
  encoder: ImageEncoder,
  onPictures: (count: number) => void = () => {},
): Promise<Pick<FeatureTable, 'patches' | 'of'>> {
  const rows = new Map<string, Float32Array>();
  let batch: { key: string; png: Uint8Array }[] = [];
  const flush = async (): Promise<void> => {
    const names = batch.map(({ key }) => key);
    const features = await encoder.encode(
      batch.map(({ png }) => png),
      { names },
    );
    for (const [i, row] of features.entries()) rows.set(names[i]!, row!);
    batch = [];
    onPictures(rows.size);
  };
  for (const group of Object.keys(await corpusGroups(corpus)).filter((name) => name.startsWith('eval/'))) {
    for await (const { key, members } of eachSample(corpus, group)) {
      if (!members['png']) continue;
      batch.push({ key: `${group}/${key}`, png: members['png'] });
      if (batch.length === batchPictures) await flush();
    }
  }
  if (batch.length > 0) await flush();
  return {
    patches: encoder.patches,
    of(key) {
      const row = rows.get(key);
      if (row) return row;
      throw new StudyError('missing-artifact', `${corpus} asks about no picture ${key}.`);
    },
  };
}
