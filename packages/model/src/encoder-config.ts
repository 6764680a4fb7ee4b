import { ModelError } from './model-error.ts';
import { checkInteger, checkKeys, checkNumber, checkOneOf } from './validate.ts';

/** A convolutional pyramid: patches of pixels, then stages that halve the map. */
export interface ConvEncoderConfig {
  kind: 'conv';
  /** Pixels along each side of the square picture; divisible by `patchSize` · 2^(stages − 1). */
  imageSize: number;
  /** Output channels of every stage; the last is the feature width. */
  channels: readonly number[];
  /** Side in pixels of the squares that the first stage reads. They do not overlap. */
  patchSize: number;
  /** Side of the kernels that halve the map, even. 4 covers each place equally often. */
  kernelSize: number;
  /** Residual 3×3 convolutions that follow each stage's first one. */
  blocks: readonly number[];
  /**
   * `batch`: statistics of the batch, which learn fastest; to be folded when training is over (`foldEncoder`). `group`: each picture's
   * own statistics. `none`: convolutions with a bias, what folding leaves.
   */
  norm: 'batch' | 'group' | 'none';
  /** Groups of channels that `group` normalises together; divides every width (default: at most 8). */
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
 * Fills in defaults (64 pixels; squares of 4 pixels to 48, 96, 128 channels and one residual convolution, or patches of 16) and checks
 * every field.
 * @throws ModelError INVALID_CONFIG
 * @example encoderConfig({ kind: 'conv' }) // 64×64 pixels → 16 features of width 128
 */
export function encoderConfig(options: EncoderOptions): EncoderConfig {
  const owner = 'encoder';
  const kind = checkOneOf(owner, 'kind', options?.kind, ['conv', 'vit', 'patches']);
  const imageSize = checkInteger(owner, 'imageSize', options.imageSize ?? 64);
  if (options.kind === 'conv') {
    return convConfig(owner, options, imageSize);
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

function convConfig(owner: string, options: Partial<ConvEncoderConfig>, imageSize: number): ConvEncoderConfig {
  checkKeys(owner, options, ['kind', 'imageSize', 'channels', 'patchSize', 'kernelSize', 'blocks', 'norm', 'groups']);
  const channels = options.channels ?? [48, 96, 128];
  if (!Array.isArray(channels) || channels.length === 0) {
    throw new ModelError('INVALID_CONFIG', `encoder.channels: expected a list of at least one width, got ${channels}.`);
  }
  for (const [stage, width] of channels.entries()) checkInteger(owner, `channels[${stage}]`, width);
  const blocks = options.blocks ?? channels.map((_, stage) => (stage === channels.length - 1 ? 1 : 0));
  if (!Array.isArray(blocks) || blocks.length !== channels.length) {
    throw new ModelError(
      'INVALID_CONFIG',
      `encoder.blocks: expected one number for each of the ${channels.length} stages, got ${JSON.stringify(blocks)}.`,
    );
  }
  for (const [stage, count] of blocks.entries()) checkInteger(owner, `blocks[${stage}]`, count, 0);
  const groups = checkInteger(owner, 'groups', options.groups ?? channels.reduce(commonDivisor, 8));
  const odd = channels.find((width) => width % groups !== 0);
  if (odd !== undefined) {
    throw new ModelError(
      'INVALID_CONFIG',
      `encoder.groups: expected a divisor of every width, got ${groups} for width ${odd}.`,
    );
  }
  const patchSize = checkInteger(owner, 'patchSize', options.patchSize ?? 4);
  const kernelSize = checkInteger(owner, 'kernelSize', options.kernelSize ?? 4, 2);
  if (kernelSize % 2 !== 0) {
    throw new ModelError('INVALID_CONFIG', `encoder.kernelSize: expected an even number, got ${kernelSize}.`);
  }
  divides(imageSize, patchSize * 2 ** (channels.length - 1), `patchSize · 2^${channels.length - 1}`);
  return {
    kind: 'conv',
    imageSize,
    channels,
    patchSize,
    kernelSize,
    blocks,
    norm: checkOneOf(owner, 'norm', options.norm ?? 'batch', ['batch', 'group', 'none']),
    groups,
  };
}

/** @returns how many features one picture gives, and how wide each is */
export function encoderShape(config: EncoderConfig): { cells: number; width: number } {
  if (config.kind === 'conv') {
    const side = config.imageSize / (config.patchSize * 2 ** (config.channels.length - 1));
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
