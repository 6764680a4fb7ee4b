import { hasMainRun, usedCheckpoints } from '../../graph.ts';
import { mainSteps, type Recipe } from '../../recipe.ts';
import { sweeps } from '../../sweeps/index.ts';
import type { Cell, Section } from '../document.ts';
import { count, percent } from '../format-numbers.ts';
import type { StudyResults } from '../results.ts';

/** What was compared: the arms, and what they share. */
export function designSection(results: StudyResults): Section {
  const { recipe, plan } = results;
  const parameters = results.models.find((model) => model.parameters)?.parameters;
  const sweepsOf = (id: string): string =>
    (recipe.sweeps ?? []).filter((name) => sweeps[name].arms(recipe).some((arm) => arm.id === id)).join(', ');
  const rows = recipe.arms.map((arm): Cell[] => [
    arm.id,
    sweepsOf(arm.id) || 'recipe',
    percent(arm.branchPoint),
    arm.schedule === 'rewarm'
      ? `re-warmed to ${Number((arm.lrPeak ?? recipe.branch.rewarmPeak).toPrecision(3))}`
      : 'continued',
    percent(arm.imageShare ?? recipe.branch.imageShare, 1),
    count(arm.tokens ?? recipe.branch.tokens),
    otherChanges(arm),
  ]);
  return {
    id: 'design',
    title: 'What was compared',
    blocks: [
      {
        kind: 'paragraph',
        text: `${starts(recipe)}${parameters ? `, a model of ${count(parameters)} parameters` : ''}. Each arm leaves it at its branch point, learns image-caption pairs mixed with text, and is fine-tuned on the same conversations. ${recipe.seeds.length === 1 ? 'Seed' : 'Seeds'} ${recipe.seeds.join(', ')}; every model is asked with each item’s picture, without it, and with another item’s.`,
      },
      {
        kind: 'paragraph',
        text: `Arms share what they have in common: ${plan.all.phases} phases in place of the ${plan.naive.phases} that every model trained by itself would take, ${count(plan.all.trainingTokens)} training tokens in place of ${count(plan.naive.trainingTokens)}.`,
      },
      {
        kind: 'details',
        summary: `The ${recipe.arms.length} arms`,
        blocks: [
          {
            kind: 'table',
            caption: 'Arms and what they vary',
            head: [
              'arm',
              'asked for by',
              'images enter at',
              'learning rate in phase 2',
              'image share (tokens)',
              'tokens in phase 2',
              'other changes',
            ],
            rows,
          },
        ],
      },
    ],
  };
}

function starts(recipe: Recipe): string {
  if (hasMainRun(recipe))
    return `One text run of ${count(recipe.main.tokens)} tokens a seed (${mainSteps(recipe)} steps)`;
  return `A text run that somebody else made and published, at ${usedCheckpoints(recipe).length} of its checkpoints`;
}

function otherChanges(arm: StudyResults['recipe']['arms'][number]): string {
  const { id: _, branchPoint: _b, schedule: _s, lrPeak: _l, imageShare: _i, tokens: _t, ...rest } = arm;
  return Object.keys(rest).length === 0 ? '' : JSON.stringify(rest);
}
