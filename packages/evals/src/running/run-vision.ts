import { EvalsError } from '../errors.ts';
import { groupBy } from '../group-by.ts';
import { chanceScores, majorityAnswer } from '../tasks/baselines.ts';
import { expectedText, type Scored, type Scoring, scoreOutputs } from '../tasks/score-outputs.ts';
import { visionTask } from '../tasks/vision-tasks.ts';
import type {
  EvalModel,
  EvalProgress,
  EvalPrompt,
  EvalRow,
  VisionCondition,
  VisionItem,
  VisionTarget,
} from '../types.ts';
import { generateTexts, inBatches, scoreContinuations } from './ask.ts';
import { checkVisionItems } from './check-items.ts';
import { wrongImages } from './wrong-images.ts';

export const visionConditions: readonly VisionCondition[] = ['image', 'no-image', 'wrong-image'];

export interface VisionOptions<Image> {
  /** The picture of an item, in whatever form the model takes. */
  image: (item: VisionItem) => Image | undefined;
  /**
   * What tells pictures apart, where several items may share one: `wrong-image` then shows another picture and not only that of another item, and
   * rows name it as their `cluster`. Default: the item's `picture`.
   */
  imageKey?: (item: VisionItem) => string | undefined;
  /** The items' task; default: that of the first item. */
  task?: string;
  /** Default: with the item's picture, with none, with another item's. */
  conditions?: readonly VisionCondition[];
  /** How a question becomes a prompt. Default: the question alone. */
  format?: (item: VisionItem) => string;
  /** Items per call of the model, default 32. Changes no result of a model whose answers do not depend on their neighbours. */
  batchSize?: number;
  /** Default: by kind of target (answers 12, yes/no 4, boxes 32, captions 64). */
  maxNewTokens?: number;
  /** Of the pairs under `wrong-image`. Default 0. */
  seed?: string | number;
  /**
   * How texts become scores. Default: that of the task ({@link visionTask}), with the fixed rules: VQA accuracy, IoU ≥ 0.5, object F1;
   * `counting` exact match, `reading` ANLS besides, `cluttered-grounding` IoU ≥ 0.25.
   */
  scoring?: Scoring;
  /** Continuations that are compared for yes/no questions, and whether an answer is generated as well. */
  yesNo?: { yes?: string; no?: string; generate?: boolean };
  /** Where majority answers are counted, by question type. Default (and for types it lacks): the items themselves, per split and type. */
  training?: readonly { type: string; target: VisionTarget }[];
  /** Called after every batch. */
  onProgress?: (progress: EvalProgress) => void;
}

/**
 * Asks every item of one task under every condition, and adds the rows of the best constant answer (`majority`).
 *
 * Yes/no questions are decided by comparing ln p(" yes") with ln p(" no"), a tie being a yes, as POPE's evaluation compares the probabilities
 * of the first token; the generated answer stands beside it (`generated`, `scores.generated`).
 * @param model asked in batches; one condition after the other
 * @param items all of one task; they come without pictures, which `options.image` finds
 * @returns rows: conditions in the order given, then `majority`; items in their order. Each row knows what chance would score.
 * @throws EvalsError EMPTY_SET, DUPLICATE_ID, INVALID_ITEM, UNKNOWN_TARGET, MISSING_IMAGE, NO_OTHER_IMAGE, BAD_MODEL_OUTPUT, INVALID_OPTION
 * @example const rows = await runVision(model, items, { image: (item) => `${item.id}.png` });
 */
export async function runVision<Image>(
  model: EvalModel<Image>,
  items: readonly VisionItem[],
  options: VisionOptions<Image>,
): Promise<EvalRow[]> {
  const task = checkVisionItems(items, options.task, options.scoring?.captions !== 'cider-d');
  const info = visionTask(task, items[0]!.target.kind);
  const scoring = options.scoring ?? info.scoring;
  const { conditions = visionConditions, batchSize = 32, format = (item: VisionItem) => item.question } = options;
  checkConditions(conditions);
  if (scoring.mode === 'official') checkAnnotators(items, scoring);
  const images = conditions.some((condition) => condition !== 'no-image') ? allImages(items, options.image) : [];
  const pictures = items.map(options.imageKey ?? (({ picture }) => picture));
  const wrong = conditions.includes('wrong-image') ? wrongImages(items, options.seed ?? 0, pictures) : [];
  // What a caption of another item earns in CIDEr-D depends on the whole set: the majority row tells it.
  const chance = scoring.captions === 'cider-d' ? undefined : chanceOf(items, scoring);
  const base = items.map(
    (item, i): Omit<EvalRow, 'condition' | 'output' | 'score'> => ({
      id: item.id,
      task,
      split: item.split,
      type: item.type,
      prompt: format(item),
      expected: expectedText(item.target),
      ...(pictures[i] === undefined ? {} : { cluster: pictures[i] }),
      ...(chance === undefined ? {} : { chance: chance[i]! }),
      ...(scoring.mode === undefined ? {} : { mode: scoring.mode }),
    }),
  );
  const maxNewTokens = options.maxNewTokens ?? info.maxNewTokens;
  const rows: EvalRow[] = [];
  for (const condition of conditions) {
    const prompts = items.map((_, i): EvalPrompt<Image> => {
      const text = base[i]!.prompt;
      return condition === 'no-image' ? { text } : { text, image: images[condition === 'image' ? i : wrong[i]!]! };
    });
    const report = (done: number): void => options.onProgress?.({ task, condition, done, total: items.length });
    const { kind } = items[0]!.target;
    const answered =
      kind === 'yes-no'
        ? await askYesNo(model, items, prompts, { ...options.yesNo, batchSize, maxNewTokens }, report)
        : kind === 'choice'
          ? await askChoices(model, items, prompts, batchSize, report)
          : await askFreely(model, items, prompts, { scoring, batchSize, maxNewTokens }, report);
    answered.forEach((answer, i) => {
      const imageOf = condition === 'wrong-image' ? { imageOf: items[wrong[i]!]!.id } : {};
      rows.push({ ...base[i]!, condition, ...imageOf, ...answer });
    });
  }
  return [...rows, ...majorityRows(items, base, { ...options, scoring })];
}

type Answered = Pick<EvalRow, 'output' | 'score' | 'scores' | 'margin' | 'generated'>;

async function askFreely<Image>(
  model: EvalModel<Image>,
  items: readonly VisionItem[],
  prompts: readonly EvalPrompt<Image>[],
  options: { batchSize: number; maxNewTokens: number; scoring: Scoring },
  report: (done: number) => void,
): Promise<Answered[]> {
  const outputs = await inBatches(
    prompts,
    options.batchSize,
    ({ text }) => text.length,
    (batch) => generateTexts(model, batch, options.maxNewTokens),
    report,
  );
  const scored = scoreOutputs(items, outputs, options.scoring);
  return outputs.map((output, i) => ({ output, ...scored[i]! }));
}

async function askYesNo<Image>(
  model: EvalModel<Image>,
  items: readonly VisionItem[],
  prompts: readonly EvalPrompt<Image>[],
  options: { batchSize: number; maxNewTokens: number; yes?: string; no?: string; generate?: boolean },
  report: (done: number) => void,
): Promise<Answered[]> {
  const { yes = ' yes', no = ' no', generate = true } = options;
  const compared = await inBatches(
    prompts,
    options.batchSize,
    ({ text }) => text.length,
    async (batch) => {
      const scores = await scoreContinuations(
        model,
        batch.flatMap((prompt) => [
          { prompt, continuation: yes },
          { prompt, continuation: no },
        ]),
      );
      const texts = generate ? await generateTexts(model, batch, options.maxNewTokens) : undefined;
      return batch.map((_, i) => ({
        yesOverNo: difference(scores[2 * i]!.logProb, scores[2 * i + 1]!.logProb),
        text: texts?.[i],
      }));
    },
    report,
  );
  return compared.map(({ yesOverNo, text }, i) => {
    const truth = (items[i]!.target as Extract<VisionTarget, { kind: 'yes-no' }>).answer;
    const output = yesOverNo >= 0 ? 'yes' : 'no';
    const free: Scored[] = text === undefined ? [] : scoreOutputs([items[i]!], [text], {});
    return {
      output,
      score: output === truth ? 1 : 0,
      margin: truth === 'yes' ? yesOverNo : 0 - yesOverNo,
      ...(text === undefined ? {} : { generated: text, scores: { generated: free[0]!.score } }),
    };
  });
}

/** The likeliest option, the first of equals. Options of an item that cannot all be told apart by likelihood say nothing: margin 0. */
async function askChoices<Image>(
  model: EvalModel<Image>,
  items: readonly VisionItem[],
  prompts: readonly EvalPrompt<Image>[],
  batchSize: number,
  report: (done: number) => void,
): Promise<Answered[]> {
  const targets = items.map(({ target }) => target as Extract<VisionTarget, { kind: 'choice' }>);
  return inBatches(
    prompts.map((prompt, i) => ({ ...prompt, target: targets[i]! })),
    batchSize,
    ({ text }) => text.length,
    async (batch) => {
      const scores = await scoreContinuations(
        model,
        batch.flatMap(({ target, ...prompt }) =>
          target.options.map((option) => ({ prompt, continuation: ` ${option}` })),
        ),
      );
      let at = 0;
      return batch.map(({ target: { options, answer } }) => {
        const logProbs = options.map(() => scores[at++]!.logProb);
        const said = logProbs.reduce((best, value, i) => (value > logProbs[best]! ? i : best), 0);
        const rival = Math.max(...logProbs.filter((_, i) => i !== answer));
        return {
          output: options[said]!,
          score: said === answer ? 1 : 0,
          margin: difference(logProbs[answer]!, rival),
        };
      });
    },
    report,
  );
}

/** Two impossible answers are a tie. */
function difference(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function checkConditions(conditions: readonly VisionCondition[]): void {
  const unknown = conditions.find((condition) => !visionConditions.includes(condition));
  if (unknown !== undefined || conditions.length === 0 || new Set(conditions).size !== conditions.length)
    throw new EvalsError(
      'INVALID_OPTION',
      `conditions: expected some of ${visionConditions.join(', ')}, each once, got ${JSON.stringify(conditions)}.`,
    );
}

function checkAnnotators(items: readonly VisionItem[], { answers = 'vqa-v2' }: Scoring): void {
  if (answers !== 'vqa-v2' && answers !== 'text-vqa') return;
  const few = items.find(({ target }) => target.kind === 'answers' && target.answers.length !== 10);
  if (few)
    throw new EvalsError(
      'INVALID_OPTION',
      `Scoring mode official: expected ten answers an item, "${few.id}" has ${(few.target as { answers: string[] }).answers.length}; use the mode fixed.`,
    );
}

function allImages<Image>(items: readonly VisionItem[], imageOf: (item: VisionItem) => Image | undefined): Image[] {
  return items.map((item) => {
    const image = imageOf(item);
    if (image === undefined)
      throw new EvalsError(
        'MISSING_IMAGE',
        `Item "${item.id}" of ${item.task} has no picture: options.image returned undefined; ask under no-image only, or bring the picture.`,
      );
    return image;
  });
}

/** Indices by split and question type. */
function byType(items: readonly VisionItem[]): number[][] {
  return [...groupBy(items.keys(), (i) => JSON.stringify([items[i]!.split, items[i]!.type])).values()];
}

function chanceOf(items: readonly VisionItem[], scoring: Scoring): number[] {
  const chance = new Array<number>(items.length);
  for (const group of byType(items)) {
    const scores = chanceScores(
      group.map((i) => items[i]!),
      scoring,
    );
    group.forEach((i, at) => {
      chance[i] = scores[at]!;
    });
  }
  return chance;
}

function majorityRows<Image>(
  items: readonly VisionItem[],
  base: readonly Omit<EvalRow, 'condition' | 'output' | 'score'>[],
  options: VisionOptions<Image> & { scoring: Scoring },
): EvalRow[] {
  const outputs = new Array<string>(items.length);
  const countedOn = new Array<'training' | 'test'>(items.length);
  const { kind } = items[0]!.target;
  for (const group of byType(items)) {
    const { type } = items[group[0]!]!;
    const known = options.training?.filter((one) => one.type === type && one.target.kind === kind) ?? [];
    const answer = majorityAnswer(
      (known.length > 0 ? known : group.map((i) => items[i]!)).map(({ target }) => target),
      options.scoring,
    );
    for (const i of group) {
      outputs[i] = answer;
      countedOn[i] = known.length > 0 ? 'training' : 'test';
    }
  }
  const scored = scoreOutputs(items, outputs, options.scoring);
  return outputs.map((output, i) => ({
    ...base[i]!,
    condition: 'majority',
    output,
    ...scored[i]!,
    countedOn: countedOn[i]!,
  }));
}
