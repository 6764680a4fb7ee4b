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
  StudyError,
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

type Asked = Pick<StudyOptions, 'store' | 'sweep'>;

/** Another command about the same study in the same store, to copy into a shell. */
export function commandFor(command: string, name: string, { store, sweep }: Asked): string {
  return [
    ...['npx', 'staged-vlm', ...command.split(' '), name],
    ...(sweep ? ['--sweep', sweep.join(',')] : []),
    ...(store === defaultStore ? [] : ['--store', store]),
  ]
    .map(quoted)
    .join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** @throws StudyError `no-store` with the command that begins one */
export async function storeOfStudy(name: string, options: Asked): Promise<Store> {
  const store = await findStore(options.store);
  if (store) return store;
  throw new StudyError(
    'no-store',
    `There is no store in ${options.store} yet. Start one with \`${commandFor('study run', name, options)}\`, or name another with --store.`,
  );
}

/** Does what needs phases of a study to be done. Where they are not, the error says with which command they are. */
export async function withFinished<Result>(
  name: string,
  options: Asked,
  work: (store: Store) => Promise<Result>,
): Promise<Result> {
  const store = await storeOfStudy(name, options);
  try {
    return await work(store);
  } catch (error) {
    if (!StudyError.isInstance(error) || error.code !== 'not-finished') throw error;
    throw new StudyError(error.code, `${error.message}\n  ${commandFor('study run', name, options)}`, { cause: error });
  }
}

/** As many phases at a time as there are cores for their threads. */
export function defaultWorkers(study: Study): number {
  return Math.max(1, Math.floor(availableParallelism() / study.recipe.threads));
}

export function portNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535)
    throw new InvalidArgumentError('expected a whole number from 0 (any free port) to 65535');
  return value;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number of at least 1');
  return value;
}
