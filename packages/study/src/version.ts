import { readFileSync } from 'node:fs';
import { numericsVersion } from './identity.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/**
 * What two machines must have in common to work on one study: the package's version and that of the numerics.
 *
 * @example '0.1.0, numerics 3'
 */
export const studyVersion: string = `${version}, numerics ${numericsVersion}`;
