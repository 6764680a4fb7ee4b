import { type CorpusSettings, corpusSettings, type PresetName } from '@vlm/corpus';
import { type BenchmarkName, benchmarks } from '@vlm/evals';
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
import type { ExternalCorpus } from './data/external-corpus.ts';
import { ownEncoderCost, type PictureCost, pictureCost } from './encoder-cost.ts';
import { type Phase, type PhaseKind, type Study, stepsBefore } from './graph.ts';
import { textModelConfig, visionModelConfig } from './model-config.ts';
import type { OwnEncoder } from './phase-settings.ts';
import { studyEncoder } from './phases/encoder.ts';
import { type Recipe, tokensOfUpdate } from './recipe.ts';

export interface PhaseCost {
  amount: number;
  /** Set where nobody knows the amount before the phase has run: it is this or more, and so is what follows from it. */
  isAtLeast?: true;
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
/** So that an evaluation of `standard` takes what 28 took on average, two at a time: 541 s (302 to 822). */
const inferenceFlopsPerSecond = 37e9;
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
  asked: Asked;
  picture: PictureCost;
  /** The encoder that is run, and perhaps trained, with the decoder in place of stored features. */
  encoder: ConvEncoderConfig | undefined;
  model: VlmConfig;
  /** FLOP/s of one training phase, where they were measured. */
  trainingFlopsPerSecond: number | undefined;
}

/** What a model is asked. */
interface Asked {
  /** Questions about pictures. */
  questions: number;
  /** Texts with choices, of all tasks. */
  texts: number;
  /** Held-out documents, and tokens of one on average. */
  documents: number;
  documentTokens: number;
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
  const asked = askedFigures(recipe, corpus);
  const picture = pictureCost(recipe.encoder, corpus.imageSize);
  const encoder: ConvEncoderConfig | undefined = phase.settings['ownEncoder']
    ? { ...studyEncoder(recipe.encoder, corpus.imageSize), norm: 'none' }
    : undefined;
  const model = visionModelConfig(recipe, recipe.tokenizer.vocabSize, picture.width, encoder);
  return costs[phase.kind]({ study, phase, recipe, corpus, asked, picture, encoder, model, trainingFlopsPerSecond });
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

function corpusCost({ corpus, asked }: Planned): PhaseCost {
  const scenes = trainingScenes(corpus) + asked.questions;
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

function featuresCost({ phase, recipe, corpus, asked, picture }: Planned): PhaseCost {
  const isStored = phase.settings['features'] !== 'when-read';
  // Every picture in the shards is encoded. Nobody counts those of one's own before; those that the arms will read are the least.
  const isUncounted = isStored && recipe.corpus.preset === 'external';
  const captioned = isUncounted ? mostCaptions(recipe, picture) : 0;
  const pictures = asked.questions + (isStored ? trainingScenes(corpus) + captioned : 0);
  const flops = pictures * picture.flops;
  return {
    ...nothing,
    amount: pictures,
    ...(isUncounted ? { isAtLeast: true } : {}),
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

function evaluateCost({ phase, recipe, asked, picture, encoder, model }: Planned): PhaseCost {
  const isAskedOfPictures = (phase.settings['suites'] as string[]).includes('vision');
  const questions = isAskedOfPictures ? asked.questions : 0;
  const answers = answersOf({ ...asked, questions });
  const tokens =
    conditions * questions * (picture.patches + evalTokens) +
    asked.texts * textTokens +
    asked.documents * readsOfDocument * asked.documentTokens;
  const flops =
    tokens * decoderFlops(model.decoder).forward + (encoder ? questions * encoderFlops(encoder).forward : 0);
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

/** A row of answers in memory, with its share of the baselines' rows: 215 bytes were measured, and 44,000 rows for 34,850 answers. */
const answerBytes = 271;

function reportCost({ recipe: { arms, seeds }, asked }: Planned): PhaseCost {
  const models = arms.length * seeds.length;
  const answers = answersOf(asked);
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

/** Rows that an evaluation leaves. */
const answersOf = ({ questions, texts, documents }: Asked): number => conditions * questions + texts + documents;

/** Captioned pictures that the arm reads which reads most of them. */
function mostCaptions({ arms, branch }: Recipe, { patches }: PictureCost): number {
  const tokens = arms.map((arm) => (arm.tokens ?? branch.tokens) * (arm.imageShare ?? branch.imageShare));
  return Math.ceil(Math.max(0, ...tokens) / (patches + captionTokens));
}

const trainingScenes = ({ captions, conversations }: CorpusSettings): number => captions + conversations.scenes;

/** What a corpus asks; of published benchmarks as many questions as were published. */
function askedFigures({ corpus }: Recipe, { evals, textEvals }: CorpusSettings): Asked {
  if (corpus.preset === 'external') {
    const { text, benchmarks: sets } = corpus as unknown as ExternalCorpus;
    const questions = sum(sets.map(questionsOf));
    return { questions, texts: 0, documents: text.heldOutDocuments, documentTokens: dclmDocumentTokens };
  }
  const { documents, ...tasks } = textEvals;
  const questions = sum([evals.newScene, evals.newVendor, evals.newConcept].flatMap((split) => Object.values(split)));
  return { questions, texts: sum(Object.values(tasks)), documents, documentTokens };
}

/** Of the whole set, or of a slim one, which upstream takes of each split or of all. */
function questionsOf({ name, slim }: ExternalCorpus['benchmarks'][number]): number {
  const { counts, slimPer } = benchmarks[name as BenchmarkName];
  const whole = Object.values(counts);
  if (slim === undefined) return sum(whole);
  return slimPer === 'all' ? Math.min(slim, sum(whole)) : sum(whole.map((count) => Math.min(slim, count)));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

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

/** Tokens of a caption, of a conversation and of a question with its answer, without the picture, on average in the default corpus. */
const captionTokens = 17;
const conversationTokens = 79;
const evalTokens = 24;
/** Tokens of a text with all its choices, and of a held-out document: 630 bytes and 1520 in the default corpus, at four a token. */
const textTokens = 160;
const documentTokens = 380;
/** DCLM's 4T tokens in 3B documents. */
const dclmDocumentTokens = 1300;
/** A document is read in pieces, each behind as much of the text before it. */
const readsOfDocument = 2;

/** What a corpus holds, as far as it is known before it is built. Nobody counts data of one's own before the corpus phase has looked through it. */
function corpusFigures({ corpus, finetune }: Recipe): CorpusSettings {
  const { preset, ...changes } = corpus;
  if (preset !== 'external') return corpusSettings(preset as PresetName, changes);
  const any = corpusSettings('standard');
  return { ...any, captions: 0, conversations: { ...any.conversations, scenes: finetune.conversations ?? llavaRows } };
}

/** Rows of LLaVA-1.5's mix without ShareGPT's. */
const llavaRows = 625_000;
