export { type AttentionOptions, attention, causalAttention } from './attention.ts';
export { type CrossEntropyOptions, type CrossEntropyResult, crossEntropy } from './cross-entropy.ts';
export { embedding } from './embedding.ts';
export { gelu } from './gelu.ts';
export { layerNorm } from './layer-norm.ts';
export { linear } from './linear.ts';
export { rmsNorm } from './rms-norm.ts';
export { type RotaryOptions, rotary, rotaryFrequencies, rotaryTables } from './rotary.ts';
export { swiglu } from './swiglu.ts';
