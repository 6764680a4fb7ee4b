import { learningRate, type Schedule } from '@vlm/trainer';
import { mainSchedule } from '../phases/main.ts';
import { presets } from '../presets/index.ts';
import { type Arm, mainSteps, type Recipe, stepAt, tokensOfUpdate } from '../recipe.ts';
import { percentText } from '../sweeps/sweep.ts';
import { timingArms } from './arms-of-study.ts';
import type { Cell, Figure, LegendEntry } from './document.ts';
import { percent } from './format-numbers.ts';
import { drawLineFigure, type LinePanel } from './line-figure.ts';
import { ink, seriesStyle } from './palette.ts';
import type { CurvePoint, ModelResult, StudyResults } from './results.ts';

const mainEntry: LegendEntry = { label: 'text run', colour: ink('slate') };
const schedulePoints = 80;
/** The paper's branches are a 150th of its text run; drawn to scale nobody would see them. */
const paperStretch = 10;

/** Learning rates of the text run and of all branches, beside the paper's own (its Fig. 3, from the rates in its run names). */
export function scheduleFigure(results: StudyResults): Promise<Figure> {
  const { recipe } = results;
  const paper = presets['paper-1b']!;
  const arms = distinctSchedules(recipe);
  const named = arms.map((arm): [string, Arm] => [scheduleName(arm, recipe), arm]);
  const drawn = named.filter(([, { tokens }]) => tokens === undefined || tokens === recipe.branch.tokens);
  const legend = [mainEntry, ...drawn.map(([label], i) => ({ label, ...seriesStyle(i, drawn.length) }))];
  const paperArms = drawn.filter(([, arm]) => paper.arms.some(({ id }) => id === arm.id));
  return drawLineFigure({
    id: 'schedules',
    title: 'Learning rates of the text run and of every branch (the paper’s Fig. 3)',
    caption: `Continued branches start at the text run’s rate and warm up no more; re-warmed ones climb to a peak of their own. Left: this study, ${mainSteps(recipe)} steps of text. Right: the paper’s 1.4B model, its branches drawn ${paperStretch} times as long as they are. Branches of another length stand in the table alone.`,
    legend,
    panels: [
      schedulePanel('This study', recipe, drawn, 1),
      schedulePanel('The paper (1.4B)', paper, paperArms, paperStretch),
    ],
    data: {
      kind: 'table',
      caption: 'Learning rates of the branches',
      head: ['branch', 'starts at', 'peak', 'ends at', 'paper, 1.4B: starts at'],
      rows: named.map(([label, arm]): Cell[] => {
        const rates = branchRates(recipe, arm);
        const own = paperArms.some(([name]) => name === label) ? branchRates(paper, arm) : undefined;
        return [label, shown(rates[0]!), shown(Math.max(...rates)), shown(rates.at(-1)!), own ? shown(own[0]!) : '–'];
      }),
    },
  });
}

const shown = (rate: number): string => rate.toExponential(2);

/** One arm for each schedule; how many images an arm reads does not matter here. */
function distinctSchedules(recipe: Recipe): Arm[] {
  const arms = new Map<string, Arm>();
  for (const arm of recipe.arms) {
    if (arm.changes?.main || arm.changes?.model || changesRate(arm)) continue;
    const name = scheduleName(arm, recipe);
    if (!arms.has(name)) arms.set(name, arm);
  }
  return [...arms.values()].sort((a, b) => a.branchPoint - b.branchPoint);
}

function changesRate({ changes }: Arm): boolean {
  const { encoder: _, encoderLrScale: _scale, ...rest } = changes?.branch ?? {};
  return Object.keys(rest).length > 0;
}

function scheduleName({ branchPoint, schedule, lrPeak, tokens }: Arm, { branch }: Recipe): string {
  const peak = lrPeak ?? branch.rewarmPeak;
  const rate = schedule === 'continued' ? 'continued' : `re-warmed to ${Number(peak.toPrecision(3))}`;
  const length =
    tokens && tokens !== branch.tokens ? `, ${Number((tokens / branch.tokens).toFixed(2))} times as long` : '';
  return `${percentText(branchPoint)}, ${rate}${length}`;
}

function branchRates(recipe: Recipe, arm: Arm, points = schedulePoints): number[] {
  const { branch, main, model } = recipe;
  const steps = Math.ceil((arm.tokens ?? branch.tokens) / tokensOfUpdate(branch, model));
  const { lrMin, rewarmSteps } = branch;
  const schedule: Schedule =
    arm.schedule === 'rewarm'
      ? { kind: 'cosine', lrPeak: arm.lrPeak ?? branch.rewarmPeak, lrMin, warmupSteps: rewarmSteps, totalSteps: steps }
      : {
          kind: 'continued',
          from: mainSchedule(main, mainSteps(recipe)),
          atStep: stepAt(recipe, arm.branchPoint),
          lrMin,
          totalSteps: steps,
        };
  return Array.from({ length: points }, (_, i) => learningRate(schedule, Math.round((i / (points - 1)) * (steps - 1))));
}

function schedulePanel(
  title: string,
  recipe: Recipe,
  arms: readonly (readonly [string, Arm])[],
  stretch: number,
): LinePanel {
  const steps = mainSteps(recipe);
  const main = mainSchedule(recipe.main, steps);
  const text = Array.from({ length: schedulePoints }, (_, i) => {
    const x = i / (schedulePoints - 1);
    return { x, y: learningRate(main, Math.round(x * (steps - 1))), series: mainEntry.label };
  });
  const branches = arms.flatMap(([label, arm]) => {
    const length = (stretch * (arm.tokens ?? recipe.branch.tokens)) / recipe.main.tokens;
    return branchRates(recipe, arm).map((y, i) => ({
      x: arm.branchPoint + (i / (schedulePoints - 1)) * length,
      y,
      series: label,
    }));
  });
  return { title, xTitle: 'length of the text run', xFormat: '.0%', yFormat: '~e', points: [...text, ...branches] };
}

/** Losses of the three phases, of the arms over the branch point at the study's first seed that was evaluated. */
export function lossFigure(results: StudyResults): Promise<Figure> {
  const trained = results.models.filter(({ arm }) => arm !== undefined);
  const seed = results.recipe.seeds.find((one) => trained.some((model) => model.seed === one));
  const line = new Set(timingArms(results).map(({ id }) => id));
  const models = trained.filter((model) => model.seed === seed && line.has(model.arm!.id));
  const legend = [
    mainEntry,
    ...models.map((model, i) => ({ label: armName(model), ...seriesStyle(i, models.length) })),
  ];
  const points = (series: string, curve: readonly CurvePoint[] = []) =>
    curve.map(({ tokens, loss }) => ({ x: tokens, y: loss, series }));
  const panel = (title: string, all: LinePanel['points']): LinePanel => ({
    title,
    xTitle: 'tokens of the phase',
    xFormat: '~s',
    yFormat: '.2~f',
    points: all,
  });
  return drawLineFigure({
    id: 'losses',
    title: 'Training loss in the three phases',
    caption: `Nats per token that carries loss, a running mean over a fiftieth of the phase; seed ${seed}. Phases are over different data and cannot be compared.`,
    legend,
    panels: [
      panel('1 · text', points(mainEntry.label, results.mainCurves.find((curve) => curve.seed === seed)?.points)),
      panel(
        '2 · image-text',
        models.flatMap((model) => points(armName(model), model.curves.branch)),
      ),
      panel(
        '3 · fine-tuning',
        models.flatMap((model) => points(armName(model), model.curves.finetune)),
      ),
    ],
    data: {
      kind: 'table',
      caption: 'Loss at the end of phases 2 and 3, of every arm and seed',
      head: ['arm and seed', 'images enter at', 'phase 2', 'phase 3'],
      rows: results.models.flatMap((model): Cell[][] =>
        model.arm
          ? [[model.id, percent(model.arm.branchPoint), lastLoss(model.curves.branch), lastLoss(model.curves.finetune)]]
          : [],
      ),
    },
  });
}

const armName = ({ arm }: ModelResult): string => arm!.id;

const lastLoss = (curve: readonly CurvePoint[] | undefined): string => curve?.at(-1)?.loss.toFixed(3) ?? '–';
