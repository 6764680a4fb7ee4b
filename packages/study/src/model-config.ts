import { type EncoderConfig, type VlmConfig, vlmConfig } from '@vlm/model';
import type { Recipe } from './recipe.ts';

/** Losses matter to training alone; an evaluated model has none. */
type ModelSettings = Pick<Recipe, 'model'> & Partial<Pick<Recipe, 'optimizer'>>;

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

function decoderOptions(
  { dim, layers, heads, hidden, sequenceLength, qkNorm, tiedHead }: Recipe['model'],
  vocabSize: number,
) {
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
