import type { Block, Cell, Figure, Section } from '../document.ts';
import { grouped, percent } from '../format-numbers.ts';
import type { StudyResults } from '../results.ts';

/** Schedules, losses and the account of every token. */
export function trainingSection(results: StudyResults, figures: readonly Figure[]): Section {
  const rows = results.models.flatMap((model) =>
    model.accounts.map((account): Cell[] => [
      model.id,
      account.phase,
      account.source,
      percent(account.plannedShare, 2),
      grouped(account.plannedTokens),
      grouped(account.deliveredTokens),
      grouped(account.truncatedTokens),
      grouped(account.paddingTokens),
    ]),
  );
  const worst = Math.max(
    0,
    ...results.models.flatMap(({ accounts }) =>
      accounts.map(({ plannedTokens, deliveredTokens }) => Math.abs(plannedTokens - deliveredTokens)),
    ),
  );
  return {
    id: 'training',
    title: 'Training',
    blocks: [
      ...figures.map((figure): Block => ({ kind: 'figure', figure })),
      {
        kind: 'paragraph',
        text: `Every token is accounted for: no source of any model is further than ${grouped(worst)} tokens (about one item) from its planned share.`,
      },
      {
        kind: 'details',
        summary: 'Tokens planned and delivered, by model, phase and source',
        blocks: [
          {
            kind: 'table',
            caption: 'Token accounts',
            head: [
              'arm and seed',
              'phase',
              'source',
              'planned share',
              'planned tokens',
              'delivered tokens',
              'cut off',
              'padding of the phase',
            ],
            rows,
          },
        ],
      },
    ],
  };
}
