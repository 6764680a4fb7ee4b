/** How well the frozen encoder's features can be read by linear heads, on pictures that no training saw. */
import type { Engine, TensorSpec } from '@vlm/jit';
import {
  type ConvEncoderConfig,
  type EncoderHead,
  encoderHeadParams,
  encoderParams,
  encoderPredictions,
  type ParameterArrays,
} from '@vlm/model';
import { imageBatch, type LabelledPicture } from './encoder-data.ts';

export interface ProbeAccuracy {
  pictures: number;
  /** Share of the cells with an object whose concept is named. */
  concept: number;
  /** The same of the object's colour. */
  colour: number;
  /** Share of the empty cells that are recognised as such. */
  ground: number;
  /** Share of the pictures whose kind of ground is named. */
  background: number;
}

export interface ProbeOptions {
  engine: Engine;
  config: ConvEncoderConfig;
  heads: readonly EncoderHead[];
  /** Of the encoder and of the heads. */
  params: Readonly<ParameterArrays>;
  /** Pictures at once. */
  batch: number;
}

/** Accuracy by split; splits without pictures are left out. */
export async function probeAccuracy(
  splits: Readonly<Record<string, LabelledPicture[]>>,
  { engine, config, heads, params, batch }: ProbeOptions,
): Promise<Record<string, ProbeAccuracy>> {
  const specs = { ...encoderParams(config), ...encoderHeadParams(config, heads) };
  const images_BSS3: TensorSpec = { shape: [batch, config.imageSize, config.imageSize, 3], dtype: 'float32' };
  const forward = await engine.compileForward(
    (constants, { images_BSS3 }) => encoderPredictions(config, heads, constants, images_BSS3!),
    {
      constants: Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, { spec, data: params[name]! }])),
      inputs: { images_BSS3 },
    },
  );
  const result: Record<string, ProbeAccuracy> = {};
  try {
    for (const [split, pictures] of Object.entries(splits)) {
      if (pictures.length === 0) continue;
      const tally = { concept: new Tally(), colour: new Tally(), ground: new Tally(), background: new Tally() };
      for (let first = 0; first < pictures.length; first += batch) {
        const shown = pictures.slice(first, first + batch);
        const logits = await forward.run({ images_BSS3: imageBatch(shown, batch) });
        const said = Object.fromEntries(heads.map(({ name, classes }) => [name, bestOf(logits[name]!, classes)]));
        shown.forEach(({ labels }, b) => {
          const cells = labels.concept.length;
          for (let cell = 0; cell < cells; cell++) {
            const [concept, colour] = [said['concept']![b * cells + cell], said['colour']![b * cells + cell]];
            if (labels.concept[cell] === 0) tally.ground.add(concept === 0);
            else {
              tally.concept.add(concept === labels.concept[cell]);
              tally.colour.add(colour === labels.colour[cell]);
            }
          }
          tally.background.add(said['background']![b] === labels.background);
        });
      }
      const { concept, colour, ground, background } = tally;
      result[split] = {
        pictures: pictures.length,
        concept: concept.share(),
        colour: colour.share(),
        ground: ground.share(),
        background: background.share(),
      };
    }
  } finally {
    await forward.dispose();
  }
  return result;
}

class Tally {
  private right = 0;
  private all = 0;

  add(isRight: boolean): void {
    this.all++;
    if (isRight) this.right++;
  }

  share(): number {
    return this.all === 0 ? 0 : this.right / this.all;
  }
}

/** Index of the largest of each row. */
function bestOf(logits: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) => {
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[row * classes + c]! > logits[row * classes + best]!) best = c;
    return best;
  });
}
