import { corpusSettings, type PresetName } from '@vlm/corpus';
import {
  type ConvEncoderConfig,
  countParameters,
  type DecoderConfig,
  decoderFlops,
  encoderFlops,
  encoderParams,
  trainingMemory,
  vlmParams,
} from '@vlm/model';
import { ownEncoderCost, pictureCost } from './encoder-cost.ts';
import { type OwnEncoder, type Phase, type Study, tokensOfUpdate } from './graph.ts';
import { textModelConfig, visionModelConfig } from './model-config.ts';
import { studyEncoder } from './phases/encoder.ts';
import type { Recipe } from './recipe.ts';

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
/** What one phase costs: tokens from the recipe, FLOPs from the model's shape, seconds from rates measured on one core. */
export function phaseCost(study: Study, phase: Phase, trainingFlopsPerSecond?: number): PhaseCost {
  const recipe = ownRecipe(study, phase);
  const { model, tokenizer } = recipe;
  const corpus = corpusFigures(recipe);
  const picture = pictureCost(recipe.encoder, corpus.imageSize);
  const ownEncoder = phase.settings['ownEncoder'] as OwnEncoder | true | undefined;
  const encoder: ConvEncoderConfig | undefined = ownEncoder && {
    ...studyEncoder(recipe.encoder, corpus.imageSize),
    norm: 'none',
  };
  const config = visionModelConfig(recipe, tokenizer.vocabSize, picture.width, encoder);
  const parameters = countParameters(vlmParams(config));
  const scenes = corpus.captions + corpus.conversations.scenes;
  const { newScene, newVendor, newConcept } = corpus.evals;
  const evalItems = [newScene, newVendor, newConcept].reduce(
    (sum, counts) => sum + Object.values(counts).reduce((a: number, b: number) => a + b, 0),
    0,
  );
  const nothing = { flops: 0, memoryBytes: processBytes, storeBytes: 0, seconds: 1, parameters: 0 };
  const training = (tokens: number, batchSize: number, pictures: number, trained = config): PhaseCost => {
    const own = encoder && ownEncoderCost(encoder, ownEncoder!);
    const ofPicture = own?.flops ?? (phase.settings['features'] === 'when-read' ? picture.flops : 0);
    const flops = tokens * decoderFlops(trained.decoder).total + pictures * ofPicture;
    const size = countParameters(vlmParams(trained));
    const mostPictures = batchSize * Math.ceil(model.sequenceLength / picture.patches);
    const memoryBytes =
      processBytes + trainingMemory(trained.decoder, batchSize).total + (own?.memoryOf(mostPictures) ?? 0);
    // The named checkpoint alone stays: weights and two moments.
    return {
      amount: tokens,
      unit: 'tokens',
      flops,
      memoryBytes,
      storeBytes: 12 * size,
      seconds: 4 + flops / (trainingFlopsPerSecond ?? usualTrainingFlopsPerSecond * recipe.threads),
      parameters: size,
    };
  };

  switch (phase.kind) {
    case 'corpus':
      return {
        ...nothing,
        amount: scenes + evalItems,
        unit: 'scenes',
        storeBytes: (scenes + evalItems) * corpus.imageSize ** 2 * 2,
        memoryBytes: 1e9,
        seconds: 8 + (scenes + evalItems) / (2 * scenesPerSecond),
      };
    case 'tokenizer':
      return {
        ...nothing,
        amount: recipe.tokenizer.maxTrainBytes,
        unit: 'bytes',
        storeBytes: tokenizer.vocabSize * 20,
        seconds: 2 + recipe.tokenizer.maxTrainBytes / tokenizerBytesPerSecond,
      };
    case 'encoder': {
      const images = recipe.encoder.steps * recipe.encoder.batchSize;
      if (recipe.encoder.kind !== 'cnn') return { ...nothing, amount: 0, unit: 'images' };
      const encoder = studyEncoder(recipe.encoder, corpus.imageSize);
      const flops = images * encoderFlops(encoder).total;
      const size = countParameters(encoderParams(encoder));
      return {
        ...nothing,
        amount: images,
        unit: 'images',
        flops,
        storeBytes: 40 * size,
        memoryBytes: 2.5 * processBytes,
        seconds: 10 + flops / encoderFlopsPerSecond,
        parameters: size,
      };
    }
    case 'features': {
      const pictures = evalItems + (phase.settings['features'] === 'when-read' ? 0 : scenes);
      const flops = pictures * picture.flops;
      return {
        ...nothing,
        amount: pictures,
        unit: 'images',
        flops,
        storeBytes: pictures * picture.patches * picture.width * 4,
        seconds: 5 + Math.max(pictures / picturesPerSecond, flops / encoderFlopsPerSecond),
      };
    }
    case 'checkpoint': {
      const size = countParameters(vlmParams(textModelConfig(recipe, 0)));
      return {
        ...nothing,
        amount: size,
        unit: 'parameters',
        // The weights alone, in float32, held twice while they are written.
        storeBytes: 4 * size,
        memoryBytes: processBytes + 8 * size,
        seconds: 2 + (4 * size) / copiedBytesPerSecond,
        parameters: size,
      };
    }
    case 'main': {
      const before = stepsBefore(study, phase);
      const steps = Number(phase.settings['toStep']) - before;
      return training(
        steps * tokensOfUpdate(recipe.main, model),
        recipe.main.batchSize,
        0,
        textModelConfig(recipe, tokenizer.vocabSize),
      );
    }
    case 'branch': {
      const tokens = Number(phase.settings['tokens']);
      const pictures = (tokens * Number(phase.settings['imageShare'])) / (picture.patches + captionTokens);
      return training(tokens, Number(phase.settings['batchSize']), pictures);
    }
    case 'finetune': {
      const conversations = Math.min(
        recipe.finetune.conversations ?? corpus.conversations.scenes,
        corpus.conversations.scenes,
      );
      const pictures = conversations * recipe.finetune.epochs;
      return training(pictures * (picture.patches + conversationTokens), recipe.finetune.batchSize, pictures);
    }
    case 'evaluate': {
      const items =
        evalItems * conditions * (phase.settings['suites'] as string[]).length -
        evalItems * conditions +
        4 * corpus.textEvals.definitionWord;
      const flops =
        items * (picture.patches + evalTokens) * decoderFlops(config.decoder).forward +
        (encoder ? evalItems * encoderFlops(encoder).forward : 0);
      return {
        ...nothing,
        amount: items,
        unit: 'answers',
        flops,
        storeBytes: items * 250,
        memoryBytes: evaluationMemory(config.decoder, parameters, recipe.evaluate.batchSize),
        seconds: 5 + flops / inferenceFlopsPerSecond,
        parameters,
      };
    }
    case 'report':
      return {
        ...nothing,
        amount: recipe.arms.length * recipe.seeds.length,
        unit: 'arms',
        storeBytes: 2e6 + 50e3 * recipe.arms.length * recipe.seeds.length,
        // Intervals by resampling: two seconds a model.
        seconds: 5 + 2 * recipe.arms.length * recipe.seeds.length,
      };
  }
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
    ...(encoder ? { encoder: encoder.settings as Recipe['encoder'] } : {}),
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
function corpusFigures({ corpus, finetune }: Recipe): ReturnType<typeof corpusSettings> {
  const { preset, ...changes } = corpus;
  if (preset !== 'external') return corpusSettings(preset as PresetName, changes);
  const any = corpusSettings('standard');
  return { ...any, captions: 0, conversations: { ...any.conversations, scenes: finetune.conversations ?? llavaRows } };
}

/** Rows of LLaVA-1.5's mix without ShareGPT's. */
const llavaRows = 625_000;
