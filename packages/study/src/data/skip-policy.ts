import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { brokenShardPolicy } from './shards.ts';

/** What a training phase leaves out under the recipe's policies: told once each, and counted. */
export interface Skips {
  onBroken: 'error' | ((problem: Error) => void);
  onLeftOut: (key: string) => void;
  counts: Record<string, number>;
}

export function skipPolicy(
  context: Pick<PhaseContext, 'onWarning'>,
  brokenShards: Recipe['data']['brokenShards'],
): Skips {
  const counts: Record<string, number> = {};
  const told = new Set<string>();
  const note = (what: string, message: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
    if (!told.has(message)) context.onWarning(`Left out, as the recipe says: ${message}`);
    told.add(message);
  };
  return {
    onBroken: brokenShardPolicy(brokenShards, (message) => note('faults of shards', message)),
    onLeftOut: (key) => note('items without a readable picture', `the item of picture ${key}, which did not decode`),
    counts,
  };
}
