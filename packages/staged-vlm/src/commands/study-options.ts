import { availableParallelism } from 'node:os';
import {
  addSweeps,
  expandStudy,
  findStore,
  loadRecipe,
  openStore,
  presetNames,
  type Store,
  type Study,
  sweepNames,
} from '@vlm/study';
import { InvalidArgumentError, Option } from 'commander';

/** What the commands about a study have in common. */
export interface StudyOptions {
  store: string;
  workers?: number;
  json?: boolean;
  sweep?: string[];
}

export const recipeHelp: string = `a preset (${presetNames.join(', ')}) or the path of a recipe in JSON`;
export const defaultStore = '.staged-vlm';
export const storeHelp = 'where everything is kept: a folder, or s3://bucket/prefix';

export const sweepOption = (): Option =>
  new Option('--sweep <names>', `sweeps to add, with commas: ${sweepNames.join(', ')}`).argParser((text) =>
    text.split(','),
  );

export async function loadStudy(name: string, sweeps: readonly string[] = []): Promise<Study> {
  return expandStudy(addSweeps(await loadRecipe(name), sweeps));
}

/** The store at a location, if there is one or one is wanted: planning and watching alone make no folder. */
export async function existingStore(location: string, isWanted: boolean): Promise<Store | undefined> {
  return isWanted ? openStore(location) : findStore(location);
}

/** As many phases at a time as there are cores for their threads. */
export function defaultWorkers(study: Study): number {
  return Math.max(1, Math.floor(availableParallelism() / study.recipe.threads));
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number of at least 1');
  return value;
}
