import { readFile } from 'node:fs/promises';
import { expandStudy, loadRecipe, openStore, openTrainedModel } from '@vlm/study';
import { Command } from 'commander';

/** `staged-vlm ask MODEL IMAGE "question"`: talk to a trained arm. */
export function askCommand(): Command {
  return new Command('ask')
    .description('ask a trained arm about a picture')
    .argument('<model>', 'an arm of the recipe, e.g. branch-80')
    .argument('<image>', 'a picture (PNG, JPEG, WebP, …), or - for none')
    .argument('<question>', 'e.g. "What is this?"')
    .option('--recipe <name>', 'preset or recipe file that trained it', 'quick')
    .option('--store <place>', 'where it was trained: a folder, or s3://bucket/prefix', '.staged-vlm')
    .action(async (model: string, image: string, question: string, options: { recipe: string; store: string }) => {
      const study = expandStudy(await loadRecipe(options.recipe));
      const store = await openStore(options.store);
      const trained = await openTrainedModel(study, store, model);
      try {
        const picture = image === '-' ? undefined : { bytes: new Uint8Array(await readFile(image)), name: image };
        console.log(await trained.ask(question, picture));
      } finally {
        await trained.dispose();
      }
    });
}
