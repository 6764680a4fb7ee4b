import { describe, expect, it } from 'vitest';
import { goldenCases } from '../testing/golden.ts';
import { dclmCore } from './dclm-core.ts';
import { dclmCoreTasks, dclmTasks } from './dclm-tasks.ts';

type Version = 'v1' | 'v2';
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(b));

describe('DCLM', () => {
  it('knows the tasks and baselines of both versions', () => {
    for (const { input, expected } of goldenCases<{ version: string }, unknown>('dclm_metadata')) {
      if (input.version === 'aggregation') {
        expect(dclmCoreTasks).toEqual((expected as Record<string, string[]>)['low_variance_datasets']);
        continue;
      }
      expect(
        Object.entries(dclmTasks).map(([task, { category, baseline, baselineV1 }]) => ({
          task,
          category,
          baseline: input.version === 'v1' ? (baselineV1 ?? baseline) : baseline,
        })),
      ).toEqual(expected);
    }
  });

  const cases = goldenCases<{ version: Version; icl: Record<string, number> }, Record<string, unknown>>('dclm_core');
  it.each(cases)('$id $kind', ({ input, expected }) => {
    const version = input.version;
    const got = dclmCore(input.icl, version);
    const [core, extended] = [expected[`Core_${version}`], expected[`Extended_${version}`]];
    const listed = (message: string): unknown => JSON.parse(message.replace(/^[^[]*/, '').replaceAll("'", '"'));
    if (typeof core === 'number') expect(near(got.core!, core)).toBe(true);
    else expect(got).toMatchObject({ missingFromCore: listed(core as string) });
    if (typeof extended === 'number') expect(near(got.extended!, extended)).toBe(true);
    else expect(got).toMatchObject({ missing: listed(extended as string) });
    expect('core' in got).toBe(typeof core === 'number');
    expect('extended' in got).toBe(typeof extended === 'number');
    const categories = expected['aggregated_task_categories_centered'] as Record<string, number | 'NaN'>;
    for (const [name, value] of Object.entries(categories))
      expect(value === 'NaN' ? !(name in got.categories) : near(got.categories[name]!, value), name).toBe(true);
  });

  it('refuses percent', () => {
    expect(() => dclmCore({ copa: 75 })).toThrow(expect.objectContaining({ code: 'INVALID_ITEM' }));
  });
});
