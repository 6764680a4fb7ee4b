/** What of a recipe decides each phase's result: no setting more, or phases that could be shared are run again. */
import { type Arm, mainSteps, type Recipe, stepAt } from './recipe.ts';

export type PhaseSettings = Record<string, unknown>;

/** What of a recipe's evaluation an answer can depend on; the rest is the report's, for which no model is asked again. */
export const askingSettings = ({ evaluate: { batchSize }, threads }: Recipe) => ({ batchSize, threads });

/** The order of later passes: part of an identity where it is not that of the first, so that it stays what it was. */
export const orderSettings = ({ data: { reshuffle } }: Recipe) => (reshuffle ? { reshuffle } : {});

/** What decides a vocabulary: of one that is taken over its file alone. */
export function tokenizerSettings(tokenizer: Recipe['tokenizer'], ofLearning: PhaseSettings): PhaseSettings {
  return tokenizer.file === undefined ? { ...tokenizer, ...ofLearning } : { file: tokenizer.file };
}

/** What decides a frozen encoder: how it is trained, where it is; of bare patches the kind alone. */
export function encoderSettings({ encoder, seeds, threads }: Recipe, ofTraining: PhaseSettings): PhaseSettings {
  const { kind, folder, layer } = encoder;
  switch (kind) {
    case 'cnn':
      return { ...encoder, seed: seeds[0], threads, ...ofTraining };
    case 'hub':
      return { kind, folder, layer };
    case 'bare-patches':
      return { kind };
  }
}

/** An encoder that is part of the model, in a training phase: whether it trains, and where its weights are when the phase begins. */
export interface OwnEncoder {
  trains: boolean;
  lrScale: number;
  from: 'encoder' | 'branch';
}

/** The encoder of an arm's model in phase 2, in phase 3 and when it is asked; undefined where features of the frozen one serve. */
export function ownEncoders({ branch, finetune }: Recipe): Record<'branch' | 'finetune', OwnEncoder | undefined> {
  const inBranch = branch.encoder === 'trained';
  const inFinetune = finetune.encoder === 'trained';
  const lrScale = (of: { encoderLrScale?: number | undefined }, trains: boolean): number =>
    trains ? (of.encoderLrScale ?? 1) : 1;
  return {
    branch: inBranch ? { trains: true, lrScale: lrScale(branch, true), from: 'encoder' } : undefined,
    finetune:
      inBranch || inFinetune
        ? { trains: inFinetune, lrScale: lrScale(finetune, inFinetune), from: inBranch ? 'branch' : 'encoder' }
        : undefined,
  };
}

/** Settings of phase 2 for one arm, its own values in place of the recipe's common ones. */
export function armSettings(recipe: Recipe, arm: Arm): PhaseSettings {
  const { branch, main } = recipe;
  return {
    schedule: arm.schedule,
    branchStep: arm.from === undefined ? stepAt(recipe, arm.branchPoint) : 0,
    imageShare: arm.imageShare ?? branch.imageShare,
    tokens: arm.tokens ?? branch.tokens,
    batchSize: branch.batchSize,
    lrMin: branch.lrMin,
    // Nobody publishes them beside the weights.
    moments: arm.from === undefined ? branch.moments : 'reset',
    attention: branch.attention,
    ...(branch.accumulate ? { accumulate: branch.accumulate } : {}),
    ...(arm.captions ? { captions: arm.captions } : {}),
    ...(arm.instructionShare ? { instructionShare: arm.instructionShare } : {}),
    ...(arm.schedule === 'rewarm'
      ? { lrPeak: arm.lrPeak ?? branch.rewarmPeak, warmupSteps: branch.rewarmSteps }
      : {
          main: {
            lrPeak: main.lrPeak,
            lrMin: main.lrMin,
            warmupSteps: main.warmupSteps,
            totalSteps: mainSteps(recipe),
          },
        }),
  };
}
