import { scoreOf, timingArms, trainedArms } from '../arms-of-study.ts';
import type { Block, Cell, Figure, SampleCard, Section, TableBlock } from '../document.ts';
import { estimateCell } from '../format-numbers.ts';
import type { SampleAnswer, StudyResults } from '../results.ts';

/** Where the points come from: types of question, and answers side by side. */
export function pointsSection(results: StudyResults, figures: readonly Figure[]): Section {
  return {
    id: 'points',
    title: 'Where the points come from',
    blocks: [
      ...figures.map((figure): Block => ({ kind: 'figure', figure })),
      { kind: 'details', summary: 'Every arm by type of question', blocks: typeTables(results) },
    ],
    sections: [
      {
        id: 'samples',
        title: 'Answers side by side',
        blocks: [
          { kind: 'paragraph', text: 'Items drawn by the recipe’s seed, not chosen. ✓ scores at least half, ✗ less.' },
          { kind: 'samples', samples: results.samples.map((sample) => sampleCard(results, sample)) },
        ],
      },
    ],
  };
}

function typeTables(results: StudyResults): Block[] {
  const arms = trainedArms(results);
  const rows = arms.flatMap(({ scores }) =>
    scores.filter(
      (row) => row.suite === 'vision' && row.split === 'new-scene' && row.type !== 'all' && row.condition === 'image',
    ),
  );
  return [...new Set(rows.map(({ task }) => task))].map((task): TableBlock => {
    const types = [...new Set(rows.filter((row) => row.task === task).map(({ type }) => type))];
    return {
      kind: 'table',
      caption: `${task} by type, new scenes, with the item’s own picture`,
      head: ['arm', ...types],
      rows: arms.map((arm): Cell[] => [
        arm.id,
        ...types.map((type) => estimateCell(scoreOf(arm, { task, condition: 'image', type }))),
      ]),
    };
  });
}

function sampleCard(results: StudyResults, sample: SampleAnswer): SampleCard {
  const onLine = new Set(timingArms(results).map(({ id }) => id));
  const shown = results.recipe.arms.map(({ id }) => id).filter((id) => onLine.has(id));
  const others = results.recipe.arms.map(({ id }) => id).filter((id) => !onLine.has(id));
  return {
    id: sample.itemId,
    question: sample.question,
    expected: sample.expected,
    about: [sample.task, sample.type, sample.split].join(', '),
    image: sample.image,
    answers: answerTable(results, sample, shown),
    ...(others.length > 0 ? { further: answerTable(results, sample, others) } : {}),
  };
}

function answerTable({ recipe }: StudyResults, sample: SampleAnswer, arms: readonly string[]): TableBlock {
  const seeds = recipe.seeds.filter((seed) => sample.answers.some((answer) => answer.seed === seed));
  const cell = (arm: string, seed: number): Cell => {
    const answer = sample.answers.find((candidate) => candidate.arm === arm && candidate.seed === seed);
    if (!answer) return '–';
    const isRight = answer.score >= 0.5;
    return { text: `${isRight ? '✓' : '✗'} ${answer.output || '(nothing)'}`, tone: isRight ? 'right' : 'wrong' };
  };
  return {
    kind: 'table',
    caption: `Answers to item ${sample.itemId}`,
    head: ['arm', ...seeds.map((seed) => (seeds.length > 1 ? `seed ${seed}` : 'answer'))],
    rows: arms.map((arm): Cell[] => [arm, ...seeds.map((seed) => cell(arm, seed))]),
  };
}
