import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createRandom } from '@vlm/model';
import { type SampleToWrite, writeShards } from 'webdataset-ts';
import type { ExternalCorpus } from '../data/external-corpus.ts';
import { presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import { redPng } from './tiny-corpus.ts';

/** A tiny GPT-NeoX `tokenizer.json` and a tiny SigLIP in ONNX, as they lie on the hub. */
export const neoxTokenizer: string = fileURLToPath(
  new URL('../../../tokenizer/fixtures/tokenizer_neox.json', import.meta.url),
);
const siglipFolder = fileURLToPath(new URL('../../../image-patcher/fixtures/hub/siglip', import.meta.url));

const words = ['the', 'a', 'cat', 'dog', 'tram', 'sees', 'red', 'blue', 'house', 'and', 'under', 'tree'];

/**
 * Writes a few samples of every data set of the paper in its very format, oddities included: DCLM's jsonl.zst, OpenLM's tokenised tars with their
 * manifest, DataComp-DR's tars (a PNG called jpg, a sample with an address in place of a picture), LLaVA's list (ids twice, a missing picture, rows of
 * text alone, `<image>` behind the question), VQAv2's files.
 */
export async function writeRealFormats(folder: string): Promise<ExternalCorpus> {
  const random = createRandom('real-formats');
  const sentence = (length: number): string =>
    Array.from({ length }, () => words[Math.floor(random.uniform() * words.length)]).join(' ');
  const dclm = (n: number): string =>
    Array.from({ length: n }, (_, i) =>
      JSON.stringify({
        text: `${sentence(60)}.\n`,
        url: `https://example.org/${i}`,
        metadata: { 'WARC-Type': 'response' },
        language_id_whole_page_fasttext: { en: 0.97 },
        previous_word_count: 60,
      }),
    ).join('\n');
  const dclmFolder = join(folder, 'dclm', 'global-shard_01_of_10', 'local-shard_0_of_10');
  await mkdir(dclmFolder, { recursive: true });
  for (const i of [0, 1]) await writeFile(join(dclmFolder, `shard_0000000${i}_processed.jsonl.zst`), zstd(dclm(40)));
  await writeFile(join(folder, 'dclm', 'held-out.jsonl.gz'), gzipSync(dclm(6)));

  const tokenised = join(folder, 'tokenised');
  const row = (): string => {
    const ids = Array.from({ length: 60 }, () => 5 + Math.floor(random.uniform() * 200));
    return JSON.stringify([...ids, 0, ...ids.slice(0, 20), -1, -1, -1]);
  };
  const tars = await writeTar(
    tokenised,
    'shard-',
    Array.from({ length: 30 }, (_, i) => ({
      key: `chunk_${i}`,
      members: { 'json.gz': gzipSync(row()) },
    })),
  );
  const manifest = tars.map((path) =>
    JSON.stringify({ shard: path.replace(/^.*\//, '').replace('.tar', ''), num_sequences: 30 }),
  );
  await writeFile(join(tokenised, 'manifest.jsonl'), `${manifest.join('\n')}\n`);

  const uid = (i: number): string => i.toString(16).padStart(32, '0');
  await writeTar(
    join(folder, 'datacomp'),
    '',
    Array.from({ length: 24 }, (_, i) => ({
      key: uid(i),
      members: {
        ...(i === 3 ? {} : { jpg: redPng }),
        'url.txt': `https://example.org/${i}.jpg`,
        txt: `IMG_${i} buy now ${sentence(4)}`,
        'syn.json': JSON.stringify({ syn_text: [`A photo of ${sentence(6)}.`, `${sentence(5)}.`] }),
        'paug.json': JSON.stringify({ param_aug: JSON.stringify([['RandomCrop', [0, 0]]]) }),
        npz: Uint8Array.of(80, 75, 5, 6),
        json: JSON.stringify({ uid: uid(i), width: 2, height: 2, clip_b32_similarity_score: 0.3 }),
      },
    })),
  );

  const images = join(folder, 'llava', 'images');
  await mkdir(join(images, 'coco', 'train2017'), { recursive: true });
  const rows = Array.from({ length: 30 }, (_, i) => {
    const image = `coco/train2017/${String(i).padStart(12, '0')}.jpg`;
    const question = i % 2 === 0 ? '<image>\nWhat is this?' : 'What colour is it?\n<image>';
    const text = { from: 'human', value: sentence(4) };
    if (i === 5) return { id: 'sharegpt', conversations: [text, { from: 'gpt', value: 'Hello.' }] };
    return {
      id: `0000${i % 7}`,
      image,
      conversations: [
        { from: 'human', value: i === 6 ? '<image>\n<image>\nTwo?' : question },
        { from: 'gpt', value: sentence(3) },
        text,
        { from: 'gpt', value: 'red' },
      ],
    };
  });
  for (const [i, { image }] of rows.entries()) if (image && i !== 7) await writeFile(join(images, image), redPng);
  await writeFile(join(folder, 'llava', 'llava_v1_5_mix665k.json'), JSON.stringify(rows));

  const vqa = join(folder, 'vqa-v2');
  await mkdir(join(vqa, 'images'), { recursive: true });
  const ids = [42_000, 42_001, 43_000];
  const imageOf = (id: number): number => Math.floor(id / 1000);
  await writeFile(
    join(vqa, 'v2_OpenEnded_mscoco_val2014_questions.json'),
    JSON.stringify({
      questions: ids.map((id) => ({ question_id: id, image_id: imageOf(id), question: 'What colour is it?' })),
    }),
  );
  await writeFile(
    join(vqa, 'v2_mscoco_val2014_annotations.json'),
    JSON.stringify({
      annotations: ids.map((id) => ({
        question_id: id,
        image_id: imageOf(id),
        answer_type: 'other',
        answers: Array.from({ length: 10 }, () => ({ answer: 'red' })),
      })),
    }),
  );
  await writeFile(join(vqa, 'images', 'COCO_val2014_000000000042.jpg'), redPng);
  // Another picture, though it looks the same.
  await writeFile(join(vqa, 'images', 'COCO_val2014_000000000043.jpg'), Buffer.concat([redPng, new Uint8Array(1)]));

  return {
    preset: 'external',
    text: {
      format: 'dclm',
      shards: [join(dclmFolder, 'shard_0000000{0..1}_processed.jsonl.zst')],
      heldOut: [join(folder, 'dclm', 'held-out.jsonl.gz')],
      heldOutDocuments: 5,
    },
    captions: { shards: [join(folder, 'datacomp', 'part-000000.tar')], caption: 'synthetic' },
    conversations: {
      file: join(folder, 'llava', 'llava_v1_5_mix665k.json'),
      images,
      textOnly: 'drop',
      broken: 'skip',
    },
    benchmarks: [{ name: 'vqa-v2', folder: vqa, images: join(vqa, 'images'), checkCounts: false }],
  };
}

async function writeTar(directory: string, prefix: string, samples: readonly SampleToWrite[]): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const writer = writeShards({ directory, prefix: prefix === '' ? 'part' : prefix.replace(/-$/, '') });
  for (const sample of samples) await writer.add(sample);
  return (await writer.close()).shards.map(({ path }) => path);
}

/** One zstd frame with its bytes uncompressed (RFC 8878: a single segment with its size, raw blocks); Node 20 has no encoder. */
function zstd(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  const blocks: Buffer[] = [];
  const most = 100_000;
  for (let at = 0; at < bytes.length; at += most) {
    const block = bytes.subarray(at, at + most);
    const isLast = at + most >= bytes.length;
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | (isLast ? 1 : 0), 0, 3);
    blocks.push(header, block);
  }
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return Buffer.concat([Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0), size, ...blocks]);
}

/** A whole study on such a corpus, of some seconds. */
export function realFormatsRecipe(corpus: ExternalCorpus): Recipe {
  const smoke = presets['smoke']!;
  return {
    ...smoke,
    name: 'real',
    corpus,
    data: { brokenImages: 'error', brokenShards: 'error' },
    tokenizer: { vocabSize: 512, maxTrainBytes: 1000, file: neoxTokenizer },
    encoder: { ...smoke.encoder, kind: 'hub', folder: siglipFolder, layer: -2 },
    model: { ...smoke.model, sequenceLength: 192 },
    main: { ...smoke.main, tokens: 3072, batchSize: 4 },
    branch: { ...smoke.branch, tokens: 6144, batchSize: 4, imageShare: 0.3, accumulate: 2 },
    arms: [{ id: 'branch-50', branchPoint: 0.5, schedule: 'continued' }],
    finetune: { ...smoke.finetune, epochs: 1, batchSize: 4 },
  };
}
