import { WebDatasetError } from './errors.ts';

/**
 * @param fields all options that there are: a type that has one more does not compile
 * @throws WebDatasetError `invalid-argument` for an option that is misspelt: it would be ignored
 */
export function checkFields<Options extends object>(
  where: string,
  options: Options,
  fields: Readonly<Record<keyof Options, true>>,
): void {
  const unknown = Object.keys(options).find((field) => !Object.hasOwn(fields, field));
  if (unknown === undefined) return;
  throw new WebDatasetError(
    'invalid-argument',
    `${where}: unknown option ${JSON.stringify(unknown)}; expected ${Object.keys(fields).join(', ')}`,
  );
}
