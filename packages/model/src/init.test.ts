import { expect, it } from 'vitest';
import { decoderParams } from './decoder.ts';
import { decoderConfig } from './decoder-config.ts';
import { initParameters } from './init.ts';
import { decoderSize } from './openlm-config.ts';
import { parameter } from './parameters.ts';

const sigmaOf = (specs: ReturnType<typeof decoderParams>, name: string) => {
  const init = specs[name]!.init;
  return init.kind === 'truncated-normal' ? init.sigma.toFixed(7) : init.kind;
};

it("starts with OpenLM's deviations", () => {
  const specs = decoderParams(decoderSize('79m'));
  expect(sigmaOf(specs, 'tok_embeddings.weight')).toBe('0.0441942');
  expect(sigmaOf(specs, 'output.weight')).toBe('0.0441942');
  expect(sigmaOf(specs, 'layers.0.attention.in_proj.weight')).toBe('0.0441942');
  expect(sigmaOf(specs, 'layers.7.feed_forward.w12.weight')).toBe('0.0441942');
  expect(sigmaOf(specs, 'layers.0.attention.out_proj.weight')).toBe('0.0312500');
  expect(sigmaOf(specs, 'layers.0.feed_forward.w3.weight')).toBe('0.0180422');
  expect(sigmaOf(specs, 'layers.7.attention.out_proj.weight')).toBe('0.0110485');
  expect(sigmaOf(specs, 'layers.7.feed_forward.w3.weight')).toBe('0.0063789');
});

it('draws truncated normals: right mean and deviation, nothing beyond three sigma', () => {
  const { w } = initParameters({ w: parameter([400, 500], { kind: 'truncated-normal', sigma: 0.5 }) }, 1);
  const mean = w!.reduce((sum, x) => sum + x, 0) / w!.length;
  const variance = w!.reduce((sum, x) => sum + (x - mean) ** 2, 0) / w!.length;
  expect(Math.abs(mean)).toBeLessThan(0.005);
  expect(Math.sqrt(variance)).toBeCloseTo(0.5 * 0.98658, 2); // the deviation of a normal cut at ±3
  expect(w!.every((x) => Math.abs(x) <= 1.5)).toBe(true);
  expect(w!.some((x) => Math.abs(x) > 1.3)).toBe(true);
});

it('fills constants and uniforms', () => {
  const { gain, bias } = initParameters(
    {
      gain: parameter([3], { kind: 'constant', value: 1 }),
      bias: parameter([5000], { kind: 'uniform', bound: 0.25 }),
    },
    1,
  );
  expect(gain).toEqual(Float32Array.of(1, 1, 1));
  expect(Math.max(...bias!)).toBeLessThanOrEqual(0.25);
  expect(Math.max(...bias!)).toBeGreaterThan(0.249);
  expect(Math.min(...bias!)).toBeLessThan(-0.249);
});

it('gives every tensor its own stream: one more layer or another order changes no other tensor', () => {
  const options = { dim: 16, layers: 1, heads: 2, vocabSize: 20, sequenceLength: 8 };
  const small = initParameters(decoderParams(decoderConfig(options)), 'a');
  const specs = decoderParams(decoderConfig({ ...options, layers: 2 }));
  const large = initParameters(Object.fromEntries(Object.entries(specs).reverse()), 'a');
  for (const [name, values] of Object.entries(small)) expect(large[name]).toEqual(values);
  expect(initParameters(decoderParams(decoderConfig(options)), 'b')['output.weight']).not.toEqual(
    small['output.weight'],
  );
  expect(small['output.weight']).not.toEqual(small['tok_embeddings.weight']);
});
