import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { readIfThere } from '../store/whole-file.ts';
import { brokenShardPolicy } from './shards.ts';

/** What a training phase leaves out, under the recipe's policies or because a sample lacks what every one of its group must have: told once each, and counted once each, however often it is met. */
export interface Skips {
  onBroken: 'error' | ((problem: Error) => void);
  /** @param lacks what the sample under that key has not, where that is the reason; otherwise its picture does not decode */
  onLeftOut: (key: string, lacks?: string) => void;
  counts(): Promise<Record<string, number>>;
}

/** One line of JSON for each thing left out: a phase that goes on after an interruption knows what it met before. */
export const leftOutFile = 'left-out.jsonl';

export async function skipPolicy(
  { directory, onWarning }: Pick<PhaseContext, 'directory' | 'onWarning'>,
  brokenShards: Recipe['data']['brokenShards'],
): Promise<Skips> {
  const file = join(directory, leftOutFile);
  const text = (await readIfThere(file)) ?? '';
  const known = new Map(entriesOf(text).map(({ what, message }) => [message, what]));
  let written = text === '' || text.endsWith('\n') ? Promise.resolve() : appendFile(file, '\n');
  const note = (what: string, message: string, intro: string): void => {
    if (known.has(message)) return;
    known.set(message, what);
    onWarning(intro + message);
    written = written.then(() => appendFile(file, `${JSON.stringify({ what, message })}\n`));
    written.catch(() => {}); // reported with the counts
  };
  const noteByPolicy = (what: string, message: string): void => note(what, message, 'Left out, as the recipe says: ');
  return {
    onBroken: brokenShardPolicy(brokenShards, (message) => noteByPolicy('faults of shards', message)),
    onLeftOut: (key, lacks) =>
      lacks === undefined
        ? noteByPolicy('items without a readable picture', `the item of picture ${key}, which did not decode`)
        : note('samples without a picture or caption', `sample ${key}: ${lacks}`, 'Left out: '),
    async counts() {
      await written;
      const kinds = [...known.values()];
      return Object.fromEntries(
        [...new Set(kinds)].map((what) => [what, kinds.filter((kind) => kind === what).length]),
      );
    },
  };
}

/** A line that was cut when the process was killed is none: what it told of is met again. */
function entriesOf(text: string): { what: string; message: string }[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as { what: string; message: string }];
    } catch {
      return [];
    }
  });
}
