import type { Phase, Study } from './graph.ts';
import { StudyError } from './study-error.ts';
import { suggest } from './suggest.ts';

/** A model of a study under its name, and the phase that asks it; arms of one training share that phase. */
export interface StudyModel {
  /** `branch-80/seed-124`, `text-model/seed-7` */
  name: string;
  phase: Phase;
}

/**
 * The models that a name stands for: `branch-80` for an arm at every seed, `branch-80/seed-124` for one, `text-model`.
 *
 * @throws StudyError `bad-option` for a name that no model of the study has
 */
export function modelsNamed(study: Study, name: string): [StudyModel, ...StudyModel[]] {
  const models = modelsOf(study);
  const [first, ...others] = models.filter((model) => model.name === name || model.name.startsWith(`${name}/`));
  if (first) return [first, ...others];
  const names = models.map((model) => model.name);
  const near = suggest(
    name,
    names.flatMap((model) => [model, model.split('/')[0]!]),
  );
  throw new StudyError(
    'bad-option',
    `The study has no model "${name}"${near ? `; did you mean "${near}"?` : '.'} Models: ${names.join(', ')}.`,
  );
}

/** Every model that the report reads, in its order. */
function modelsOf({ phases }: Study): StudyModel[] {
  const byId = new Map(phases.map((phase) => [phase.id, phase]));
  const parents = phases.find(({ kind }) => kind === 'report')?.parents ?? {};
  return Object.entries(parents).flatMap(([role, id]) => {
    const phase = byId.get(id)!;
    return phase.kind === 'evaluate' ? [{ name: role.replace('finetune:', '').replace(':', '/'), phase }] : [];
  });
}
