/**
 * Checkpoints as Hugging Face's hub holds them: a folder with `config.json` and either `model.safetensors` or several files and
 * `model.safetensors.index.json`. What is read keeps its layout, so that it is written back byte for byte where no weight has changed.
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { decoderParams, decoderTables } from './decoder.ts';
import type { DecoderConfig } from './decoder-config.ts';
import { huggingFaceConfig, huggingFaceDecoder } from './hugging-face-config.ts';
import { ModelError } from './model-error.ts';
import { checkParameters, type ParameterArrays } from './parameters.ts';
import { encodeTensor } from './safetensors.ts';
import { openSafetensors, type SafetensorsReader, writeSafetensorsFile } from './safetensors-file.ts';
import type { StoredTensor } from './safetensors-header.ts';

const single = 'model.safetensors';
const indexName = 'model.safetensors.index.json';
const configName = 'config.json';
/** An index of a 7B model takes about 25 kB. */
const maxJsonBytes = 50_000_000;

/** Names under which this format keeps weights. */
const isWeightFile = (name: string): boolean =>
  name === single || name === indexName || /^model-\d{5}-of-\d{5}\.safetensors$/.test(name);

/** Constants that older versions of `transformers` wrote among the weights; kept, never trained. */
const isConstant = (name: string): boolean => /\.(rotary_emb\.inv_freq|attention\.(masked_)?bias)$/.test(name);

/** Which tensor stands where and as what: everything of a checkpoint but its weights. */
export interface HuggingFaceLayout {
  /** The text of `config.json`. */
  config: string;
  /** The text of `model.safetensors.index.json`; null for a single file. */
  index: string | null;
  files: { name: string; metadata: Record<string, string>; tensors: [name: string, tensor: StoredTensor][] }[];
  /** Bytes of tensors that are no weights. */
  constants: Map<string, Uint8Array>;
}

export interface HuggingFaceModel {
  decoder: DecoderConfig;
  /** float32, by the names of `decoderParams(decoder)`, which are those of the files. */
  params: ParameterArrays;
  layout: HuggingFaceLayout;
}

/**
 * Reads a checkpoint of the Llama or the GPT-NeoX family.
 * @param directory a folder as `transformers`' `save_pretrained` writes it or as it is downloaded from the hub
 * @param overrides `sequenceLength` for training rows, when shorter than the model's longest
 * @throws ModelError INVALID_CONFIG, INVALID_SAFETENSORS, MISSING_PARAMETER, SHAPE_MISMATCH, UNSUPPORTED_DTYPE, with the file's path
 * @example const { decoder, params } = await readHuggingFace('pythia-160m-step80000', { sequenceLength: 512 });
 */
export async function readHuggingFace(
  directory: string,
  overrides: { sequenceLength?: number } = {},
): Promise<HuggingFaceModel> {
  const config = await readText(join(directory, configName));
  const decoder = huggingFaceDecoder(parseJson(config, join(directory, configName)), overrides);
  const specs = decoderParams(decoder);
  const index = await readIndex(directory);
  const layout: HuggingFaceLayout = { config, index: index?.text ?? null, files: [], constants: new Map() };
  const params: ParameterArrays = {};
  let tiedHead: Float32Array | undefined;
  for (const name of index?.files ?? [single]) {
    const path = join(directory, name);
    const file = await openSafetensors(path);
    try {
      const tensors = [...file.entries].map(([tensor, { dtype, shape }]): [string, StoredTensor] => {
        return [tensor, { dtype, shape }];
      });
      layout.files.push({ name, metadata: file.metadata, tensors });
      for (const [tensor, { shape }] of tensors) {
        if (index && index.places.get(tensor) !== name) throw misplaced(tensor, path, index.places.get(tensor));
        const spec = Object.hasOwn(specs, tensor) ? specs[tensor] : undefined;
        if (spec) {
          if (shape.join() !== spec.shape.join()) throw wrongShape(path, tensor, spec.shape, shape);
          params[tensor] = await readFloats(file, tensor, path);
        } else if (tensor === tiedHeadName(decoder)) tiedHead = await readFloats(file, tensor, path);
        else if (isConstant(tensor)) layout.constants.set(tensor, await file.readBytes(tensor));
        else throw unknownTensor(path, tensor);
      }
      for (const [tensor, place] of index?.places ?? []) {
        if (place === name && !file.entries.has(tensor)) throw misplaced(tensor, path, 'nowhere');
      }
    } finally {
      await file.close();
    }
  }
  checkParameters(specs, params);
  if (tiedHead && !sameNumbers(tiedHead, params[decoderTables(decoder).embedding]!)) {
    throw new ModelError(
      'INVALID_CONFIG',
      `${directory}: config.json ties the head to the embedding, but the files hold different numbers for them; set tie_word_embeddings to false.`,
    );
  }
  return { decoder, params, layout };
}

/**
 * Writes a checkpoint that `transformers` reads.
 *
 * @param model the configuration, the weights, and the layout with which they were read: files, order and dtypes are then the same, and
 * so is every byte where no weight has changed. Without a layout: one file of float32, and a `config.json` of our own.
 * Weights of another layout that the folder held go once those of this one are whole: a single file would be read before several.
 * @throws ModelError MISSING_PARAMETER, SHAPE_MISMATCH; INVALID_CONFIG for OpenLM's own decoder
 * @example await writeHuggingFace('out', { ...model, params: trained });
 */
export async function writeHuggingFace(
  directory: string,
  model: Pick<HuggingFaceModel, 'decoder' | 'params'> & { layout?: HuggingFaceLayout },
): Promise<void> {
  const { decoder, params } = model;
  const specs = decoderParams(decoder);
  checkParameters(specs, params);
  const { config, index, files, constants } = model.layout ?? freshLayout(decoder);
  const alias = tiedHeadName(decoder);
  await mkdir(directory, { recursive: true });
  for (const { name, metadata, tensors } of files) {
    const stored = new Map(tensors);
    await writeSafetensorsFile(join(directory, name), tensors, metadata, (tensor) => {
      const { shape, dtype } = stored.get(tensor)!;
      const data = params[tensor === alias ? decoderTables(decoder).embedding : tensor];
      const constant = constants.get(tensor);
      if (constant) return constant;
      if (!data) throw unknownTensor(join(directory, name), tensor);
      return encodeTensor(tensor, { shape, dtype, data });
    });
  }
  if (index !== null) await writeFile(join(directory, indexName), index);
  const written = new Set([...files.map(({ name }) => name), ...(index === null ? [] : [indexName])]);
  for (const name of await readdir(directory)) {
    if (isWeightFile(name) && !written.has(name)) await rm(join(directory, name));
  }
  await writeFile(join(directory, configName), config);
}

function freshLayout(decoder: DecoderConfig): HuggingFaceLayout {
  const tensors = Object.entries(decoderParams(decoder))
    .map(([name, { shape }]): [string, StoredTensor] => [name, { dtype: 'F32', shape }])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    config: `${JSON.stringify(huggingFaceConfig(decoder), null, 2)}\n`,
    index: null,
    files: [{ name: single, metadata: { format: 'pt' }, tensors }],
    constants: new Map(),
  };
}

/** The name under which some checkpoints repeat the embedding. */
function tiedHeadName(decoder: DecoderConfig): string | undefined {
  return decoder.tiedHead ? decoderTables({ ...decoder, tiedHead: false }).head : undefined;
}

async function readFloats(file: SafetensorsReader, name: string, path: string): Promise<Float32Array> {
  const { data, dtype } = await file.read(name);
  if (data instanceof Float32Array) return data;
  throw new ModelError('UNSUPPORTED_DTYPE', `${path}: expected tensor "${name}" to be F32, F16 or BF16, got ${dtype}.`);
}

interface Index {
  text: string;
  /** In the order of their names, which is that of their numbers. */
  files: string[];
  places: Map<string, string>;
}

/** @returns null where the folder holds a single file */
async function readIndex(directory: string): Promise<Index | null> {
  const path = join(directory, indexName);
  if (await exists(join(directory, single))) return null;
  if (!(await exists(path))) {
    throw new ModelError(
      'MISSING_PARAMETER',
      `${directory}: expected ${single} or ${indexName}, found neither; are the weights in another format (pytorch_model.bin)?`,
    );
  }
  const text = await readText(path);
  const map = (parseJson(text, path) as { weight_map?: unknown } | null)?.weight_map;
  const entries = typeof map === 'object' && map !== null ? Object.entries(map as Record<string, unknown>) : [];
  if (entries.length === 0) {
    throw new ModelError('INVALID_SAFETENSORS', `${path}: expected weight_map to say which file holds which tensor.`);
  }
  const places = new Map<string, string>();
  for (const [tensor, file] of entries) {
    if (typeof file !== 'string' || file !== basename(file) || !file.endsWith('.safetensors')) {
      throw new ModelError(
        'INVALID_SAFETENSORS',
        `${path}: expected "${tensor}" to lie in a .safetensors file of this folder, got ${JSON.stringify(file)}.`,
      );
    }
    places.set(tensor, file);
  }
  return { text, places, files: [...new Set(places.values())].sort() };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size <= maxJsonBytes) return readFile(path, 'utf8');
  throw new ModelError('INVALID_CONFIG', `${path}: expected at most ${maxJsonBytes} bytes of JSON, got ${size}.`);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelError('INVALID_CONFIG', `${path}: expected JSON (${(cause as Error).message}).`, { cause });
  }
}

function sameNumbers(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((x, i) => Object.is(x, b[i]));
}

function misplaced(tensor: string, path: string, place: string | undefined): ModelError {
  return new ModelError(
    'INVALID_SAFETENSORS',
    `Tensor "${tensor}": ${indexName} and ${path} disagree on where it lies (${place ?? 'not in the index'}); are the files of one checkpoint?`,
  );
}

function wrongShape(path: string, tensor: string, expected: readonly number[], got: readonly number[]): ModelError {
  return new ModelError(
    'SHAPE_MISMATCH',
    `${path}: tensor "${tensor}": expected [${expected.join(', ')}] as config.json says, got [${got.join(', ')}].`,
  );
}

function unknownTensor(path: string, tensor: string): ModelError {
  return new ModelError(
    'MISSING_PARAMETER',
    `${path}: tensor "${tensor}" is no part of the model that config.json describes; is it of this checkpoint?`,
  );
}
