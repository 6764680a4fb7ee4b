/** Two models of which the scores are known: with them a set of items, or a whole pipeline, can be checked before a real one is asked. */
import { EvalsError } from '../errors.ts';
import { groupBy } from '../group-by.ts';
import { createRandom } from '../random.ts';
import { expectedText } from '../tasks/score-outputs.ts';
import type { EvalModel, EvalPrompt, TextItem, VisionItem, VisionTarget } from '../types.ts';

type Item = VisionItem | TextItem;
/** Items of a benchmark may list choices too; only vision items have a target. */
const isText = (item: Item): item is TextItem => !('target' in item);

/** The picture of an item is its id. */
type Picture = string;

/**
 * A model that reads the truth: it must score 1 on every task, or what the best answer is worth where annotators disagree. It says what is right for the picture that it is *shown*, so that with another
 * item's picture it is wrong wherever truths differ, and without one it says nothing.
 *
 * @param items of any tasks, vision and text; ids of vision items unique over all of them
 * @returns asked with the id of an item in place of its picture
 * @throws EvalsError DUPLICATE_ID
 * @example const rows = await runVision(oracleModel(items), items, { image: ({ id }) => id });
 */
export function oracleModel(items: readonly Item[]): EvalModel<Picture> {
  const byId = visionById(items);
  const right = new Set(
    items.flatMap((item) =>
      isText(item) ? [JSON.stringify([item.contexts?.[item.answer] ?? item.context, item.choices[item.answer]])] : [],
    ),
  );
  const truth = ({ image }: EvalPrompt<Picture>): string =>
    image === undefined ? 'nothing to see' : truthOf(shown(byId, image).target);
  return {
    generate: async (prompts) => prompts.map(truth),
    logLikelihood: async (requests) =>
      requests.map(({ prompt, continuation }) => {
        const isRight =
          prompt.image === undefined
            ? right.has(JSON.stringify([prompt.text, continuation]))
            : continuation.trim().toLowerCase() === truth(prompt).toLowerCase();
        return { logProb: isRight ? -0.1 : -5, tokens: 1, bytes: Buffer.byteLength(continuation) };
      }),
  };
}

/**
 * A model that guesses: it must score chance on every task. It draws from the answers that occur for the shown item's task, split and question
 * type (boxes and captions: those of other items, and nothing where there is no other), and prefers options at random, whatever the order and size of batches.
 *
 * @param items as for {@link oracleModel}
 * @param options.seed other seeds, other guesses
 * @throws EvalsError DUPLICATE_ID
 * @example const rows = await runVision(guessingModel(items, { seed: 1 }), items, { image: ({ id }) => id });
 */
export function guessingModel(items: readonly Item[], options: { seed: string | number }): EvalModel<Picture> {
  const byId = visionById(items);
  const poolOf = ({ task, split, type }: VisionItem): string => JSON.stringify([task, split, type]);
  const pools = groupBy(byId.values(), poolOf);
  const answers = new Map(
    [...pools].map(([key, own]) => [
      key,
      own[0]!.target.kind === 'yes-no' ? ['yes', 'no'] : [...new Set(own.map(({ target }) => truthOf(target)))],
    ]),
  );
  const guess = ({ text, image }: EvalPrompt<Picture>): string => {
    const { next } = createRandom(`${options.seed}/${image}/${text}`);
    const draw = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
    if (image === undefined) return draw([...answers.values()].flat());
    const item = shown(byId, image);
    if (item.target.kind !== 'box' && item.target.kind !== 'caption') return draw(answers.get(poolOf(item))!);
    const others = pools.get(poolOf(item))!.filter(({ id }) => id !== item.id);
    return others.length > 0 ? truthOf(draw(others).target) : '';
  };
  return {
    generate: async (prompts) => prompts.map(guess),
    logLikelihood: async (requests) =>
      requests.map(({ prompt, continuation }) => ({
        logProb: -10 * createRandom(`${options.seed}/${prompt.image}/${prompt.text}/${continuation}`).next(),
        tokens: 1,
        bytes: Buffer.byteLength(continuation),
      })),
  };
}

function visionById(items: readonly Item[]): Map<string, VisionItem> {
  const byId = new Map<string, VisionItem>();
  for (const item of items) {
    if (isText(item)) continue;
    if (byId.has(item.id))
      throw new EvalsError('DUPLICATE_ID', `The id "${item.id}" occurs twice; a picture is found by its item's id.`);
    byId.set(item.id, item);
  }
  return byId;
}

function shown(byId: ReadonlyMap<string, VisionItem>, image: Picture): VisionItem {
  const item = byId.get(image);
  if (!item)
    throw new EvalsError('MISSING_IMAGE', `Expected the id of an item in place of its picture, got ${String(image)}.`);
  return item;
}

/** What a perfect model says: the truth, and in a caption every object by its name. */
function truthOf(target: VisionTarget): string {
  return target.kind === 'caption' ? `A picture of ${target.objects.join(' and ')}.` : expectedText(target);
}
