import { readFile } from 'node:fs/promises';
import { openTrainedModel, StudyError } from '@vlm/study';
import { Command } from 'commander';
import {
  defaultStore,
  loadStudy,
  recipeHelp,
  type StudyOptions,
  storeHelp,
  sweepOption,
  withFinished,
} from './study-options.ts';

type AskOptions = StudyOptions & { recipe: string };

/** `staged-vlm ask MODEL IMAGE "question"`: talk to a trained arm. */
export function askCommand(): Command {
  return new Command('ask')
    .description('ask a trained arm about a picture')
    .argument('<model>', 'an arm of the recipe, e.g. branch-80, or one of its seeds: branch-80/seed-7')
    .argument('<image>', 'a picture (PNG, JPEG, WebP, …), or - for none')
    .argument('<question>', 'e.g. "What is this?"')
    .option('--recipe <name>', recipeHelp, 'quick')
    .addOption(sweepOption())
    .option('--store <place>', storeHelp, defaultStore)
    .action(async (model: string, image: string, question: string, options: AskOptions) => {
      const picture = image === '-' ? undefined : { bytes: await readPicture(image), name: image };
      const study = await loadStudy(options.recipe, options.sweep);
      const trained = await withFinished(options.recipe, options, (store) => openTrainedModel(study, store, model));
      try {
        console.log(await trained.ask(question, picture));
      } finally {
        await trained.dispose();
      }
    });
}

async function readPicture(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StudyError('bad-image', `Cannot read the picture ${path} (${code}); give a file, or - for none.`, {
      cause: error,
    });
  }
}
