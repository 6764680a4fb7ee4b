import type { Scene } from '@vlm/corpus';
import { literalShard, type ReadShardsOptions, readShards } from 'webdataset-ts';
import type { Recipe } from '../recipe.ts';
import { corpusGroups, eachSample } from './read-group.ts';

export interface PicturedScene {
  key: string;
  png: Uint8Array;
  scene: Scene;
}

const decoder = new TextDecoder();

/** Shards of one group of a corpus (`captions/train`), as paths. */
export async function shardsOf(corpus: string, group: string): Promise<string[]> {
  return (await corpusGroups(corpus))[group]?.shards ?? [];
}

/** What readers do about cut or corrupt shards, from a recipe's word for it. */
export function brokenShardPolicy(
  policy: Recipe['data']['brokenShards'],
  onSkip: (message: string) => void,
): 'error' | ((problem: Error) => void) {
  return policy === 'error' ? 'error' : (problem) => onSkip(problem.message);
}

/** Every training scene of a corpus with its picture: captions first, then conversations. Rows without a picture are passed over. */
export async function* trainingScenes(corpus: string): AsyncGenerator<PicturedScene> {
  for (const [group, sceneMember] of [
    ['captions/train', 'json'],
    ['conversations/train', 'scene.json'],
  ] as const) {
    for await (const { key, members } of readShards((await shardsOf(corpus, group)).map(literalShard))) {
      const png = members['png'];
      const scene = members[sceneMember];
      if (png && scene) yield { key: `${group}/${key}`, png, scene: JSON.parse(decoder.decode(scene)) as Scene };
    }
  }
}

/** Every picture of a corpus, training and evaluation, in the order of the shards; or those alone that questions are about. */
export async function* allPictures(
  corpus: string,
  onBroken: ReadShardsOptions['onBroken'] = 'error',
  of: 'all' | 'questions' = 'all',
): AsyncGenerator<{ key: string; png: Uint8Array; shard: string }> {
  for (const group of Object.keys(await corpusGroups(corpus))) {
    if (group.startsWith('text/') || (of === 'questions' && !group.startsWith('eval/'))) continue;
    for await (const { key, members, shard } of eachSample(corpus, group, { onBroken, pictures: true })) {
      if (members['png']) yield { key: `${group}/${key}`, png: members['png'], shard };
    }
  }
}
