/** Which parameters learn, how fast, and which decay: by the part of the model that they belong to. */
import type { TrainStepDefinition } from '@vlm/jit';
import type { ParameterSpecs } from './parameters.ts';
import { checkBoolean, checkKeys, checkNumber, checkOneOf } from './validate.ts';

export type ParameterPart = 'encoder' | 'projector' | 'decoder';

export interface PartSettings {
  /** Default true. */
  trains?: boolean;
  /** Factor on the learning rate. Default 1. */
  learningRateScale?: number;
  /** What decays: everything (OpenLM), matrices without norms and biases, or nothing. Default everything. */
  decay?: 'all' | 'matrices' | 'none';
}

/** Parameters that are treated alike, as plain data. */
export interface ParameterGroup {
  part: ParameterPart;
  names: string[];
  trains: boolean;
  learningRateScale: number;
  decays: boolean;
}

/**
 * Sorts a model's parameters into groups, and says the same in the words of a `TrainStepDefinition`.
 *
 * @param specs what `vlmParams` returned
 * @param parts settings of each part; a part left out trains at the full rate and decays whole
 * @throws ModelError INVALID_CONFIG
 * @example
 * // The encoder frozen; the projector ten times as fast as the decoder, and without decay.
 * const { frozen, optimizer } = parameterGroups(vlmParams(config), {
 *   encoder: { trains: false },
 *   projector: { learningRateScale: 10, decay: 'none' },
 * });
 */
export function parameterGroups(
  specs: ParameterSpecs,
  parts: Partial<Record<ParameterPart, PartSettings>> = {},
): {
  groups: ParameterGroup[];
  frozen: string[];
  optimizer: Required<Pick<TrainStepDefinition['optimizer'], 'decays' | 'learningRateScale'>>;
} {
  checkKeys('parts', parts, ['encoder', 'projector', 'decoder']);
  const settings = { encoder: part('encoder'), projector: part('projector'), decoder: part('decoder') };
  function part(name: ParameterPart): Required<PartSettings> {
    const owner = `parts.${name}`;
    const options = parts[name] ?? {};
    checkKeys(owner, options, ['trains', 'learningRateScale', 'decay']);
    return {
      trains: checkBoolean(owner, 'trains', options.trains ?? true),
      learningRateScale: checkNumber(owner, 'learningRateScale', options.learningRateScale ?? 1, 0, false),
      decay: checkOneOf(owner, 'decay', options.decay ?? 'all', ['all', 'matrices', 'none']),
    };
  }

  const groups = new Map<string, ParameterGroup>();
  const byName = new Map<string, ParameterGroup>();
  for (const [name, { shape }] of Object.entries(specs)) {
    const part = partOf(name);
    const { trains, learningRateScale, decay } = settings[part];
    const decays = decay === 'all' || (decay === 'matrices' && shape.length > 1);
    const key = `${part} ${decays}`;
    const group = groups.get(key) ?? { part, names: [], trains, learningRateScale, decays };
    group.names.push(name);
    groups.set(key, group);
    byName.set(name, group);
  }
  return {
    groups: [...groups.values()],
    frozen: [...byName].flatMap(([name, { trains }]) => (trains ? [] : [name])),
    optimizer: {
      decays: (name) => byName.get(name)?.decays ?? true,
      learningRateScale: (name) => byName.get(name)?.learningRateScale ?? 1,
    },
  };
}

function partOf(name: string): ParameterPart {
  if (name.startsWith('encoder.')) return 'encoder';
  return name.startsWith('projector.') ? 'projector' : 'decoder';
}
