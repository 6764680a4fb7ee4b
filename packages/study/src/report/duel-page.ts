import { answerBrowser, type EvalRow } from '@vlm/evals';
import { readEvalItems, readPictures } from '../data/eval-items.ts';
import type { Study } from '../graph.ts';
import { corpusFolder } from '../phases/corpus.ts';
import { readRows, rowsFile } from '../phases/evaluate.ts';
import { pagesFolder } from '../phases/report.ts';
import type { Store } from '../store.ts';
import { StudyError } from '../study-error.ts';
import { modelsNamed } from '../study-models.ts';

/** Questions whose pictures a page carries; more would make it slow to open. */
const mostPictures = 1500;

/**
 * Writes a page on which the answers of two evaluated models can be looked through side by side, with their pictures.
 *
 * @param a,b arms (`branch-80`), or `branch-80/seed-124` where the recipe has several seeds
 * @returns the path of the page, among the store's reports
 * @throws StudyError `bad-option` with the models there are, or `not-finished`
 */
export async function writeDuelPage(study: Study, store: Store, a: string, b: string): Promise<string> {
  const [first, second] = await Promise.all([a, b].map((name) => evaluated(study, store, name)));
  const corpusPhase = study.phases.find(({ kind }) => kind === 'corpus')!;
  await store.fetch(corpusPhase);
  const corpus = corpusFolder(store.phaseDirectory(corpusPhase));
  const { pictures } = await readEvalItems(corpus);
  const shown = new Set(first!.rows.filter(({ condition }) => condition === 'image').map(({ id }) => id));
  const bytes = await readPictures(corpus, pictures, new Set([...shown].slice(0, mostPictures)));
  const picture = ({ id, imageOf, condition }: EvalRow): string | undefined => {
    const found = condition === 'no-image' ? undefined : bytes.get(imageOf ?? id);
    return found && `data:image/png;base64,${Buffer.from(found).toString('base64')}`;
  };
  const page = answerBrowser(first!, second!, {
    title: `Recipe ${study.recipe.name}`,
    seed: study.recipe.seeds[0]!,
    picture,
  });
  const name = `${fileName(first!.name)}-against-${fileName(second!.name)}.html`;
  return store.writeShared(`${pagesFolder(study)}/${name}`, page);
}

/** With pictures only under the conditions that have one of their own. */
async function evaluated(study: Study, store: Store, model: string): Promise<{ name: string; rows: EvalRow[] }> {
  const [{ name, phase }] = modelsNamed(study, model);
  if (!(await store.record(phase))) {
    throw new StudyError('not-finished', `${model} is not evaluated yet; run the study first.`);
  }
  await store.fetch(phase, { files: (path) => path === rowsFile });
  const rows = await readRows(store.phaseDirectory(phase));
  return { name: study.recipe.seeds.length > 1 ? name : name.split('/')[0]!, rows };
}

const fileName = (name: string): string => name.replaceAll('/', '-');
