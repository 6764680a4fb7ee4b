import { type CorpusSettings, corpusSettings, type PresetName } from '@vlm/corpus';
import {
  type ConvEncoderConfig,
  countParameters,
  type DecoderConfig,
  decoderFlops,
  encoderFlops,
  encoderParams,
  trainingMemory,
  type VlmConfig,
  vlmParams,
} from '@vlm/model';
import { ownEncoderCost, type PictureCost, pictureCost } from './encoder-cost.ts';
import type { OwnEncoder, Phase, PhaseKind, Study } from './graph.ts';
import { textModelConfig, visionModelConfig } from './model-config.ts';
import { studyEncoder } from './phases/encoder.ts';
import { type Recipe, tokensOfUpdate } from './recipe.ts';

export interface PhaseCost {
  amount: number;
  unit: string;
  flops: number;
  memoryBytes: number;
  storeBytes: number;
  seconds: number;
  parameters: number;
}

/** Rates of one core (two AVX2 cores at the `quick` size, measured by `npm start`); they set the first guess of the time left. */
const usualTrainingFlopsPerSecond = 70e9;
const encoderFlopsPerSecond = 50e9;
const inferenceFlopsPerSecond = 25e9;
const scenesPerSecond = 700;
const picturesPerSecond = 2000;
const tokenizerBytesPerSecond = 1e6;
const copiedBytesPerSecond = 200e6;
/** Node, ONNX Runtime and TensorFlow.js before the first tensor. */
const processBytes = 300e6;
/** Evaluation reads an item with its picture, without, and with another one. */
const conditions = 3;

/** What the costs of a phase are read from. */
interface Planned {
  study: Study;
  phase: Phase;
  /** With what an arm changed in this phase. */
  recipe: Recipe;
  corpus: CorpusSettings;
  picture: PictureCost;
  /** The encoder that is run, and perhaps trained, with the decoder in place of stored features. */
  encoder: ConvEncoderConfig | undefined;
  model: VlmConfig;
  /** FLOP/s of one training phase, where they were measured. */
  trainingFlopsPerSecond: number | undefined;
}

const nothing: PhaseCost = {
  amount: 0,
  unit: 'images',
  flops: 0,
  memoryBytes: processBytes,
  storeBytes: 0,
  seconds: 1,
  parameters: 0,
};

/** What one phase costs: tokens from the recipe, FLOPs from the model's shape, seconds from rates measured on one core. */
export function phaseCost(study: Study, phase: Phase, trainingFlopsPerSecond?: number): PhaseCost {
  const recipe = ownRecipe(study, phase);
  const corpus = corpusFigures(recipe);
  const picture = pictureCost(recipe.encoder, corpus.imageSize);
  const encoder: ConvEncoderConfig | undefined = phase.settings['ownEncoder']
    ? { ...studyEncoder(recipe.encoder, corpus.imageSize), norm: 'none' }
    : undefined;
  const model = visionModelConfig(recipe, recipe.tokenizer.vocabSize, picture.width, encoder);
  return costs[phase.kind]({ study, phase, recipe, corpus, picture, encoder, model, trainingFlopsPerSecond });
}

const costs: Record<PhaseKind, (planned: Planned) => PhaseCost> = {
  corpus: corpusCost,
  tokenizer: tokenizerCost,
  encoder: encoderCost,
  features: featuresCost,
  checkpoint: checkpointCost,
  main: mainCost,
  branch: branchCost,
  finetune: finetuneCost,
  evaluate: evaluateCost,
  report: reportCost,
};

function corpusCost({ corpus }: Planned): PhaseCost {
  const scenes = trainingScenes(corpus) + evaluationItems(corpus);
  return {
    ...nothing,
    amount: scenes,
    unit: 'scenes',
    storeBytes: scenes * corpus.imageSize ** 2 * 2,
    memoryBytes: 1e9,
    seconds: 8 + scenes / (2 * scenesPerSecond),
  };
}

function tokenizerCost({ recipe: { tokenizer } }: Planned): PhaseCost {
  return {
    ...nothing,
    amount: tokenizer.maxTrainBytes,
    unit: 'bytes',
    storeBytes: tokenizer.vocabSize * 20,
    seconds: 2 + tokenizer.maxTrainBytes / tokenizerBytesPerSecond,
  };
}

function encoderCost({ recipe: { encoder }, corpus }: Planned): PhaseCost {
  if (encoder.kind !== 'cnn') return nothing;
  const trained = studyEncoder(encoder, corpus.imageSize);
  const images = encoder.steps * encoder.batchSize;
  const flops = images * encoderFlops(trained).total;
  const parameters = countParameters(encoderParams(trained));
  return {
    ...nothing,
    amount: images,
    flops,
    storeBytes: 40 * parameters,
    memoryBytes: 2.5 * processBytes,
    seconds: 10 + flops / encoderFlopsPerSecond,
    parameters,
  };
}

function featuresCost({ phase, recipe, corpus, picture }: Planned): PhaseCost {
  const isStored = phase.settings['features'] !== 'when-read';
  // Nobody counts the pictures in shards of one's own; those that the arms will read are the least.
  const captioned = recipe.corpus.preset === 'external' ? mostCaptions(recipe, picture) : 0;
  const pictures = evaluationItems(corpus) + (isStored ? trainingScenes(corpus) + captioned : 0);
  const flops = pictures * picture.flops;
  return {
    ...nothing,
    amount: pictures,
    flops,
    storeBytes: pictures * picture.patches * picture.width * 4,
    seconds: 5 + Math.max(pictures / picturesPerSecond, flops / encoderFlopsPerSecond),
  };
}

function checkpointCost({ recipe }: Planned): PhaseCost {
  const parameters = countParameters(vlmParams(textModelConfig(recipe, 0)));
  return {
    ...nothing,
    amount: parameters,
    unit: 'parameters',
    // The weights alone, in float32, held twice while they are written.
    storeBytes: 4 * parameters,
    memoryBytes: processBytes + 8 * parameters,
    seconds: 2 + (4 * parameters) / copiedBytesPerSecond,
    parameters,
  };
}

function mainCost(planned: Planned): PhaseCost {
  const { study, phase, recipe } = planned;
  const steps = Number(phase.settings['toStep']) - stepsBefore(study, phase);
  const model = textModelConfig(recipe, recipe.tokenizer.vocabSize);
  return trainingCost(
    { ...planned, model },
    steps * tokensOfUpdate(recipe.main, recipe.model),
    0,
    recipe.main.batchSize,
  );
}

function branchCost(planned: Planned): PhaseCost {
  const { settings } = planned.phase;
  const tokens = Number(settings['tokens']);
  const pictures = (tokens * Number(settings['imageShare'])) / (planned.picture.patches + captionTokens);
  return trainingCost(planned, tokens, pictures, Number(settings['batchSize']));
}

function finetuneCost(planned: Planned): PhaseCost {
  const { recipe, corpus, picture } = planned;
  const { conversations = corpus.conversations.scenes, epochs, batchSize } = recipe.finetune;
  const pictures = Math.min(conversations, corpus.conversations.scenes) * epochs;
  return trainingCost(planned, pictures * (picture.patches + conversationTokens), pictures, batchSize);
}

function trainingCost(planned: Planned, tokens: number, pictures: number, batchSize: number): PhaseCost {
  const { phase, recipe, picture, encoder, model, trainingFlopsPerSecond } = planned;
  const own = encoder && ownEncoderCost(encoder, phase.settings['ownEncoder'] as OwnEncoder | true);
  const ofPicture = own?.flops ?? (phase.settings['features'] === 'when-read' ? picture.flops : 0);
  const flops = tokens * decoderFlops(model.decoder).total + pictures * ofPicture;
  const parameters = countParameters(vlmParams(model));
  const mostPictures = batchSize * Math.ceil(recipe.model.sequenceLength / picture.patches);
  return {
    ...nothing,
    amount: tokens,
    unit: 'tokens',
    flops,
    memoryBytes: processBytes + trainingMemory(model.decoder, batchSize).total + (own?.memoryOf(mostPictures) ?? 0),
    // The named checkpoint alone stays: weights and two moments.
    storeBytes: 12 * parameters,
    seconds: 4 + flops / (trainingFlopsPerSecond ?? usualTrainingFlopsPerSecond * recipe.threads),
    parameters,
  };
}

function evaluateCost({ phase, recipe, corpus, picture, encoder, model }: Planned): PhaseCost {
  const items = evaluationItems(corpus);
  const isAskedOfPictures = (phase.settings['suites'] as string[]).includes('vision');
  const answers = (isAskedOfPictures ? conditions * items : 0) + textAnswers(corpus);
  const flops =
    answers * (picture.patches + evalTokens) * decoderFlops(model.decoder).forward +
    (encoder ? items * encoderFlops(encoder).forward : 0);
  const parameters = countParameters(vlmParams(model));
  return {
    ...nothing,
    amount: answers,
    unit: 'answers',
    flops,
    storeBytes: answers * 250,
    memoryBytes: evaluationMemory(model.decoder, parameters, recipe.evaluate.batchSize),
    seconds: 5 + flops / inferenceFlopsPerSecond,
    parameters,
  };
}

/** A row of answers in memory, with its share of the baselines' rows: 215 bytes were measured, and 44,000 rows for 32,500 answers. */
const answerBytes = 290;

function reportCost({ recipe: { arms, seeds }, corpus }: Planned): PhaseCost {
  const models = arms.length * seeds.length;
  const answers = conditions * evaluationItems(corpus) + textAnswers(corpus);
  return {
    ...nothing,
    amount: models,
    unit: 'arms',
    storeBytes: 2e6 + 50e3 * models,
    // All answers at once.
    memoryBytes: nothing.memoryBytes + models * answers * answerBytes,
    // Intervals by resampling: two seconds a model.
    seconds: 5 + 2 * models,
  };
}

const textAnswers = ({ textEvals }: CorpusSettings): number => 4 * textEvals.definitionWord;

/** Captioned pictures that the arm reads which reads most of them. */
function mostCaptions({ arms, branch }: Recipe, { patches }: PictureCost): number {
  const tokens = arms.map((arm) => (arm.tokens ?? branch.tokens) * (arm.imageShare ?? branch.imageShare));
  return Math.ceil(Math.max(0, ...tokens) / (patches + captionTokens));
}

const trainingScenes = ({ captions, conversations }: CorpusSettings): number => captions + conversations.scenes;

function evaluationItems({ evals: { newScene, newVendor, newConcept } }: CorpusSettings): number {
  const counts = [newScene, newVendor, newConcept].flatMap((split) => Object.values(split) as number[]);
  return counts.reduce((sum, items) => sum + items, 0);
}

/** Lengths that answers and scores are padded to (`createGenerator`), as shares of the model's own. */
const paddedLengths = [0.25, 0.375, 0.5, 0.75, 1];
/** Graphs of each length that are in use by the end: with and without pictures. */
const graphsOfLength = 2;

/** Every graph keeps its weights, as they came and as they are read, and room for one layer's activations and attention scores. */
function evaluationMemory({ dim, heads, sequenceLength }: DecoderConfig, parameters: number, batch: number): number {
  const graphs = paddedLengths.map((share) => {
    const length = share * sequenceLength;
    return 8 * parameters + 4 * batch * length * (12 * dim + 2 * heads * length);
  });
  return processBytes + graphsOfLength * graphs.reduce((sum, bytes) => sum + bytes, 0);
}

/** The recipe with what an arm changed in this phase, read from the phase's own settings and from those of the encoder it looks through. */
function ownRecipe({ recipe, phases }: Study, phase: Phase): Recipe {
  const find = (id: string | undefined): Phase | undefined => phases.find((candidate) => candidate.id === id);
  const encoder =
    phase.kind === 'encoder' ? phase : find((find(phase.parents['features']) ?? phase).parents['encoder']);
  const { settings } = phase;
  return {
    ...recipe,
    ...(settings['model'] ? { model: settings['model'] as Recipe['model'] } : {}),
    ...(phase.kind === 'main' ? { main: settings as Recipe['main'] } : {}),
    ...(phase.kind === 'finetune' ? { finetune: settings as Recipe['finetune'] } : {}),
    ...(encoder ? { encoder: { ...recipe.encoder, ...encoder.settings } } : {}),
  };
}

/** Steps of the main run that the phase before this one has taken. */
function stepsBefore({ phases }: Study, { continues }: Phase): number {
  return Number(phases.find(({ id }) => id === continues)?.settings['toStep'] ?? 0);
}

/** Tokens of a caption, of a conversation and of a question with its answer, without the picture, on average in the default corpus. */
const captionTokens = 17;
const conversationTokens = 79;
const evalTokens = 24;

/** What a corpus holds, as far as it is known before it is built. Nobody counts data of one's own before the corpus phase has looked through it. */
function corpusFigures({ corpus, finetune }: Recipe): CorpusSettings {
  const { preset, ...changes } = corpus;
  if (preset !== 'external') return corpusSettings(preset as PresetName, changes);
  const any = corpusSettings('standard');
  return { ...any, captions: 0, conversations: { ...any.conversations, scenes: finetune.conversations ?? llavaRows } };
}

/** Rows of LLaVA-1.5's mix without ShareGPT's. */
const llavaRows = 625_000;
