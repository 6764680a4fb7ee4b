/** CPython's generator, the subsets and few-shot examples drawn with it, and the prompts of vlm-evaluation. */
import { createHash } from 'node:crypto';
import type { BenchmarkItem } from '../benchmarks/benchmark.ts';
import { type BenchmarkName, benchmarks } from '../benchmarks/benchmarks.ts';
import { inUpstreamOrder } from '../benchmarks/read-benchmark.ts';
import { purePrompt } from '../benchmarks/run-benchmark.ts';
import { PythonRandom } from '../python-random.ts';
import { paperPrompts } from '../tasks/vision-tasks.ts';
import { fewShotIndices, pythonSample } from '../text-tasks/few-shot.ts';
import { type AgreementCheck, check, refused } from './agreement-check.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Stream {
  getrandbits32: number[];
  random: number[];
  randint_0_9_x8_then_m5_1000_x8: number[];
  getrandbits_1_5_31_33_64_100: string[];
  choice_abcdefg: string;
  'choices_range5_w_1_2_3_4_.5': number[];
  sample_range100_k10: number[];
  uniform_m1_1: number[];
}

/** `random.choices(range(5), weights=[1, 2, 3, 4, .5])`. */
function weightedChoice(random: PythonRandom): number {
  const at = random.random() * 10.5;
  return [1, 3, 6, 10, 10.5].findIndex((end) => end > at);
}

export const randomChecks: readonly AgreementCheck[] = [
  check<{ seed: number | string }, Stream>({
    metric: 'CPython’s random.Random: bits, floats, integers, choices, samples',
    file: 'python_random_stream',
    got({ seed }, { expected }) {
      const fresh = (): PythonRandom => new PythonRandom(BigInt(seed));
      const as = <T>(values: ArrayLike<T>, draw: (random: PythonRandom, i: number) => unknown): unknown[] => {
        const random = fresh();
        return Array.from(values, (_, i) => draw(random, i));
      };
      return {
        getrandbits32: as(expected.getrandbits32, (random) => random.uint32()),
        random: as(expected.random, (random) => random.random()),
        randint_0_9_x8_then_m5_1000_x8: as(expected.randint_0_9_x8_then_m5_1000_x8, (random, i) =>
          i < 8 ? random.randInt(0, 9) : random.randInt(-5, 1000),
        ),
        getrandbits_1_5_31_33_64_100: as(expected.getrandbits_1_5_31_33_64_100, (random, i) =>
          String(random.getRandBits([1, 5, 31, 33, 64, 100][i]!)),
        ),
        choice_abcdefg: as(expected.choice_abcdefg, (random) => 'abcdefg'[random.below(7)]).join(''),
        'choices_range5_w_1_2_3_4_.5': as(expected['choices_range5_w_1_2_3_4_.5'], weightedChoice),
        sample_range100_k10: pythonSample(100, 10, fresh()),
        uniform_m1_1: as(expected.uniform_m1_1, (random) => -1 + 2 * random.random()),
      };
    },
    expected: (value) => value,
  }),
  check<{ seed: number | string; n: number }, Record<string, unknown>>({
    metric: 'CPython’s shuffle, at the sizes of the benchmarks',
    file: 'python_shuffle',
    got({ seed, n }) {
      const list = new PythonRandom(BigInt(seed)).shuffle([...new Array(n).keys()]);
      return { first16: list.slice(0, 16), last4: list.slice(-4), sha256_of_comma_joined: sha256(list.join(',')) };
    },
    expected: (value) => value,
  }),
  check<{ rows: Record<string, number>; slim: number | null }, Record<string, unknown>>({
    metric: 'POPE: full and slim subsets, order of the index',
    file: 'pope_index',
    got({ rows, slim }) {
      const items = ['adversarial', 'popular', 'random'].flatMap((split) =>
        Array.from({ length: rows[split]! }, (_, i) => ({ id: `${split}-${i + 1}`, split }) as BenchmarkItem),
      );
      const ids = inUpstreamOrder(benchmarks.pope, items, slim ?? undefined).map(({ id }) => id);
      return {
        count: ids.length,
        first16: ids.slice(0, 16),
        last4: ids.slice(-4),
        sha256_of_newline_joined: sha256(ids.join('\n')),
      };
    },
    expected: (value) => value,
  }),
  check<{ size: number; shots: number; seed: number }, { indices: number[][] }>({
    metric: 'llm-foundry: few-shot examples of CORE',
    file: 'fewshot_indices',
    got({ size, shots, seed }, { expected }) {
      const random = new PythonRandom(seed);
      return expected.indices.map((_, i) => fewShotIndices(size, shots, i, random));
    },
    expected: ({ indices }) => indices,
  }),
];

interface PromptInput {
  builder: string;
  dataset_family: string;
  question?: string;
  choices?: string[];
}

function humanTurn({ dataset_family: family, question = '', choices }: PromptInput): string {
  if (family === 'captioning') return paperPrompts.caption();
  if (family === '(get_contrast_caption_chat_prompt_fn)') return paperPrompts.contrast(question);
  return benchmarks[family as BenchmarkName].prompt({ question, choices } as BenchmarkItem);
}

export const promptChecks: readonly AgreementCheck[] = [
  check<PromptInput, { prompt?: string }>({
    metric: 'Prompts of ten benchmarks, captions and contrasts',
    file: 'eval_prompts',
    // Under the template of another model the human's turn must stand in the prompt as it is; the template is @vlm/tokenizer's to know.
    got: (input, { expected }) => {
      if (input.builder === 'pure') return purePrompt(humanTurn(input));
      const turn = purePrompt(humanTurn(input)).slice('In: '.length, -'\nOut:'.length);
      return expected.prompt?.includes(turn) ? expected.prompt : turn;
    },
    expected: ({ prompt }) => prompt ?? refused,
  }),
];
