import { choice, enough } from './choices.ts';
import type { Random } from './random.ts';
import type { TextItem } from './types.ts';

/** A way to break a sentence: what is looked for, with what stands there instead. */
interface Break {
  type: string;
  /** With three groups: what stands before (left as it is), the words that are broken, what comes next. */
  pattern: RegExp;
  wrong(right: string): string;
}

const singular: Readonly<Record<string, string>> = { is: 'are', was: 'were', has: 'have' };
const plural: Readonly<Record<string, string>> = { are: 'is', were: 'was', have: 'has' };

const breaks: readonly Break[] = [
  {
    type: 'agreement',
    pattern: /^(.*\b(?:he|she|it|(?<!of )this)) (is|was|has)( .*)$/,
    wrong: (right) => singular[right]!,
  },
  {
    type: 'agreement',
    pattern: /^(.*\b(?:they|we|(?<!of )these|(?<!of )those)) (are|were|have)( .*)$/,
    wrong: (right) => plural[right]!,
  },
  {
    type: 'article',
    pattern: /^(.*) (a|an)( [a-gi-np-tv-z][a-z]{2,}.*)$/,
    wrong: (right) => (right === 'a' ? 'an' : 'a'),
  },
  { type: 'modal', pattern: /^(.*\b(?:will|would|may|can|must|should|shall)) (be)( .*)$/, wrong: () => 'is' },
  {
    type: 'order',
    pattern: /^(.*) ((?:of|in|to|from|with|by|for|on) the)( [a-z].*)$/,
    wrong: (right) => right.split(' ').reverse().join(' '),
  },
  {
    type: 'number',
    pattern: /^(.*) (this|these)( [a-z]{3,}.*)$/,
    wrong: (right) => (right === 'this' ? 'these' : 'this'),
  },
];
const types = [...new Set(breaks.map(({ type }) => type))];

/**
 * Held-out sentences beside themselves with one word broken: verb after a pronoun, article, verb after a modal, order of preposition and
 * article, number of a determiner. What precedes the change is the context, so that only what differs is compared. Kinds take turns.
 */
export function minimalPairs(sentences: readonly string[], count: number, random: Random): TextItem[] {
  const fitting = sentences.filter((sentence) => sentence.length >= 30 && sentence.length <= 220);
  const queues = types.map((type) => {
    const own = breaks.filter((one) => one.type === type);
    return random.shuffle(
      fitting.flatMap((sentence) =>
        own.flatMap(({ pattern, wrong }) => {
          const found = pattern.exec(sentence);
          const before = found?.[1] ?? '';
          return found && before.split(' ').length >= 2
            ? [{ type, context: before, right: ` ${found[2]}${found[3]}`, wrong: ` ${wrong(found[2]!)}${found[3]}` }]
            : [];
        }),
      ),
    );
  });
  const items: TextItem[] = [];
  const used = new Set<string>();
  for (let turn = 0; items.length < count && queues.some((queue) => turn < queue.length); turn++)
    for (const queue of queues) {
      const one = queue[turn];
      if (!one || items.length >= count || used.has(one.context + one.right)) continue;
      used.add(one.context + one.right);
      items.push(choice('minimal-pairs', items.length, one.context, one.right, [one.wrong], random, one.type));
    }
  return enough('minimal-pairs', items, count);
}
