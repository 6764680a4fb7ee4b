import { MixtureError } from './mixture-error.ts';

/**
 * Weights between the sizes of the sources and equal ones: share i ∝ size_i^(1 / temperature). Temperature 1 keeps the sizes' proportions,
 * a higher one helps small sources, the limit gives all the same (multilingual sampling: Devlin et al. 2019; Raffel et al. 2020).
 *
 * @param sizes of the sources, in the unit of the shares (tokens, say); positive
 * @param temperature positive; `Infinity` for equal shares
 * @returns shares by name, which sum to 1
 * @throws MixtureError `invalid-argument`
 * @example
 * temperatureWeights({ en: 900, is: 100 }, 2); // { en: 0.75, is: 0.25 }
 */
export function temperatureWeights(sizes: Record<string, number>, temperature: number): Record<string, number> {
  if (!(temperature > 0))
    throw new MixtureError('invalid-argument', `temperature: expected a positive number, got ${temperature}`);
  const entries = Object.entries(sizes);
  if (entries.length === 0)
    throw new MixtureError(
      'invalid-argument',
      'temperature weights: expected the size of at least one source, got none',
    );
  for (const [name, size] of entries)
    if (!(Number.isFinite(size) && size > 0))
      throw new MixtureError('invalid-argument', `size of "${name}": expected a positive number, got ${size}`, name);
  const largest = Math.max(...Object.values(sizes)); // so that no power overflows
  const powers = entries.map(([name, size]) => [name, (size / largest) ** (1 / temperature)] as const);
  const sum = powers.reduce((all, [, power]) => all + power, 0);
  return Object.fromEntries(powers.map(([name, power]) => [name, power / sum]));
}
