/** prismatic-vlms' projectors: names, shapes, counts and float32 outputs; and the exact GELU inside them. */
import { gelu } from '@vlm/jit/nn';
import { describe, expect, it } from 'vitest';
import { countParameters } from './counts.ts';
import { type ProjectorConfig, project, projectorConfig, projectorParams } from './projector.ts';
import { relativeError } from './relative-error.ts';
import { bind, engines } from './testing/engines.ts';
import { goldenCases } from './testing/golden.ts';

type Input = {
  type: ProjectorConfig['kind'];
  vision_dim: number;
  llm_dim: number;
  weights_f32: Record<string, unknown[]>;
  x_f32: number[][][];
};
const configOf = ({ type, vision_dim, llm_dim }: Input) =>
  projectorConfig({ kind: type, featureWidth: vision_dim, dim: llm_dim });
const flat = (nested: unknown[]) => Float32Array.from(nested.flat(Number.POSITIVE_INFINITY) as number[]);

const shapeCases = goldenCases<Input & { mlp_type: string }, { parameters: number; shapes: object; ok?: boolean }>(
  /^projector_shapes.*\.json$/,
);

it("has prismatic's names, shapes and counts", () => {
  for (const { id, input, expected } of shapeCases.filter(({ kind }) => kind !== 'bad-type')) {
    const specs = projectorParams(configOf(input));
    expect(Object.fromEntries(Object.entries(specs).map(([name, { shape }]) => [name, shape])), id).toEqual(
      expected.shapes,
    );
    expect(countParameters(specs), id).toBe(expected.parameters);
  }
});

it('refuses every kind that no class of prismatic takes', () => {
  const cases = shapeCases.filter(({ kind }) => kind === 'bad-type');
  const known = new Set(cases.filter(({ expected }) => expected.ok).map(({ input }) => input.mlp_type));
  for (const { id, input } of cases) {
    const kind = input.mlp_type as ProjectorConfig['kind'];
    const make = () => projectorConfig({ kind, featureWidth: 4, dim: 3 });
    if (known.has(kind)) expect(make().kind, id).toBe(kind);
    else expect(make, id).toThrow(`got "${kind}"`);
  }
});

describe.each(engines)('on %s', (_, open) => {
  it("computes prismatic's outputs", async () => {
    const cases = goldenCases<Input, { y_f64: unknown[] }>(/^projector_numeric.*\.json$/);
    const engine = open();
    for (const { id, input, expected } of cases) {
      const config = configOf(input);
      const weights = Object.fromEntries(Object.entries(input.weights_f32).map(([name, w]) => [name, flat(w)]));
      const shape = [input.x_f32.length, input.x_f32[0]!.length, input.vision_dim];
      const forward = await engine.compileForward((params, { x }) => ({ y: project(config, params, x!) }), {
        constants: bind(projectorParams(config), weights),
        inputs: { x: { shape, dtype: 'float32' } },
      });
      const { y } = await forward.run({ x: flat(input.x_f32) });
      expect(relativeError(y!, flat(expected.y_f64)), id).toBeLessThan(1e-5);
      await forward.dispose();
    }
  });

  it('computes the exact GELU', async () => {
    const cases = goldenCases<{ x: number | string }, { gelu_f64: number | string }>(/^gelu_exact.*\.json$/).filter(
      ({ input }) => Number.isFinite(Number(input.x)),
    );
    const forward = await open().compileForward((_constants, { x }) => ({ y: gelu(x!) }), {
      constants: {},
      inputs: { x: { shape: [cases.length], dtype: 'float32' } },
    });
    const { y } = await forward.run({ x: Float32Array.from(cases, ({ input }) => Number(input.x)) });
    cases.forEach(({ id, expected }, i) => {
      const want = Number(expected.gelu_f64);
      expect(Math.abs(y![i]! - want), id).toBeLessThanOrEqual(1e-6 + 1e-5 * Math.abs(want));
    });
    await forward.dispose();
  });
});
