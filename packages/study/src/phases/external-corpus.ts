import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { type BenchmarkItem, type BenchmarkName, benchmarks, readBenchmark } from '@vlm/evals';
import { expandShards, literalShard, readShards, type SampleToWrite, writeShards } from 'webdataset-ts';
import { checkPaths, isAddress } from '../data/check-paths.ts';
import { type ConversationRow, isRow, rowProblem, rowTexts } from '../data/conversation-rows.ts';
import { type ExternalCorpus, type ExternalManifest, externalManifestFile } from '../data/external-corpus.ts';
import { badSample, textOfLine } from '../data/read-group.ts';
import { writeJson } from '../store/whole-file.ts';
import { StudyError } from '../study-error.ts';

/**
 * Looks through data of the user's own and writes down where it is. Text and captions stay in their shards; rows of conversations are checked and
 * written as samples without their pictures, and the questions of benchmarks with theirs, because they are few.
 *
 * @throws StudyError `bad-data` naming the file and row, or every path that is not there
 */
export async function buildExternalCorpus(
  corpus: ExternalCorpus,
  directory: string,
  onNote: (note: string) => void,
): Promise<ExternalManifest> {
  await checkPaths(corpus);
  await mkdir(directory, { recursive: true });
  const skipped: Record<string, number> = {};
  const skip = (reason: string): void => {
    skipped[reason] = (skipped[reason] ?? 0) + 1;
  };
  onNote('conversations');
  const conversations = await write(directory, 'conversations', conversationRows(corpus, skip));
  onNote('questions');
  const questions = await writeQuestions(corpus, directory);
  onNote('held-out text');
  const documents = await write(directory, 'eval-text', heldOutDocuments(corpus));
  const manifest: ExternalManifest = {
    format: 'staged-vlm-external',
    groups: {
      'text/train': { format: { kind: corpus.text.format }, shards: await shardList(corpus.text.shards) },
      'captions/train': {
        format: { kind: 'datacomp', caption: corpus.captions.caption },
        shards: await shardList(corpus.captions.shards),
      },
      'conversations/train': {
        format: { kind: 'llava', images: resolve(corpus.conversations.images) },
        shards: conversations.shards,
      },
      'eval/bits-per-byte': { format: { kind: 'own' }, shards: documents.shards },
      ...Object.fromEntries(questions.map(({ group, shards }) => [group, { format: { kind: 'own' }, shards }])),
    },
    counts: {
      samples: {
        'conversations/train': conversations.count,
        'eval/bits-per-byte': documents.count,
        ...Object.fromEntries(questions.map(({ group, count }) => [group, count])),
      },
    },
    skipped,
  };
  await writeJson(join(directory, externalManifestFile), manifest);
  return manifest;
}

/** Paths made whole, and the rows of an OpenLM `manifest.jsonl` (`{ shard, num_sequences }`) in place of it. */
async function shardList(patterns: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    expandShards(patterns).map(async (shard) => {
      if (!shard.endsWith('manifest.jsonl')) return [absolute(shard)];
      const lines = (await readFile(shard, 'utf8')).split('\n').filter((line) => line.trim() !== '');
      return lines.map((line, i) => {
        const { shard: name } = Object(parseJson(line, `${shard}, line ${i + 1}`)) as { shard?: unknown };
        if (typeof name === 'string') return resolve(dirname(shard), `${name}.tar`);
        throw new StudyError('bad-data', `${shard}, line ${i + 1}: expected { "shard": "…", … }, got ${line}`);
      });
    }),
  );
  return lists.flat();
}

const absolute = (shard: string): string => (isAbsolute(shard) || isAddress(shard) ? shard : resolve(shard));

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StudyError('bad-data', `${where}: expected JSON: ${(error as Error).message}`, { cause: error });
  }
}

function parsedRow(text: string): { row: unknown; noJson?: string } {
  try {
    return { row: JSON.parse(text) };
  } catch (error) {
    return { row: undefined, noJson: `no JSON: ${(error as Error).message}` };
  }
}

async function* conversationRows(
  { conversations }: ExternalCorpus,
  skip: (reason: string) => void,
): AsyncGenerator<SampleToWrite> {
  const { file, images, textOnly, broken } = conversations;
  let i = -1;
  for await (const text of rowTexts(file)) {
    i++;
    const { row, noJson } = parsedRow(text);
    if (isRow(row) && row.image === undefined && textOnly === 'drop') {
      skip('rows without a picture');
      continue;
    }
    const problem = noJson ?? (await rowProblem(row, images));
    if (problem && broken === 'error') {
      throw new StudyError(
        'bad-data',
        `${file}, row ${i} (id ${JSON.stringify(isRow(row) ? row.id : undefined)}): ${problem}. \`broken: 'skip'\` leaves such rows out and counts them.`,
      );
    }
    if (problem) {
      skip(problem.replace(/:.*/, ''));
      continue;
    }
    // LLaVA's ids occur more than once; the place of a row does not.
    const { id, image, conversations: turns } = row as ConversationRow;
    const json = JSON.stringify({
      id: String(id),
      ...(image === undefined ? {} : { image }),
      conversations: turns,
    });
    yield { key: `row-${String(i).padStart(9, '0')}`, members: { json } };
  }
}

async function* heldOutDocuments({ text }: ExternalCorpus): AsyncGenerator<SampleToWrite> {
  let count = 0;
  for await (const sample of readShards((await shardList(text.heldOut)).map(literalShard))) {
    const document = textOfLine(sample);
    if (document === undefined) throw badSample(sample.shard, sample.key, 'a line of JSON with a "text"');
    const id = `held-out-${String(count).padStart(6, '0')}`;
    yield {
      key: id,
      members: { json: JSON.stringify({ id, task: 'bits-per-byte', text: document, source: 'held out' }) },
    };
    if (++count === text.heldOutDocuments) return;
  }
}

/** Every benchmark is a task of its own; the type of a question is its benchmark. */
async function writeQuestions(corpus: ExternalCorpus, directory: string) {
  const byTask = new Map<string, { item: BenchmarkItem; picture: string }[]>();
  for (const { name, folder, images, slim, checkCounts } of corpus.benchmarks) {
    const read = await readBenchmark(name as BenchmarkName, folder, {
      ...(slim === undefined ? {} : { slim }),
      ...(checkCounts === undefined ? {} : { checkCounts }),
    });
    const items = read.map((item) => {
      const question = benchmarks[name as BenchmarkName].prompt(item);
      return {
        item: { ...item, question, id: `${name}/${item.id}`, type: name },
        picture: join(images, item.image),
      };
    });
    const task = taskOfBenchmark[name] ?? name;
    byTask.set(task, [...(byTask.get(task) ?? []), ...items]);
  }
  return Promise.all(
    [...byTask].map(async ([task, items]) => ({
      group: `eval/${task}`,
      ...(await write(directory, `eval-${task}`, questionSamples(task, items))),
    })),
  );
}

async function* questionSamples(
  task: string,
  items: readonly { item: BenchmarkItem; picture: string }[],
): AsyncGenerator<SampleToWrite> {
  for (const [i, { item, picture }] of items.entries()) {
    const { image: _, choices: _choices, ...question } = item;
    const png = await readFile(picture);
    // By content: benchmarks share pictures (those of COCO) under names of their own.
    const shared = createHash('sha256').update(png).digest('hex').slice(0, 16);
    yield {
      key: `question-${String(i).padStart(7, '0')}`,
      members: { json: JSON.stringify({ ...question, picture: shared, task, split: 'new-scene' }), png },
    };
  }
}

/** Of the default corpus' tasks those that are these benchmarks' twins, by which the two means over tasks go. Others stand under their own names. */
export const taskOfBenchmark: Readonly<Record<string, string>> = {
  'vqa-v2': 'open-vqa',
  gqa: 'relations',
  'text-vqa': 'reading',
  pope: 'existence',
  refcoco: 'grounding',
  'ocid-ref': 'cluttered-grounding',
  nocaps: 'captioning',
};

async function write(
  directory: string,
  name: string,
  samples: AsyncIterable<SampleToWrite>,
): Promise<{ shards: string[]; count: number }> {
  const writer = writeShards({ directory: join(directory, name), prefix: 'shard', maxBytes: 1e9 });
  let count = 0;
  try {
    for await (const sample of samples) {
      await writer.add(sample);
      count++;
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  // Relative to the corpus: its folder may be a copy on another machine.
  return { shards: (await writer.close()).shards.map(({ path }) => relative(directory, path)), count };
}
