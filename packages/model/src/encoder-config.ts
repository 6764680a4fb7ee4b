import { ModelError } from './model-error.ts';
import { checkInteger, checkKeys, checkNumber, checkOneOf } from './validate.ts';

/** A convolutional pyramid: every stage halves the picture. */
export interface ConvEncoderConfig {
  kind: 'conv';
  /** Pixels along each side of the square picture; divisible by 2 to the number of stages. */
  imageSize: number;
  /** Output channels of every stage; the last is the feature width. */
  channels: readonly number[];
  /** Side of every kernel. 4 with stride 2 covers each pixel equally often. */
  kernelSize: number;
  /** Groups of channels that are normalised together; divides every width (default: at most 8). */
  groups: number;
}

/** A transformer over square patches, every patch seeing all others. */
export interface VitEncoderConfig {
  kind: 'vit';
  imageSize: number;
  patchSize: number;
  dim: number;
  layers: number;
  heads: number;
}

/** No encoder: the features are the pixels of each patch. */
export interface PatchesEncoderConfig {
  kind: 'patches';
  imageSize: number;
  patchSize: number;
}

export type EncoderConfig = ConvEncoderConfig | VitEncoderConfig | PatchesEncoderConfig;

export type EncoderOptions =
  | (Pick<ConvEncoderConfig, 'kind'> & Partial<ConvEncoderConfig>)
  | (Pick<VitEncoderConfig, 'kind'> & Partial<VitEncoderConfig>)
  | (Pick<PatchesEncoderConfig, 'kind'> & Partial<PatchesEncoderConfig>);

/**
 * Fills in defaults (64 pixels; 24, 48, 96, 128 channels or patches of 16) and checks every field.
 * @throws ModelError INVALID_CONFIG
 * @example encoderConfig({ kind: 'conv' }) // 64×64 pixels → 16 features of width 128
 */
export function encoderConfig(options: EncoderOptions): EncoderConfig {
  const owner = 'encoder';
  const kind = checkOneOf(owner, 'kind', options?.kind, ['conv', 'vit', 'patches']);
  const imageSize = checkInteger(owner, 'imageSize', options.imageSize ?? 64);
  if (options.kind === 'conv') {
    checkKeys(owner, options, ['kind', 'imageSize', 'channels', 'kernelSize', 'groups']);
    const channels = options.channels ?? [24, 48, 96, 128];
    if (!Array.isArray(channels) || channels.length === 0) {
      throw new ModelError(
        'INVALID_CONFIG',
        `encoder.channels: expected a list of at least one width, got ${channels}.`,
      );
    }
    for (const [stage, width] of channels.entries()) checkInteger(owner, `channels[${stage}]`, width);
    const groups = checkInteger(owner, 'groups', options.groups ?? channels.reduce(commonDivisor, 8));
    const odd = channels.find((width) => width % groups !== 0);
    if (odd !== undefined) {
      throw new ModelError(
        'INVALID_CONFIG',
        `encoder.groups: expected a divisor of every width, got ${groups} for width ${odd}.`,
      );
    }
    divides(imageSize, 2 ** channels.length, `2 to the number of stages (${channels.length})`);
    return {
      kind: 'conv',
      imageSize,
      channels,
      kernelSize: checkInteger(owner, 'kernelSize', options.kernelSize ?? 4, 2),
      groups,
    };
  }
  const patchSize = checkInteger(owner, 'patchSize', options.patchSize ?? 16);
  divides(imageSize, patchSize, 'patchSize');
  if (options.kind === 'patches') {
    checkKeys(owner, options, ['kind', 'imageSize', 'patchSize']);
    return { kind: 'patches', imageSize, patchSize };
  }
  checkKeys(owner, options, ['kind', 'imageSize', 'patchSize', 'dim', 'layers', 'heads']);
  const dim = checkInteger(owner, 'dim', options.dim ?? 128);
  const heads = checkInteger(owner, 'heads', options.heads ?? 4);
  if (dim % heads !== 0) {
    throw new ModelError('INVALID_CONFIG', `encoder.heads: expected a divisor of dim ${dim}, got ${heads}.`);
  }
  return {
    kind: kind as 'vit',
    imageSize,
    patchSize,
    dim,
    heads,
    layers: checkInteger(owner, 'layers', options.layers ?? 4),
  };
}

/** @returns how many features one picture gives, and how wide each is */
export function encoderShape(config: EncoderConfig): { cells: number; width: number } {
  if (config.kind === 'conv') {
    const side = config.imageSize / 2 ** config.channels.length;
    return { cells: side * side, width: config.channels.at(-1)! };
  }
  const side = config.imageSize / config.patchSize;
  return { cells: side * side, width: config.kind === 'vit' ? config.dim : config.patchSize * config.patchSize * 3 };
}

/** What a frozen encoder is trained on: one linear classifier per label, on every cell or on the mean over the picture. */
export interface EncoderHead {
  name: string;
  classes: number;
  per: 'cell' | 'image';
  /** Share of this head's cross-entropy in the loss. */
  weight: number;
}

/** @throws ModelError INVALID_CONFIG on an empty list, a repeated name or an impossible number */
export function encoderHeads(heads: readonly EncoderHead[]): readonly EncoderHead[] {
  if (heads.length === 0)
    throw new ModelError('INVALID_CONFIG', 'encoder.heads: expected at least one head, got none.');
  heads.forEach((head, index) => {
    const owner = `encoder.heads[${index}]`;
    checkKeys(owner, head, ['name', 'classes', 'per', 'weight']);
    checkInteger(owner, 'classes', head.classes, 2);
    checkOneOf(owner, 'per', head.per, ['cell', 'image']);
    checkNumber(owner, 'weight', head.weight, 0);
    if (heads.findIndex(({ name }) => name === head.name) !== index) {
      throw new ModelError('INVALID_CONFIG', `${owner}.name: expected a name of its own, got "${head.name}" twice.`);
    }
  });
  return heads;
}

function divides(imageSize: number, divisor: number, what: string): void {
  if (imageSize % divisor !== 0) {
    throw new ModelError(
      'INVALID_CONFIG',
      `encoder.imageSize: expected a multiple of ${what} = ${divisor}, got ${imageSize}.`,
    );
  }
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
