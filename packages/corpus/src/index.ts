export { type BuildCorpusOptions, buildCorpus, type CorpusProgress } from './build-corpus.ts';
export { type DenseLabels, denseLabels, type LabelVocabulary } from './dense-labels.ts';
export { CorpusError, type CorpusErrorCode } from './errors.ts';
export { type Licence, licences, licenceTable } from './licences.ts';
export { type CorpusManifest, readManifest, type ShardEntry } from './manifest.ts';
export { estimateTokens } from './prose.ts';
export { createSceneGenerator, type SceneGenerator } from './scene-generator.ts';
export {
  type CorpusSettings,
  corpusPresets,
  corpusSettings,
  type DeepPartial,
  type PresetName,
  type VisionCounts,
  validateSettings,
} from './settings.ts';
export type { Conversation, Scene, SceneObject, TextDocument, TextItem, VisionItem, VisionSplit } from './types.ts';
