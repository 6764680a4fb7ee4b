import { prerequisites, type Study } from './graph.ts';
import { StudyError } from './study-error.ts';
import { suggest } from './suggest.ts';

/**
 * The phases that some models of a study need, and no others: what is to be done first of a study that takes days. They are the study's own, so
 * that a run of the whole goes on from them; the report is left to it.
 *
 * @param names arms (`branch-80`, every seed of it), arms and seeds (`branch-80/seed-124`) or `text-model`
 * @throws StudyError `bad-option` for a name that no model of the study has
 */
export function partOfStudy(study: Study, names: readonly string[]): Study {
  const evaluations = evaluationsByModel(study);
  const wanted = new Set(names.flatMap((name) => evaluationsOf(name, evaluations)));
  for (const phase of [...study.phases].reverse()) {
    if (wanted.has(phase.id)) for (const id of prerequisites(phase)) wanted.add(id);
  }
  return { recipe: study.recipe, phases: study.phases.filter(({ id }) => wanted.has(id)) };
}

/** `branch-80/seed-124` → id of the phase that asks it, which arms of one training share. */
function evaluationsByModel({ phases }: Study): Map<string, string> {
  const kindOf = new Map(phases.map(({ id, kind }) => [id, kind]));
  const parents = phases.find(({ kind }) => kind === 'report')?.parents ?? {};
  return new Map(
    Object.entries(parents)
      .filter(([, id]) => kindOf.get(id) === 'evaluate')
      .map(([role, id]) => [role.replace('finetune:', '').replace(':', '/'), id]),
  );
}

function evaluationsOf(name: string, evaluations: ReadonlyMap<string, string>): string[] {
  const found = [...evaluations].filter(([model]) => model === name || model.startsWith(`${name}/`));
  if (found.length > 0) return found.map(([, id]) => id);
  const models = [...evaluations.keys()];
  const near = suggest(
    name,
    models.flatMap((model) => [model, model.split('/')[0]!]),
  );
  throw new StudyError(
    'bad-option',
    `The study has no model "${name}"${near ? `; did you mean "${near}"?` : '.'} Models: ${models.join(', ')}.`,
  );
}
