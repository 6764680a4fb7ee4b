import { expandStudy, type Phase, type Study } from './graph.ts';
import { parseRecipe } from './parse-recipe.ts';
import { StudyError } from './study-error.ts';
import { studyVersion } from './version.ts';

/**
 * Expands a study whose recipe came from another machine: it must validate, and every identity is computed here. Whoever hands over a study
 * can only ask for phases that come out of this; nothing that came is run.
 *
 * @throws StudyError `bad-recipe`
 */
export function studyOfRecipe(recipe: unknown): Study {
  return expandStudy(parseRecipe(recipe));
}

/**
 * @param phase the one of that name, where that needs no search
 * @throws StudyError `job-refused` unless the study has this phase under this hash
 */
export function phaseOfStudy(
  study: Study,
  asked: { phase: string; hash: string },
  phase: Phase | undefined = study.phases.find(({ id }) => id === asked.phase),
): Phase {
  if (!phase) {
    throw new StudyError('job-refused', `Expected a phase of recipe ${study.recipe.name}, got "${asked.phase}".`);
  }
  if (phase.hash !== asked.hash) {
    throw new StudyError(
      'job-refused',
      `Expected phase ${phase.id} with the identity that its recipe gives here, ${phase.hash}, got ${asked.hash}. Submitter and worker must be of one version.`,
    );
  }
  return phase;
}

/** Submitter and worker must give the same identities and the same bits. */
export function versionMismatch(submitter: string, worker: string, host?: string): StudyError {
  return new StudyError(
    'version-mismatch',
    `The study was submitted by @vlm/study ${submitter}, and the worker${host ? ` on ${host}` : ''} has @vlm/study ${worker}. Install the same version on both.`,
  );
}

/** @throws StudyError `version-mismatch` unless the submitter had the version that is here */
export function checkSubmitter(version: string, host?: string): void {
  if (version !== studyVersion) throw versionMismatch(version, studyVersion, host);
}
