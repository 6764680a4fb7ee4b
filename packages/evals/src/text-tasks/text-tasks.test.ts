import { describe, expect, it } from 'vitest';
import { PythonRandom } from '../python-random.ts';
import { runMultipleChoice } from '../running/run-multiple-choice.ts';
import { dclmCoreTasks } from '../scoring/dclm-tasks.ts';
import { textStableTasks } from '../scoring/stable-score.ts';
import type { EvalModel, EvalRow, TextSuite } from '../types.ts';
import { coreScore, coreTasks, type LanguageItem, readCoreTask, runCoreTask } from './core-tasks.ts';
import { fewShotIndices } from './few-shot.ts';
import { harnessTasks, readHarnessTask, readMultipleChoice, textStableScore } from './harness-tasks.ts';

const line = (value: unknown): string => JSON.stringify(value);

/** Few records of a set, on purpose. */
const some = { checkCounts: false };

describe('tasks of lm-evaluation-harness', () => {
  const cases: [string, unknown, { context: string; choices: string[]; answer: number }][] = [
    [
      'arc_easy',
      {
        id: 'x',
        question: {
          stem: 'What is ice?',
          choices: [
            { text: 'fire', label: 'A' },
            { text: 'water', label: 'B' },
          ],
        },
        answerKey: 'B',
      },
      { context: 'Question: What is ice?\nAnswer:', choices: [' fire', ' water'], answer: 1 },
    ],
    [
      'arc_easy',
      { question: 'What is ice?', choices: { text: ['fire', 'water'], label: ['1', '2'] }, answerKey: '2' },
      { context: 'Question: What is ice?\nAnswer:', choices: [' fire', ' water'], answer: 1 },
    ],
    [
      'piqa',
      { goal: 'Cool a drink', sol1: 'Add ice.', sol2: 'Add fire.', label: 0 },
      { context: 'Question: Cool a drink\nAnswer:', choices: [' Add ice.', ' Add fire.'], answer: 0 },
    ],
    [
      'boolq',
      { passage: 'Ice is cold.', question: 'is ice cold', answer: true },
      { context: 'Ice is cold.\nQuestion: is ice cold?\nAnswer:', choices: [' no', ' yes'], answer: 1 },
    ],
    [
      'mathqa',
      {
        Problem: 'What is 2 + 2?',
        options: 'a ) 38 , b ) 27.675 , c ) 4 , d ) data inadequate , e ) none of these',
        correct: 'c',
      },
      {
        context: 'Question: What is 2 + 2?\nAnswer:',
        choices: [' 38', ' 27.675', ' 4', ' data inadequate', ' none of these'],
        answer: 2,
      },
    ],
    [
      'pubmedqa',
      { QUESTION: 'Does it?', CONTEXTS: ['One.', 'Two.'], final_decision: 'maybe' },
      { context: 'Abstract: One.\nTwo.\nQuestion: Does it?\nAnswer:', choices: [' yes', ' no', ' maybe'], answer: 2 },
    ],
    [
      'hellaswag',
      {
        activity_label: 'Baking',
        ctx_a: '[header] How to bake [title] Mix the flour.',
        ctx_b: 'then You',
        endings: ['stir [substeps] it.', 'leave.'],
        label: '0',
      },
      {
        context: 'Baking: How to bake. Mix the flour. Then you',
        choices: [' stir it.', ' leave.'],
        answer: 0,
      },
    ],
    [
      'copa',
      { premise: 'The ice melted.', choice1: 'It was warm.', choice2: 'It was cold.', question: 'cause', label: 0 },
      { context: 'The ice melted because', choices: ['  it was warm.', '  it was cold.'], answer: 0 },
    ],
    [
      'agieval_sat_en',
      { query: 'Read. Q: ? A: Among A through B, the answer is', choices: ['(A)x', '(B)y'], gold: [1] },
      { context: 'Read. Q: ? A: Among A through B, the answer is', choices: [' (A)x', ' (B)y'], answer: 1 },
    ],
    [
      'bigbench_conceptual_combinations_multiple_choice',
      {
        inputs: 'Q: ?\n  choice: a\n  choice: b\nA:',
        multiple_choice_targets: ['a', 'b'],
        multiple_choice_scores: [0, 1],
      },
      { context: 'Q: ?\n  choice: a\n  choice: b\nA:', choices: [' a', ' b'], answer: 1 },
    ],
  ];

  it.each(cases)('%s is asked as the harness asks it', (name, record, expected) => {
    const [item] = readHarnessTask(name, line(record), some);
    expect(item).toEqual({ id: `${name}-0`, task: name, suite: 'lm-evaluation-harness', ...expected });
    expect(readHarnessTask(name, `[${line(record)}]`, some)).toEqual([item]);
  });

  it('covers the nine tasks of the stable score', () => {
    expect([...harnessTasks].sort()).toEqual(textStableTasks.map(({ task }) => task).sort());
  });

  it('a record that is not the published one is an error with its place', () => {
    expect(() =>
      readHarnessTask('piqa', `${line({ goal: 'g', sol1: 'a', sol2: 'b', label: 1 })}\n${line({ goal: 'g' })}`, some),
    ).toThrow('piqa, record 2: expected "sol1" to be a string, got undefined');
    expect(() =>
      readHarnessTask('copa', line({ premise: 'p', choice1: 'a', choice2: 'b', question: 'cause', label: 7 }), some),
    ).toThrow(/copa, record 1: expected at least two choices and the right one/);
    expect(() => readHarnessTask('piqa', '{"goal": ')).toThrow(/piqa, line 1: expected JSON/);
    expect(() => readHarnessTask('toString', '')).toThrow(/expected one of agieval_sat_en/);
  });

  it('a set that is cut between lines is an error, not a smaller denominator', () => {
    const whole = Array.from({ length: 100 }, () =>
      line({ premise: 'It rained.', choice1: 'A', choice2: 'B', question: 'effect', label: 0 }),
    );
    expect(readHarnessTask('copa', whole.join('\n'))).toHaveLength(100);
    expect(() => readHarnessTask('copa', whole.slice(1).join('\n'))).toThrow(
      /copa: expected 100 questions, got 99; is the file whole/,
    );
    expect(() => readHarnessTask('pubmedqa', '')).toThrow(expect.objectContaining({ code: 'WRONG_COUNT' }));
  });

  it('one’s own JSON lines', () => {
    expect(readMultipleChoice('mine', '{"query": "1 + 1 =", "choices": ["2", "3"], "gold": 0}')).toEqual([
      { id: 'mine-0', task: 'mine', context: '1 + 1 =', choices: [' 2', ' 3'], answer: 0 },
    ]);
  });

  it('the stable score takes acc, and names what is missing', () => {
    const row = (task: string, acc: number): EvalRow =>
      ({ id: task, task, score: 1 - acc, scores: { acc } }) as unknown as EvalRow;
    const rows = textStableTasks.map(({ task }) => row(task, 1));
    const mean = textStableTasks.reduce((sum, { chance }) => sum + 1 - chance, 0) / 9;
    expect(textStableScore(rows, some).score).toBeCloseTo(mean, 12);
    expect(textStableScore(rows.slice(1), some)).toMatchObject({ missing: [textStableTasks[0]!.task] });
    expect(textStableScore(rows.slice(1), some).score).toBeUndefined();
  });

  it('the stable score and CORE take each their own of the tasks that both have', () => {
    const row = (task: string, suite: TextSuite, right: number): EvalRow =>
      ({ id: `${task}-0`, task, suite, score: right, scores: { acc: right } }) as unknown as EvalRow;
    const rows = [
      ...textStableTasks.map(({ task }) => row(task, 'lm-evaluation-harness', 1)),
      ...dclmCoreTasks.map((task) => row(task, 'dclm-core', 0)),
    ];
    const mean = textStableTasks.reduce((sum, { chance }) => sum + 1 - chance, 0) / 9;
    expect(textStableScore(rows, some).score).toBeCloseTo(mean, 12);
    expect(coreScore(rows, 'v2', some).core).toBeLessThan(0);
    const unmarked = rows.map(({ suite, ...rest }) => rest as EvalRow);
    for (const score of [() => textStableScore(unmarked, some), () => coreScore(unmarked, 'v2', some)])
      expect(score).toThrow(expect.objectContaining({ code: 'DUPLICATE_ID' }));
  });

  it('a row without acc, and a task with rows too few, are errors', () => {
    const row = { id: 'copa-0', task: 'copa', score: 1 } as EvalRow;
    expect(() => textStableScore([row], some)).toThrow(
      /expected scores\.acc in every row, got none in "copa-0" of copa/,
    );
    for (const score of [textStableScore, coreScore])
      expect(() => score([{ ...row, scores: { acc: 1 } }])).toThrow(
        /copa of .*: expected rows of 100 questions, got 1/,
      );
  });
});

/** Knows the right answers by heart, and says more if it may: a token is half of an answer. */
function oracle(right: Map<string, string>): EvalModel {
  return {
    generate: async (prompts, { maxNewTokens }) =>
      prompts.map(({ text }) => `${right.get(text) ?? '?'}${maxNewTokens > 2 ? ' and more' : ''}`),
    logLikelihood: async (requests) =>
      requests.map(({ prompt, continuation }) => ({
        logProb: right.get(prompt.text) === continuation ? -0.1 : -9,
        tokens: 2,
        bytes: Buffer.byteLength(continuation),
      })),
  };
}

describe('CORE', () => {
  it('is the 22 tasks, each with its settings', () => {
    expect(Object.keys(coreTasks)).toEqual(dclmCoreTasks);
  });

  it('examples stand before the question, with their answers, in the order drawn', () => {
    const text = Array.from({ length: 15 }, (_, i) =>
      line({ query: ` question ${i} `, choices: ['no', `yes ${i}`], gold: 1 }),
    ).join('\n');
    const items = readCoreTask('arc_easy', text) as { context: string; choices: string[] }[];
    const shown = fewShotIndices(15, 10, 0, new PythonRandom(1234));
    expect(items[0]!.context).toBe(
      `${shown.map((i) => `question ${i}\nAnswer: yes ${i}\n`).join('')}question 0\nAnswer:`,
    );
    expect(items[0]!.choices).toEqual([' no', ' yes 0']);
    expect(shown).not.toContain(0);
  });

  it('Jeopardy’s examples are of the question’s own category, and every category counts alike', async () => {
    const record = (category: string, i: number): string =>
      line({ context: `${category} ${i}`, continuation: `of ${category}`, category });
    // Categories take turns, one has more questions: 12 of history, 4 of science.
    const all = Array.from({ length: 12 }, (_, i) => [
      record('HISTORY', i),
      ...(i % 3 ? [] : [record('SCIENCE', i / 3)]),
    ]);
    const text = all.flat().join('\n');
    const items = readCoreTask('jeopardy', text) as LanguageItem[];
    for (const [category, count] of [
      ['HISTORY', 12],
      ['SCIENCE', 4],
    ] as const) {
      const random = new PythonRandom(1234);
      items
        .filter(({ type }) => type === category)
        .forEach(({ context }, i) => {
          const shown = fewShotIndices(count, 10, i, random).map((k) => `${category} ${k}\nAnswer: of ${category}\n`);
          expect(context).toBe(`${shown.join('')}${category} ${i}\nAnswer:`);
        });
    }
    const right = new Map(
      items.filter(({ type }) => type === 'SCIENCE').map((item) => [item.context, item.continuation]),
    );
    const rows = await runCoreTask('jeopardy', oracle(right), text);
    expect(rows.filter(({ score }) => score === 1)).toHaveLength(4);
    expect(coreScore(rows, 'v2', some).centred['jeopardy']).toBe(0.5);
    expect(() => readCoreTask('jeopardy', line({ context: 'a', continuation: 'b' }))).toThrow(
      /jeopardy, record 1: expected "category" to be a string/,
    );
  });

  it('asks choices by perplexity, schemas by context, language by greedy decoding', async () => {
    const choice = line({ query: 'Cool a drink', choices: ['ice', 'fire'], gold: 0 });
    const [piqa] = await runCoreTask('openbook_qa', oracle(new Map([['Cool a drink', ' ice']])), choice);
    expect(piqa).toMatchObject({ score: 1, output: ' ice', chance: 0.5 });

    const schema = line({
      context_options: ['Sarah was better so Sarah', 'Sarah was better so Maria'],
      continuation: 'won',
      gold: 1,
    });
    const [winogrande] = await runCoreTask(
      'winogrande',
      oracle(new Map([['Sarah was better so Maria', ' won']])),
      schema,
    );
    expect(winogrande).toMatchObject({
      score: 1,
      output: 'Sarah was better so Maria',
      expected: 'Sarah was better so Maria',
    });

    const language = `${line({ context: 'The capital of France is ', continuation: 'Paris' })}\n${line({ context: 'Of Italy', continuation: 'Rome' })}`;
    const rows = await runCoreTask(
      'lambada_openai',
      oracle(new Map([['The capital of France is', ' Paris']])),
      language,
    );
    expect(rows.map(({ score }) => score)).toEqual([1, 0]);
    const [item] = readCoreTask('lambada_openai', language) as LanguageItem[];
    expect(item).toMatchObject({ context: 'The capital of France is', continuation: ' Paris' });
  });

  it('a continuation is right if greedy decoding writes it and nothing else, whatever the batch', async () => {
    // Tokens of two letters: the model goes on with more than the continuation where it may.
    const says = new Map([
      ['Of France', ' Parisian'],
      ['Of Italy', ' Rome'],
      ['Of Spain', ' Madrid'],
    ]);
    const budgets: number[] = [];
    const model: EvalModel = {
      generate: async (prompts, { maxNewTokens }) => {
        budgets.push(maxNewTokens);
        return prompts.map(({ text }) => says.get(text)!.slice(0, 2 * maxNewTokens));
      },
      logLikelihood: async (requests) =>
        requests.map(({ continuation }) => ({ logProb: -1, tokens: Math.ceil(continuation.length / 2), bytes: 1 })),
    };
    const text = [
      { context: 'Of France', continuation: 'Paris' },
      { context: 'Of Italy', continuation: 'Rom' },
      { context: 'Of Spain', continuation: 'Madrid' },
      { context: 'Of Italy', continuation: 'Ro' },
    ]
      .map(line)
      .join('\n');
    const [together, apart] = [
      await runCoreTask('coqa', model, text),
      await runCoreTask('coqa', model, text, { batchSize: 1 }),
    ];
    expect(together).toEqual(apart);
    expect(together.map(({ output, score }) => [output, score])).toEqual([
      [' Paris', 1],
      [' Rom', 1],
      [' Madrid', 1],
      [' Rom', 0],
    ]);
    expect(Math.max(...budgets)).toBe(4);
  });

  it('per token decides otherwise than the sum', async () => {
    const model: EvalModel = {
      generate: async () => [],
      logLikelihood: async (requests) =>
        requests.map(({ continuation }) => ({
          logProb: continuation === ' long answer' ? -4 : -3,
          tokens: continuation === ' long answer' ? 4 : 1,
          bytes: 1,
        })),
    };
    const item = { id: 'a', task: 't', context: 'q', choices: [' long answer', ' short'], answer: 0 };
    const [byTokens] = await runMultipleChoice(model, [item], { decideBy: 'tokens' });
    expect(byTokens).toMatchObject({ score: 1, margin: 2, scores: { acc: 0, accNorm: 1, accPerToken: 1 } });
    const [bySum] = await runMultipleChoice(model, [item]);
    expect(bySum).toMatchObject({ score: 0, margin: -1 });
    const record = line({ query: 'q', choices: ['long answer', 'short'], gold: 0 });
    expect(await runCoreTask('openbook_qa', model, record)).toMatchObject([{ score: 1, scores: { acc: 0 } }]);
  });

  it('needs all of its tasks', () => {
    const rows = dclmCoreTasks.map((task) => ({ id: task, task, score: 1 }) as EvalRow);
    expect(coreScore(rows, 'v2', some).core).toBe(1);
    expect(coreScore(rows.slice(2), 'v2', some)).toMatchObject({ missingFromCore: dclmCoreTasks.slice(0, 2) });
    expect(coreScore(rows.slice(2), 'v2', some).core).toBeUndefined();
  });
});
