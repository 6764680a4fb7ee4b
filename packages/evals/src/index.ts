export type { Benchmark, BenchmarkFiles, BenchmarkItem } from './benchmarks/benchmark.ts';
export { type BenchmarkName, benchmarks } from './benchmarks/benchmarks.ts';
export { readIndexFile } from './benchmarks/index-file.ts';
export { type ReadBenchmarkOptions, readBenchmark } from './benchmarks/read-benchmark.ts';
export {
  type BenchmarkOptions,
  type BenchmarkResult,
  purePrompt,
  runBenchmark,
  visionStableScore,
} from './benchmarks/run-benchmark.ts';
export {
  type AnswerBrowserOptions,
  answerBrowser,
  type BrowsedModel,
  type Duel,
  duels,
} from './browsing/answer-browser.ts';
export { EvalsError, type EvalsErrorCode } from './errors.ts';
export { PythonRandom, slimSubset } from './python-random.ts';
export { guessingModel, oracleModel } from './running/known-models.ts';
export { type RememberingModel, type RememberOptions, rememberAnswers } from './running/remember-answers.ts';
export { type BitsPerByteOptions, runBitsPerByte } from './running/run-bits-per-byte.ts';
export { runMultipleChoice, type TextOptions } from './running/run-multiple-choice.ts';
export { runVision, type VisionOptions, visionConditions } from './running/run-vision.ts';
export { wrongImages } from './running/wrong-images.ts';
export { anls } from './scoring/anls.ts';
export { bleu } from './scoring/bleu.ts';
export { boxFromXywh, boxIou } from './scoring/box-iou.ts';
export { captionWords } from './scoring/caption-words.ts';
export { ciderD } from './scoring/cider-d.ts';
export { areaUnderRoc, averagePrecision } from './scoring/curves.ts';
export { type DclmScore, dclmCore } from './scoring/dclm-core.ts';
export { type DclmTask, dclmCoreTasks, dclmTasks } from './scoring/dclm-tasks.ts';
export { gqaExactMatch, gqaPercent, gqaPrediction } from './scoring/exact-match.ts';
export { type ObjectScores, objectFinder, objectScores } from './scoring/object-f1.ts';
export { parseBox } from './scoring/parse-box.ts';
export { type PopeExample, type PopeScore, type PopeSplit, popeScore, popeSplits } from './scoring/pope.ts';
export { rougeL } from './scoring/rouge-l.ts';
export {
  type StableScore,
  type StableTask,
  stableScore,
  textStableTasks,
  visionStableTasks,
} from './scoring/stable-score.ts';
export { textVqaAccuracy, textVqaAnswerScores, textVqaNormalise } from './scoring/textvqa.ts';
export { vizwizAccuracy, vizwizScore } from './scoring/vizwiz.ts';
export { type VqaOptions, vqaAccuracy, vqaPercent } from './scoring/vqa-accuracy.ts';
export { fixedAnswer, officialPrediction, officialPunctuation } from './scoring/vqa-normalise.ts';
export { parseYesNo, type YesNoMetrics, yesNoMetrics } from './scoring/yes-no.ts';
export { benjaminiHochberg } from './statistics/benjamini-hochberg.ts';
export { bootstrapClusters, bootstrapMean } from './statistics/bootstrap.ts';
export { clustersOf } from './statistics/clusters.ts';
export { type Arm, type Comparison, compare, type ScoredRow, type Verdict } from './statistics/compare.ts';
export { holm } from './statistics/holm.ts';
export type { Interval, ResamplingOptions } from './statistics/interval.ts';
export { mcNemarExact } from './statistics/mcnemar.ts';
export { bootstrapRuns } from './statistics/over-seeds.ts';
export { minimumDetectableDifference, type PowerOptions } from './statistics/power.ts';
export {
  type AnswerShares,
  answerShares,
  type Summary,
  type SummaryOptions,
  summarise,
} from './statistics/summarise.ts';
export { wilsonInterval } from './statistics/wilson.ts';
export type { Scoring } from './tasks/score-outputs.ts';
export { paperPrompts, type VisionTaskInfo, visionTask } from './tasks/vision-tasks.ts';
export {
  type CoreTask,
  coreScore,
  coreTasks,
  type LanguageItem,
  readCoreTask,
  runCoreTask,
} from './text-tasks/core-tasks.ts';
export { harnessTasks, readHarnessTask, readMultipleChoice, textStableScore } from './text-tasks/harness-tasks.ts';
export type {
  Box,
  Condition,
  ContinuationScore,
  EvalModel,
  EvalProgress,
  EvalPrompt,
  EvalRow,
  ScoringMode,
  TextDocument,
  TextItem,
  TextSuite,
  VisionCondition,
  VisionItem,
  VisionSplit,
  VisionTarget,
} from './types.ts';
