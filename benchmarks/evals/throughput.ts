import { performance } from 'node:perf_hooks';
import type { ContinuationScore, EvalModel, EvalPrompt } from '@vlm/evals';
import { onnxEngine } from '@vlm/jit';
import { createGenerator, createRandom, type Generator, initParameters, vlmConfig, vlmParams } from '@vlm/model';
import { createTokenizer, SPECIAL, type Tokenizer, trainBpe } from '@vlm/tokenizer';
import { conversationModel, textModel } from '../../packages/study/src/data/eval-models.ts';
import { median } from '../data/median.ts';
import { defaultCorpusItems } from './default-corpus.ts';
import { markdownTable } from './markdown-table.ts';

type Model = EvalModel<string | Float32Array>;
type Prompt = EvalPrompt<string>;

const batchSize = 64;
const patches = 16;
const featureWidth = 128;

/** One way of asking: how many together, in which order, with or without the cache. */
interface Way {
  name: string;
  size: number;
  sorted: boolean;
  cached: boolean;
}

const ways: readonly Way[] = [
  { name: 'one by one, no cache', size: 1, sorted: false, cached: false },
  { name: 'one by one', size: 1, sorted: false, cached: true },
  { name: `${batchSize} together, as they come`, size: batchSize, sorted: false, cached: true },
  { name: `${batchSize} together, sorted by length`, size: batchSize, sorted: true, cached: true },
];

/**
 * `npm run bench -- answers`: items per second of one model asked in several ways, and whether it says the same. The model has the size of the
 * preset `quick` and is not trained, so that it says as much as it may; questions are those of the default corpus.
 *
 * @param options.items per task
 * @param options.rounds the ways take turns so many times; medians
 * @param options.corpus the folder of a corpus; default: one is built for the purpose
 */
export async function answersBenchmark(options: {
  items: number;
  rounds: number;
  threads: number;
  corpus?: string;
  json?: boolean;
}): Promise<void> {
  const corpus = await defaultCorpusItems(options.corpus);
  const vision = (task: string): Prompt[] =>
    corpus.vision[task]!.slice(0, options.items).map(({ id, question }) => ({ text: question, image: id }));
  const choices = Object.values(corpus.text)
    .flat()
    .filter((_, i, all) => i % Math.max(1, Math.floor(all.length / options.items)) === 0)
    .slice(0, options.items);
  const texts = [
    ...Object.values(corpus.vision).flatMap((items) => items.map(({ question }) => question)),
    ...choices.flatMap(({ context, choices: said }) => [context, ...said]),
  ];
  const tokenizer = createTokenizer(trainBpe(texts, { vocabSize: 1024 }));
  const open = modelsOf(tokenizer, options.threads);
  const requests = choices.flatMap(({ context, contexts, choices: said }) =>
    said.map((continuation, i) => ({ prompt: { text: contexts?.[i] ?? context }, continuation })),
  );
  const suites: Suite[] = [
    generating('open questions, 12 new tokens', vision('open-vqa'), 12, open.conversation),
    generating('captions, 32 new tokens', vision('captioning'), 32, open.conversation),
    scoring(
      'yes and no',
      vision('existence').flatMap((prompt) => [' yes', ' no'].map((continuation) => ({ prompt, continuation }))),
      2,
      open.conversation,
    ),
    scoring('text choices by likelihood', requests, requests.length / choices.length, open.text),
  ];
  const results = [];
  for (const suite of suites) results.push(await measure(suite, options.rounds));
  await open.dispose();

  const rate = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(value < 100 ? 1 : 0));
  console.log(
    markdownTable(
      ['items per second', 'items', ...ways.map(({ name }) => name), 'against one by one', 'answers that differ'],
      results.map(({ name, items, rates, differ }) => [
        name,
        `${items}`,
        ...rates.map(rate),
        `${(rates[3]! / rates[1]!).toFixed(1)}×`,
        differ,
      ]),
    ),
  );
  if (options.json) console.log(JSON.stringify(results));
}

interface Suite {
  name: string;
  items: number;
  /** Undefined where a way does not apply. */
  ask(way: Way): Promise<(string | ContinuationScore)[]> | undefined;
}

function generating(name: string, prompts: Prompt[], maxNewTokens: number, model: (size: number) => Model): Suite {
  return {
    name,
    items: prompts.length,
    ask: ({ size, sorted, cached }) =>
      inTurns(prompts, size, sorted ? ({ text }) => text.length : undefined, (some) =>
        cached ? model(size).generate(some, { maxNewTokens }) : uncached(model(size), some, maxNewTokens),
      ),
  };
}

function scoring(
  name: string,
  requests: { prompt: Prompt; continuation: string }[],
  perItem: number,
  model: (size: number) => Model,
): Suite {
  return {
    name,
    items: Math.round(requests.length / perItem),
    ask: ({ size, sorted, cached }) =>
      cached
        ? inTurns(
            requests,
            size,
            sorted ? ({ prompt, continuation }) => prompt.text.length + continuation.length : undefined,
            (some) => model(size).logLikelihood(some),
          )
        : undefined,
  };
}

/** Without a cache every new token reads the whole prompt again: a generation of one token after the other. */
async function uncached(model: Model, prompts: Prompt[], maxNewTokens: number): Promise<string[]> {
  const answers: string[] = [];
  for (const prompt of prompts) {
    for (let tokens = 1; tokens <= maxNewTokens; tokens++) await model.generate([prompt], { maxNewTokens: 1 });
    answers.push('');
  }
  return answers;
}

async function inTurns<In, Out>(
  inputs: readonly In[],
  size: number,
  lengthOf: ((input: In) => number) | undefined,
  answer: (some: In[]) => Promise<Out[]>,
): Promise<Out[]> {
  const order = inputs.map((_, i) => i);
  if (lengthOf) order.sort((a, b) => lengthOf(inputs[b]!) - lengthOf(inputs[a]!) || a - b);
  const outputs = new Array<Out>(inputs.length);
  for (let i = 0; i < order.length; i += size) {
    const places = order.slice(i, i + size);
    const answers = await answer(places.map((place) => inputs[place]!));
    places.forEach((place, at) => {
      outputs[place] = answers[at]!;
    });
  }
  return outputs;
}

async function measure(suite: Suite, rounds: number) {
  const seconds = ways.map((): number[] => []);
  const said: (string | ContinuationScore)[][] = [];
  for (let round = -1; round < rounds; round++)
    for (const [at, way] of ways.entries()) {
      const startMs = performance.now();
      const answers = await suite.ask(way);
      if (!answers) continue;
      if (way.cached) said[at] = answers;
      if (round >= 0) seconds[at]!.push((performance.now() - startMs) / 1000);
    }
  return {
    name: suite.name,
    items: suite.items,
    rates: seconds.map((times) => (times.length === 0 ? undefined : suite.items / median(times))),
    differ: differences(said.filter(Boolean)),
  };
}

/** Texts that are not the same in all ways; of likelihoods, how far they lie apart. */
function differences(said: readonly (string | ContinuationScore)[][]): string {
  const [first, ...others] = said;
  if (typeof first![0] === 'string')
    return `${first!.filter((text, i) => others.some((other) => other[i] !== text)).length} of ${first!.length}`;
  const apart = first!.map((score, i) =>
    Math.max(
      ...others.map((other) =>
        Math.abs((other[i] as ContinuationScore).logProb - (score as ContinuationScore).logProb),
      ),
    ),
  );
  return `at most ${Math.max(...apart).toExponential(0)} nats`;
}

/** One model under generators of two batch sizes, opened when first asked. */
function modelsOf(tokenizer: Tokenizer, threads: number) {
  const maxLength = 128;
  const config = vlmConfig({
    decoder: { dim: 96, layers: 3, heads: 3, vocabSize: tokenizer.vocabSize, sequenceLength: maxLength },
    projector: { kind: 'linear', featureWidth },
  });
  const params = initParameters(vlmParams(config), 'answers');
  // Sharper than at the start, so that the best token is best by more than rounding.
  for (const [name, values] of Object.entries(params))
    if (!name.includes('norm')) params[name] = values.map((value) => 3 * value);
  const generators = new Map<number, Generator>();
  const options = (size: number) => {
    if (!generators.has(size))
      generators.set(
        size,
        createGenerator({
          config,
          params,
          engine: onnxEngine({ threads }),
          batchSize: size,
          imageToken: tokenizer.special(SPECIAL.image),
        }),
      );
    return { generator: generators.get(size)!, tokenizer, maxLength };
  };
  const features = {
    patches,
    of: (key: string) => {
      const random = createRandom(key);
      return Float32Array.from({ length: patches * featureWidth }, () => random.normal());
    },
  };
  return {
    conversation: (size: number): Model => conversationModel(options(size), features),
    text: (size: number): Model => textModel(options(size)) as Model,
    dispose: async () => {
      for (const generator of generators.values()) await generator.dispose();
    },
  };
}
