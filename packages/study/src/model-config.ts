import { type DecoderConfig, type DecoderOptions, type EncoderConfig, type VlmConfig, vlmConfig } from '@vlm/model';
import type { Recipe } from './recipe.ts';

/** Losses matter to training alone; an evaluated model has none. */
type ModelSettings = { model: Recipe['model'] | PublicDecoder } & Partial<Pick<Recipe, 'optimizer'>>;

/** A decoder that a public checkpoint brings with it, in place of a recipe's own. */
export type PublicDecoder = Extract<DecoderConfig, { family: 'llama' | 'gpt-neox' }>;

/** The decoder alone, as text pre-training sees it. */
export function textModelConfig({ model, optimizer }: ModelSettings, vocabSize: number): VlmConfig {
  return vlmConfig({ decoder: decoderOptions(model, vocabSize), ...lossOptions(optimizer) });
}

/** The decoder with the projector through which it reads image features, and with the encoder that makes them where that is part of the model. */
export function visionModelConfig(
  { model, projector, optimizer }: ModelSettings & Pick<Recipe, 'projector'>,
  vocabSize: number,
  featureWidth: number,
  encoder?: EncoderConfig,
): VlmConfig {
  return vlmConfig({
    decoder: decoderOptions(model, vocabSize),
    projector: { ...projector, featureWidth },
    ...(encoder ? { encoder } : {}),
    ...lossOptions(optimizer),
  });
}

function lossOptions(optimizer: Recipe['optimizer'] | undefined): { zLoss?: number; zLossOver?: 'weighted' | 'all' } {
  return optimizer ? { zLoss: optimizer.zLoss, zLossOver: optimizer.zLossOver } : {};
}

function decoderOptions(model: Recipe['model'] | PublicDecoder, vocabSize: number): DecoderOptions {
  // A public model's own rows stay, those that no token has too; special tokens may need more.
  if ('family' in model) return { ...model, vocabSize: Math.max(model.vocabSize, vocabSize) };
  const { dim, layers, heads, hidden, sequenceLength, qkNorm, tiedHead } = model;
  return {
    dim,
    layers,
    heads,
    vocabSize,
    sequenceLength,
    qkNorm,
    tiedHead,
    ...(hidden === undefined ? {} : { hidden }),
  };
}
