import type { EvalRow } from '@vlm/evals';
import { beforeAll, describe, expect, it } from 'vitest';
import { expandStudy } from '../graph.ts';
import { presets } from '../presets/index.ts';
import type { Arm, Recipe } from '../recipe.ts';
import { addSweeps } from '../sweeps/index.ts';
import { madeUpResults, type Skill } from '../testing/made-up-results.ts';
import {
  answerSentences,
  contextSentences,
  furtherSentences,
  headlineComparison,
  taskSentences,
  tasksOfHeadline,
} from './answer.ts';
import { armScores } from './arm-scores.ts';
import { estimateCaption, scoreOf, timingArms } from './arms-of-study.ts';
import { compareByTask, untold } from './compare-arms.ts';
import { controlSentences } from './controls.ts';
import { csvTables } from './csv-tables.ts';
import { limits } from './limits.ts';
import { renderHtml } from './render-html.ts';
import { renderMarkdown } from './render-markdown.ts';
import { drawFigures, reportDocument } from './report-document.ts';
import type { ArmScore, Comparison, StudyResults } from './results.ts';
import { repeatCommand } from './sections/repeat-section.ts';
import { sweepSections } from './sections/sweep-sections.ts';

const quick: Recipe = { ...presets['quick']!, seeds: [124, 7, 365, 1, 2] };
const swept = addSweeps(quick, ['timing', 'schedule', 'budget']);
const results = (skill: Skill, recipe: Recipe = addSweeps(quick, ['timing', 'schedule'])): StudyResults =>
  madeUpResults(recipe, skill);
let equal: StudyResults;
beforeAll(() => {
  equal = results(() => 0.5);
});
const sentences = (all: StudyResults): string => [...answerSentences(all), ...furtherSentences(all)].join(' ');
const controls = (all: StudyResults): string => controlSentences(headlineComparison(all), all.controls).join('\n');

const isEarly = ({ branchPoint }: Arm): boolean => branchPoint < 1;
const isContinued = ({ schedule }: Arm): boolean => schedule === 'continued';

describe('the answer', () => {
  it('says in words, with an interval and what would have been found, that arms cannot be told apart', () => {
    expect(sentences(equal)).toMatch(
      /cannot be told apart by the vision score here: [+−]?\d\.\d points, 95 % interval \[[+−]?\d+\.\d, [+−]?\d+\.\d\] over 5 seeds and 60 items; .* about \d+\.\d points/,
    );
  });

  it('names the earlier start where it is better, and the later where that is', () => {
    const early = sentences(results((arm) => (isEarly(arm) ? 0.8 : 0.3)));
    expect(early).toMatch(/first saw images at 80 % of the text run scored \d\d\.\d points more .* after it/);
    expect(early).toMatch(/Of 5 earlier branch points.*branch-0 .*branch-80 .*differ from 100 %/);
    const late = sentences(results((arm) => (isEarly(arm) ? 0.3 : 0.8)));
    expect(late).toMatch(
      /first saw images after the text run scored \d\d\.\d points more .* at 80 % of it \(95 % interval \[\+\d\d\.\d, \+\d\d\.\d\]/,
    );
  });

  it('speaks of all branch points where no sweep asks for them, and of none where there is one', () => {
    const controlsAlone = results((arm) => (isEarly(arm) ? 0.8 : 0.3), addSweeps(quick, ['schedule']));
    expect(sentences(controlsAlone)).toMatch(/Of 5 earlier branch points.*branch-0 .*differ from 100 %/);
    const compared = controlsAlone.comparisons.filter(({ family }) => family === 'recipe');
    expect(new Set(compared.map(({ a, b }) => `${a} : ${b}`))).toEqual(
      new Set([0, 20, 40, 60, 80].map((point) => `branch-${point} : branch-100`)),
    );
  });

  it('has one arm for each branch point, whatever names a sweep gives it', () => {
    const all = results(() => 0.5, addSweeps(quick, ['timing', 'captions']));
    expect(timingArms(all).map(({ id }) => id)).toEqual(quick.arms.map(({ id }) => id));
  });

  it('waits for the arms that give it', () => {
    const arms = quick.arms.filter(({ branchPoint }) => branchPoint < 1);
    const all = results(() => 0.5, { ...quick, arms });
    expect(sentences({ ...all, missing: ['evaluate/branch-100/seed-124'] })).toMatch(/not both evaluated yet/);
  });

  it('is not given where there is no two-phase arm', () => {
    const arms = quick.arms.filter(({ branchPoint }) => branchPoint < 1);
    expect(sentences(results(() => 0.5, { ...quick, arms }))).toMatch(/does not answer the question/);
  });
});

describe('the tasks', () => {
  let one: StudyResults;
  beforeAll(() => {
    one = results((arm) => (isEarly(arm) ? 0.3 : 0.8));
  });
  const page = async (all: StudyResults): Promise<string> =>
    renderMarkdown(reportDocument(all, await drawFigures(all)));
  const comparison = (measure: string, points: number, pValue: number): Comparison => ({
    ...headlineComparison(one)!,
    family: 'tasks',
    measure,
    difference: points / 100,
    low: points / 100 - 0.02,
    high: points / 100 + 0.02,
    pValue,
    verdict: pValue < 0.05 ? 'branch-100 is better' : 'cannot be told apart',
  });

  it('say where the difference comes from, and whether it holds by the paper’s own', async () => {
    const byTask = [
      comparison('open-vqa', -3, 0.2),
      comparison('grounding', 5, 0.3),
      comparison('captioning', -15, 0.01),
      comparison('relations', 1, 1),
      comparison('vision score, seen', -2, 0.1),
      comparison('six-task score, seen', 1, 0.4),
      comparison('captioning, seen', -14, 0.01),
    ];
    const six = { ...comparison('six-task score', 2, 0.06), family: 'headline' as const, items: 99 };
    const comparisons = one.comparisons.map((row) =>
      row.family === 'headline' && row.measure === six.measure ? six : row,
    );
    const all = { ...one, byTask, comparisons };
    expect(sentences(all)).toMatch(
      /the paper’s own six tasks, of which 3 were asked, the two cannot be told apart: branch-80 less branch-100 is \+2\.0 points \[0\.0, \+4\.0\], of which \+1\.0 \[−1\.0, \+3\.0\] is what the item’s own picture gives\./,
    );
    const said = taskSentences(all).join('\n');
    expect(said).toMatch(/mean over open-vqa, existence, grounding and captioning of score less chance/);
    expect(said).toMatch(
      /Told apart by single tasks, corrected for their number: captioning −15\.0 \[−17\.0, −13\.0\], of it seen −14\.0 \[−16\.0, −12\.0\]\./,
    );
    expect(said).toMatch(/of the vision score’s difference, .*, that is −2\.0 \[−4\.0, 0\.0\]/);
    expect(said).toMatch(/The largest part .* is that of captioning, which counts a third\./);
    const text = await page(all);
    expect(text).toContain('### Does it hold by task?');
    expect(text).toMatch(/\| six-task score 5 × 99 \| \+2\.0 .* \| \+1\.0 .* \|\n/);
    expect(text).toMatch(/\| grounding 5 × 60 \| \+5\.0 .* \| – \| – \| – \|/);
  });

  it('are corrected for their number, and the means for none', () => {
    const rows = (arm: string): EvalRow[] =>
      ['open-vqa', 'grounding', 'relations'].flatMap((task) =>
        ['image', 'wrong-image'].flatMap((condition) =>
          Array.from({ length: 20 }, (_, i) => ({
            id: `${task}-${i}`,
            task,
            split: 'new-scene',
            type: 'all',
            condition: condition as EvalRow['condition'],
            prompt: '?',
            output: '',
            expected: '',
            score: Number((i * 7 + arm.length + task.length) % 3 === 0),
          })),
        ),
      );
    const pair = ['branch-80', 'branch-100'];
    const rowsOf = new Map(pair.map((arm) => [arm, new Map([[7, rows(arm)]])]));
    const arms = quick.arms.filter(({ id }) => pair.includes(id));
    const found = compareByTask({ ...quick, arms, evaluate: { ...quick.evaluate, bootstrapSamples: 100 } }, rowsOf);
    const corrected = Object.fromEntries(found.map(({ measure, correctedFor }) => [measure, correctedFor]));
    expect(corrected).toEqual({
      'open-vqa': 3,
      grounding: 3,
      relations: 3,
      'vision score, seen': 1,
      'six-task score, seen': 1,
      'open-vqa, seen': 3,
      'grounding, seen': 3,
      'relations, seen': 3,
    });
  });

  it('are left out where only one is there, and the paper’s score where it is the same', async () => {
    expect(tasksOfHeadline(one).map(({ measure }) => measure)).toEqual(['open-vqa']);
    expect(await page(one)).not.toContain('Does it hold by task?');
    expect(sentences(one)).not.toContain('paper’s own six');
  });
});

describe('verdicts that are corrected', () => {
  it('say so where the interval beside them is clear of zero', () => {
    const row = { ...headlineComparison(equal)!, low: -0.096, high: -0.002, pValue: 0.092, correctedFor: 2 };
    expect(untold(row)).toBe('cannot be told apart as one of 2 questions (p = 0.092)');
    expect(untold({ ...row, high: 0.01 })).toBe('cannot be told apart');
  });

  it('are said of the headline too, where it is told alone and not among the branch points', () => {
    const told = results((arm) => (isEarly(arm) ? 0.3 : 0.8));
    const comparisons = told.comparisons.map((row) =>
      row.family === 'timing' && row.a === 'branch-80' && row.measure === 'vision score'
        ? { ...row, pValue: 0.08, correctedFor: 5, verdict: 'cannot be told apart' }
        : row,
    );
    expect(sentences({ ...told, comparisons })).toMatch(
      /the difference of branch-80, asked beforehand as the one question, cannot be told apart as one of 5 questions \(p = 0\.080\)/,
    );
    expect(sentences(told)).not.toContain('asked beforehand');
  });

  it('come with the p of one comparison alone, in the table for machines', () => {
    const [head, first] = csvTables(equal)
      ['comparisons.csv']!.split('\n')
      .map((line) => line.split(','));
    expect(head!.slice(7, 10)).toEqual(['pAdjusted', 'pAlone', 'correctedFor']);
    expect(first!.slice(7, 10).map(Number).every(Number.isFinite)).toBe(true);
    expect(equal.comparisons.find(({ family }) => family === 'timing')!.correctedFor).toBe(5);
  });
});

describe('the controls', () => {
  it('find that the learning rate explains a difference that goes with the rate', () => {
    const all = results((arm) => (isContinued(arm) ? 0.8 : 0.3));
    expect(controls(all)).toMatch(/The learning rate is enough to explain the difference/);
  });

  it('find that it does not where the difference goes with the branch point', () => {
    const all = results((arm) => (arm.imageShare === 0 ? 0.2 : isEarly(arm) ? 0.8 : 0.3), swept);
    expect(controls(all)).toMatch(/No: the difference stands where both arms warm up again/);
    expect(controls(all)).toMatch(/Without images in phase 2 the two branch points cannot be told apart/);
    expect(controls(all)).toMatch(/images add differs between the branch points by \+[345]\d\.\d points/);
    expect(controls(all)).toMatch(/same number of image tokens for all: budget-0-share-21.25 less budget-100-share-85/);
    expect(controls(all)).toMatch(
      /At one lower share, with as many image tokens: (budget-(0|40|80)-share-21.25 less budget-100-share-21.25: .*){3}(budget-(0|40|80)-share-42.5 less budget-100-share-42.5: .*){3}/,
    );
    const budgets = all.controls.filter(({ a, measure }) => a.startsWith('budget-') && measure === 'vision score');
    expect(budgets.map(({ correctedFor }) => correctedFor)).toEqual(Array(12).fill(6));
  });

  it('say so where the rate hides a difference, or turns it round', () => {
    const row = (a: string, b: string, difference: number, isClear: boolean): Comparison => ({
      family: 'controls',
      a,
      b,
      measure: 'vision score',
      difference,
      low: difference - 0.01,
      high: difference + 0.01,
      pValue: 0.01,
      pAlone: 0.01,
      correctedFor: 1,
      smallestShown: 0.02,
      seeds: 5,
      items: 60,
      verdict: isClear ? `${difference > 0 ? a : b} is better` : 'cannot be told apart',
    });
    const verdict = (headline: Comparison): string =>
      controlSentences(headline, [
        row('rewarm-80-x1', 'rewarm-100-x1', 0.04, true),
        row('branch-80', 'rewarm-80-x1', -0.05, true),
      ])[0]!;
    expect(verdict(row('branch-80', 'branch-100', 0, false))).toMatch(
      /It hides a difference: .* rewarm-80-x1 is better/,
    );
    expect(verdict(row('branch-80', 'branch-100', -0.03, true))).toMatch(
      /It turns the order round: .* rewarm-80-x1 is/,
    );
    expect(verdict(row('branch-80', 'branch-100', 0.03, true))).toMatch(/No: the difference stands/);
  });

  it('see a difference that needs no images', () => {
    const all = results((arm) => (isEarly(arm) ? 0.8 : 0.3));
    expect(controls(all)).toMatch(/The twins differ without a single image.* branch point and learning rate do is not/);
    expect(controls(all)).toMatch(/at one re-warmed rate\? The twins differ .* the branch point does is not/);
  });

  it('do not count the models of the answer twice', () => {
    const headline = headlineComparison(results((arm) => (isEarly(arm) ? 0.3 : 0.8)))!;
    const again = { ...headline, a: 'budget-80-share-85', b: 'budget-100-share-85' };
    const other = { ...again, a: 'budget-40-share-85', difference: -0.1 };
    expect(controlSentences(headline, [again, other]).join()).toMatch(
      /less budget-100-share-85: [^;]* \(the same models as in the answer\); budget-40-share-85 less [^;()]*\.$/,
    );
  });

  it('explain nothing where there is nothing', () => {
    expect(controls(equal)).toMatch(/There is no difference to explain/);
  });

  it('say nothing of sweeps that were not run', () => {
    expect(controls(results(() => 0.5, addSweeps(quick, ['timing'])))).toBe('');
  });
});

describe('arms that a recipe picks by hand', () => {
  const peak = quick.branch.rewarmPeak;
  const pair = [0.8, 1].map(
    (branchPoint): Arm => ({ id: `rewarm-${100 * branchPoint}-x1`, branchPoint, schedule: 'rewarm', lrPeak: peak }),
  );
  const picked = results((arm) => (isContinued(arm) ? 0.8 : 0.3), { ...quick, arms: [...quick.arms, ...pair] });

  it('answer by the branch points alone, with a control where the pair is there', () => {
    expect(timingArms(picked).map(({ id }) => id)).toEqual(quick.arms.map(({ id }) => id));
    expect(sentences(picked)).toMatch(/Of 5 earlier branch points/);
    expect(controls(picked)).toMatch(/The learning rate is enough to explain the difference/);
    expect(limits(picked).join(' ')).toMatch(/re-warmed to one rate take them apart at 80 and 100 %/);
  });

  it('say nothing twice of the one branch point that the answer is about', () => {
    const two = quick.arms.filter(({ branchPoint }) => branchPoint === 0.8 || branchPoint === 1);
    const all = results((arm) => (isContinued(arm) ? 0.8 : 0.3), { ...quick, arms: two });
    expect(sentences(all)).toMatch(/first saw images at 80 % of/);
    expect(sentences(all)).not.toMatch(/earlier branch point/);
  });

  it('have the control by the 100 % arm of the line where it has no second name', () => {
    const one = results((arm) => (isContinued(arm) ? 0.8 : 0.3), { ...quick, arms: [...quick.arms, pair[0]!] });
    expect(one.controls.map(({ a, b }) => `${a} ${b}`)).toContain('rewarm-80-x1 branch-100');
    expect(controls(one)).toMatch(/The learning rate is enough to explain the difference/);
    expect(limits(one).join(' ')).toMatch(/re-warmed to one rate take them apart at 80 and 100 %/);
  });

  it('are all on one line where each changes something more', () => {
    const arms = quick.arms.map((arm) => ({ ...arm, imageShare: 0.3 }));
    expect(timingArms(results(() => 0.5, { ...quick, arms }))).toHaveLength(6);
  });
});

describe('what else to know', () => {
  const context = (all: StudyResults): string => contextSentences(all).join('\n');

  it('says what arms score with the picture and without, and how often the intervals lie apart', () => {
    expect(context(equal)).toMatch(
      /Do they see\? On open questions about new scenes every arm scored more with the picture \(\d\d\.\d to \d\d\.\d %\) .*; the intervals lie apart in (every arm|\d+ of \d+ arms)\./,
    );
  });

  it('tells arms below chance from arms at chance', () => {
    const existence = (low: number, high: number): ArmScore => ({
      ...scoreOf(equal.arms[0]!, { task: 'open-vqa', condition: 'image' })!,
      task: 'existence',
      value: (low + high) / 2,
      low,
      high,
    });
    const arms = (scores: ArmScore[]): StudyResults => ({
      ...equal,
      arms: scores.map((score, i) => ({ ...equal.arms[i]!, scores: [...equal.arms[i]!.scores, score] })),
    });
    expect(context(arms([existence(0.46, 0.54), existence(0.41, 0.49)]))).toMatch(
      /45\.0 to 50\.0 %; by their intervals 0 of 2 arms stand above chance \(50 %\) and 1 below; of twenty/,
    );
    expect(context(arms([existence(0.6, 0.7)]))).toMatch(/above chance \(50 %\) in every arm/);
  });
});

describe('scores over seeds', () => {
  it('have no mean where a seed has no value', () => {
    const score = equal.models[0]!.scores[0]!;
    const [chance, odd] = [
      { ...score, condition: 'chance' as const },
      { ...score, metric: 'share-of-yes' },
    ];
    const given = [[chance, odd], [chance]];
    for (const perSeed of [given, given.toReversed()]) {
      const scores = armScores([[], []], perSeed, { seed: 1, resamples: 100 });
      expect(scores.map(({ condition, value }) => [condition, value])).toEqual([['chance', score.value]]);
    }
  });
});

describe('what cannot be concluded', () => {
  it('counts the seeds that were evaluated, not those that are to come', () => {
    const first = { ...equal, arms: equal.arms.map((arm) => ({ ...arm, seeds: [124] })), missing: ['report'] };
    expect(limits(first).join(' ')).toMatch(/Nothing about the order of arms from one seed alone/);
    expect(limits(equal).join(' ')).toMatch(/5 seeds say little/);
    expect(limits(equal).join(' ')).toMatch(/all 5 seeds look through one, trained once/);
    expect(limits(first).join(' ')).not.toMatch(/look through one/);
  });

  it('stands in the answer itself where there is one seed', () => {
    const first = results(() => 0.5, addSweeps({ ...quick, seeds: [7] }, ['timing', 'schedule']));
    expect(sentences(first)).toMatch(/over one seed and 60 items.* With one seed these intervals vary the items alone/);
    expect(controls(first)).toMatch(/Another seed may say otherwise/);
    expect(estimateCaption(first)).not.toMatch(/over seeds/);
    expect(sentences(equal)).not.toMatch(/With one seed/);
    expect(controls(equal)).not.toMatch(/Another seed/);
    expect(estimateCaption(equal)).toMatch(/over seeds and items/);
  });
});

describe('an arm over its seeds', () => {
  it('has an interval that knows that seeds differ', () => {
    const steady = results(() => 0.5, quick);
    const unsteady = results((_, seed) => (seed === 7 ? 0.1 : 0.8), quick);
    const width = ({ arms }: StudyResults): number => {
      const row = arms[0]!.scores.find(({ task, condition }) => task === 'vision score' && condition === 'image')!;
      expect(row.value).toBeCloseTo(row.perSeed.reduce((a, b) => a + b) / 5, 12);
      return row.high - row.low;
    };
    expect(width(unsteady)).toBeGreaterThan(2 * width(steady));
  });
});

describe('the report', () => {
  let page: string;
  let markdown: string;
  let all: StudyResults;
  beforeAll(async () => {
    all = equal;
    const report = reportDocument(all, await drawFigures(all));
    page = renderHtml(report);
    markdown = renderMarkdown(report);
  });

  it('needs nothing beside it', () => {
    expect(page.match(/<(?:script|link rel="stylesheet")|src="(?!data:)|@import|url\(/g)).toBeNull();
  });

  it('lets no answer of a model become markup, in either form', () => {
    expect(page.includes('&lt;script&gt;alert(1)&lt;/script&gt;')).toBe(true);
    expect(markdown.includes('&lt;script>alert(1)&lt;/script>')).toBe(true);
    expect(markdown.includes('a \\| pipe')).toBe(true);
    for (const text of [page, markdown]) expect(text.includes('<script>')).toBe(false);
  });

  it('has every link of its contents, unique ids and headings in steps of one', () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
    const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
    expect(levels[0]).toBe(1);
    levels.forEach((level, i) => {
      if (i > 0) expect(level - levels[i - 1]!).toBeLessThanOrEqual(1);
    });
  });

  it('gives the numbers of every figure as a table too', () => {
    expect(page.match(/<figure /g)!.length).toBe(page.match(/Numbers of this figure/g)!.length);
  });

  it('says how to do it again with one command', () => {
    expect(repeatCommand(expandStudy(addSweeps(presets['quick']!, ['timing', 'ratio'])).recipe)).toBe(
      'npx staged-vlm study run quick --sweep timing,ratio',
    );
    expect(repeatCommand({ ...quick, name: 'mine' })).toBe('npx staged-vlm study run recipe.json');
  });

  it('says the six largest of the differences that a sweep tells apart, a sentence for each measure', () => {
    const [row] = equal.comparisons.filter(({ family, measure }) => family === 'timing' && measure === 'vision score');
    const told = Array.from({ length: 7 }, (_, i) => ({
      ...row!,
      a: `arm-${i}`,
      difference: (i % 2 ? 1 : -1) * (i + 1) * 0.01,
      verdict: `arm-${i} is better`,
    }));
    const [section] = sweepSections({ ...equal, comparisons: told }, new Map());
    const [, lead, list] = section!.blocks;
    const text = (lead as { text: string }).text;
    expect(text).toMatch(
      /^By the vision score, 7 of 7 comparisons are told apart, the 6 largest: arm-6 .*; arm-5 .*arm-1 /,
    );
    expect(text).not.toContain('arm-0');
    expect(list!.kind).not.toBe('list');
  });

  it('is the same text from the same results', async () => {
    const report = reportDocument(all, await drawFigures(all));
    expect(renderHtml(report) === page).toBe(true);
    expect(renderMarkdown(report) === markdown).toBe(true);
  });

  it('stands as tables with one width', () => {
    for (const [name, text] of Object.entries(csvTables(all))) {
      const widths = new Set(
        text
          .trimEnd()
          .split('\n')
          .map((line) => line.replace(/"(?:[^"]|"")*"/g, '').split(',').length),
      );
      expect(widths.size, name).toBe(1);
    }
  });
});
