import type { ParameterArrays, ParameterInit, ParameterSpecs } from './parameters.ts';
import { sizeOf } from './parameters.ts';
import { createRandom } from './random.ts';

/**
 * Starting values for every parameter. Each tensor draws from its own generator, seeded with `seed` and its name: adding, removing
 * or reordering tensors changes no other tensor.
 *
 * @param specs what `decoderParams`, `projectorParams`, `vlmParams` or `encoderParams` returned
 * @param seed any string or number
 * @returns float32 arrays, row-major, by name
 * @example const params = initParameters(decoderParams(config), 124);
 */
export function initParameters(specs: ParameterSpecs, seed: string | number): ParameterArrays {
  const arrays: ParameterArrays = {};
  for (const [name, { shape, init }] of Object.entries(specs)) {
    arrays[name] = fill(new Float32Array(sizeOf(shape)), init, `${seed}/${name}`);
  }
  return arrays;
}

function fill(values: Float32Array, init: ParameterInit, seed: string): Float32Array {
  if (init.kind === 'constant') return values.fill(init.value);
  const random = createRandom(seed);
  for (let i = 0; i < values.length; i++) {
    if (init.kind === 'uniform') {
      values[i] = (2 * random.uniform() - 1) * init.bound;
    } else {
      let z = random.normal();
      while (Math.abs(z) > 3) z = random.normal();
      values[i] = z * init.sigma;
    }
  }
  return values;
}
