// Opens an ONNX model at the output that is wanted, which may lie inside its graph.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { cutOnnx, findBlocks, type OnnxGraph, readOnnxGraph } from './onnx-graph.ts';
import type { OutputChoice } from './output-choice.ts';
import { PatcherError } from './patcher-error.ts';

/** A session and what it is asked. */
export interface OnnxModel {
  session: InferenceSession;
  inputName: string;
  outputName: string;
  /** SHA-256 of the model's file and the files beside it. */
  weightsHash: Uint8Array;
}

/** @throws {PatcherError} `encoder-mismatch`, `invalid-argument` */
export async function openOnnxModel(
  model: Uint8Array | string,
  choice: OutputChoice,
  threads: number | undefined,
): Promise<OnnxModel> {
  const bytes = typeof model === 'string' ? await readFile(model) : model;
  const graph = readOnnxGraph(bytes);
  const inputName = choice.inputName ?? (graph.inputs.includes('pixel_values') ? 'pixel_values' : graph.inputs[0]!);
  const outputName = chooseOutput(graph, choice, inputName);
  const whole = graph.inputs.length === 1 && choice.layer === undefined && graph.outputs.includes(outputName);
  const used = whole ? bytes : cutOnnx(graph, outputName);
  const external = await readExternal(graph, model);
  const session = await openSession(used, external, threads);
  if (session.inputNames.length !== 1 || session.inputNames[0] !== inputName) {
    await session.release();
    throw mismatch(
      `Expected ${outputName} to need one input${choice.inputName === undefined ? '' : ` called ${choice.inputName}`}, it needs ${session.inputNames.join(', ') || 'none'}.`,
    );
  }
  const hash = createHash('sha256').update(bytes);
  for (const { data } of external) hash.update(data);
  return { session, inputName, outputName, weightsHash: hash.digest() };
}

function chooseOutput(graph: OnnxGraph, { outputName, layer }: OutputChoice, inputName: string): string {
  if (outputName !== undefined && layer !== undefined)
    throw new PatcherError('invalid-argument', `Expected outputName or layer, got both (${outputName}, ${layer}).`);
  if (layer !== undefined) return layerOutput(graph, layer, inputName);
  const name = outputName ?? graph.outputs[0]!;
  if (graph.outputs.includes(name) || graph.nodes.some(({ outputs }) => outputs.includes(name))) return name;
  const blocks = hiddenStates(graph, inputName);
  throw mismatch(
    `Expected an output called ${name}, the encoder has ${graph.outputs.join(', ')}${blocks ? `, and layer can be 0 to ${blocks.length - 1}` : ''}; tensors inside the graph can be named too.`,
  );
}

function layerOutput(graph: OnnxGraph, layer: number, inputName: string): string {
  const states = hiddenStates(graph, inputName);
  if (states === undefined)
    throw mismatch(
      `Expected a graph whose node names tell its blocks (…/layers.3/…) or that has outputs hidden_states.N, to find layer ${layer}; this one has ${graph.outputs.join(', ')}. Name the tensor with outputName; its last ones are ${graph.nodes
        .slice(-8)
        .flatMap(({ outputs }) => outputs)
        .join(', ')}.`,
    );
  const index = layer < 0 ? states.length + layer : layer;
  const name = Number.isSafeInteger(index) ? states[index] : undefined;
  if (name === undefined)
    throw new PatcherError(
      'invalid-argument',
      `Expected layer from ${-states.length} to ${states.length - 1} (this encoder has ${states.length - 1} blocks), got ${layer}.`,
    );
  return name;
}

/** Tensors of the embeddings and of every block's output. */
function hiddenStates(graph: OnnxGraph, inputName: string): string[] | undefined {
  const named: string[] = [];
  while (graph.outputs.includes(`hidden_states.${named.length}`)) named.push(`hidden_states.${named.length}`);
  if (named.length > 1) return named;
  const blocks = findBlocks(graph, inputName);
  return blocks && [blocks.embeddings, ...blocks.outputs];
}

interface ExternalFile {
  path: string;
  data: Uint8Array;
}

/** Weights beside the model. @throws {PatcherError} `encoder-mismatch` where they cannot be read */
async function readExternal(graph: OnnxGraph, model: Uint8Array | string): Promise<ExternalFile[]> {
  return Promise.all(
    graph.externalFiles.map(async (path) => {
      const place = normalize(path);
      if (typeof model !== 'string')
        throw mismatch(`The model's weights are in ${path} beside it: give the model's path in place of its bytes.`);
      if (place.startsWith('..') || place.startsWith('/') || /^[a-z]:/i.test(place))
        throw mismatch(`Expected weights beside the model, it asks for ${path}.`);
      try {
        return { path, data: await readFile(join(dirname(model), place)) };
      } catch (cause) {
        throw mismatch(`The model's weights are in ${path} beside it, which cannot be read: ${String(cause)}.`, cause);
      }
    }),
  );
}

async function openSession(
  bytes: Uint8Array,
  externalData: ExternalFile[],
  threads: number | undefined,
): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      logSeverityLevel: 4,
      ...(externalData.length > 0 && { externalData }),
      ...(threads !== undefined && { intraOpNumThreads: threads }),
    });
  } catch (cause) {
    throw mismatch(`ONNX Runtime cannot load the encoder (${bytes.length} bytes): ${String(cause)}`, cause);
  }
}

function mismatch(message: string, cause?: unknown): PatcherError {
  return new PatcherError('encoder-mismatch', message, cause === undefined ? {} : { cause });
}
