/** Items to ask, and a model that says what it is told to. */
import { createRandom, type Random } from '../random.ts';
import type { EvalModel, EvalPrompt, TextItem, VisionItem } from '../types.ts';

/** A picture is the id of the item that it belongs to. */
export type Picture = string;

/** Draws from what can be said; the question and picture do not matter, only the order of asking. */
export function guesser(
  seed: string,
  says: (prompt: EvalPrompt<Picture>, random: Random) => string,
): EvalModel<Picture> {
  const random = createRandom(seed);
  return {
    generate: async (prompts) => prompts.map((prompt) => says(prompt, random)),
    logLikelihood: async (requests) =>
      requests.map(({ continuation }) => ({
        logProb: -10 * random.next(),
        tokens: 1,
        bytes: Buffer.byteLength(continuation),
      })),
  };
}

const names = ['cat', 'dog', 'polar bear', 'bus', 'berry', 'mouse'];
const colours = ['red', 'green', 'blue', 'white'];
const splits = ['new-scene', 'new-vendor'] as const;

/** `n` items of a task, answers evenly dealt. */
export function makeItems(task: string, n: number): VisionItem[] {
  const random = createRandom(task);
  return Array.from({ length: n }, (_, i): VisionItem => {
    const base = { id: `${task}-${i}`, task, split: splits[i % 2]!, question: `Question ${i} of ${task}?` };
    if (task === 'existence')
      return {
        ...base,
        type: ['random', 'popular'][(i >> 1) % 2]!,
        target: { kind: 'yes-no', answer: (i >> 2) % 2 === 0 ? 'yes' : 'no' },
      };
    if (task === 'grounding') {
      const [x, y] = [Math.round(random.next() * 50) / 100, Math.round(random.next() * 50) / 100];
      const box = [x, y, x + 0.3, y + 0.3].map((value) => Number(value.toFixed(2)));
      return { ...base, type: 'plain', target: { kind: 'box', box: box as [number, number, number, number] } };
    }
    if (task === 'captioning') {
      const objects = random.shuffle(names).slice(0, 1 + random.int(3));
      const references = [`There is a ${objects.join(' and a ')}.`, `A ${objects.join(', a ')} on white.`];
      return { ...base, type: 'caption', target: { kind: 'caption', references, objects } };
    }
    const type = (i >> 1) % 2 === 0 ? 'name' : 'colour';
    const pool = type === 'name' ? names : colours;
    return { ...base, type, target: { kind: 'answers', answers: [pool[(i >> 2) % pool.length]!] } };
  });
}

export function makeTextItems(n: number): TextItem[] {
  const random = createRandom('text');
  return Array.from({ length: n }, (_, i) => ({
    id: `last-word-${i}`,
    task: 'last-word',
    context: `Sentence ${i} ends with`,
    choices: [' one.', ' two.', ' three.', ' four.'],
    answer: random.int(4),
  }));
}
