import { prerequisites, type Study } from './graph.ts';
import { modelsNamed } from './study-models.ts';

/**
 * The phases that some models of a study need, and no others: what is to be done first of a study that takes days. They are the study's own, so
 * that a run of the whole goes on from them; the report is left to it.
 *
 * @param names arms (`branch-80`, every seed of it), arms and seeds (`branch-80/seed-124`) or `text-model`
 * @throws StudyError `bad-option` for a name that no model of the study has
 */
export function partOfStudy(study: Study, names: readonly string[]): Study {
  const wanted = new Set(names.flatMap((name) => modelsNamed(study, name).map(({ phase }) => phase.id)));
  for (const phase of [...study.phases].reverse()) {
    if (wanted.has(phase.id)) for (const id of prerequisites(phase)) wanted.add(id);
  }
  return { recipe: study.recipe, phases: study.phases.filter(({ id }) => wanted.has(id)) };
}
