// Reads just enough of an ONNX file (protocol buffers, onnx.proto3 of ONNX 1.23) to cut its graph at an inner tensor: weights stay the bytes
// they are. Field numbers: ModelProto.graph = 7; GraphProto node 1, initializer 5, input 11, output 12, value_info 13; NodeProto input 1,
// output 2, name 3, attribute 5; AttributeProto g 6, graphs 11; TensorProto name 8, external_data 13; ValueInfoProto name 1.
import { PatcherError } from './patcher-error.ts';

interface Field {
  number: number;
  /** The whole field, tag included. */
  whole: Uint8Array;
  /** What a length-delimited field holds; empty for the others. */
  content: Uint8Array;
}

/** A node of the graph: what it is called, reads and makes. */
export interface GraphNode {
  name: string;
  inputs: string[];
  outputs: string[];
  field: Field;
}

/** The parts of a graph that decide how it may be cut. */
export interface OnnxGraph {
  model: Field[];
  fields: Field[];
  nodes: GraphNode[];
  inputs: string[];
  outputs: string[];
  /** Files beside the model's that hold weights, as the model names them. */
  externalFiles: string[];
}

const text = new TextDecoder();

/** @throws {PatcherError} `encoder-mismatch` where the bytes are no ONNX model */
export function readOnnxGraph(bytes: Uint8Array): OnnxGraph {
  try {
    const model = readFields(bytes);
    const graph = model.find(({ number }) => number === 7);
    if (!graph) throw new Error('it holds no graph');
    const fields = readFields(graph.content);
    const nodes = fields.filter(({ number }) => number === 1).map(readNode);
    if (nodes.length === 0) throw new Error('its graph holds no node');
    const weights = new Set(names(fields, 5, 8));
    return {
      model,
      fields,
      nodes,
      inputs: names(fields, 11).filter((name) => !weights.has(name)),
      outputs: names(fields, 12),
      externalFiles: [...new Set(fields.filter(({ number }) => number === 5).flatMap(externalFiles))],
    };
  } catch (cause) {
    throw new PatcherError(
      'encoder-mismatch',
      `Expected an ONNX model, got ${bytes.length} bytes that are none: ${(cause as Error).message}.`,
      {
        cause,
      },
    );
  }
}

/** Tensors that blocks hand on: `blocks[i]` is what block i gives to what follows it. */
export interface Blocks {
  /** What the first block reads (the embeddings). */
  embeddings: string;
  outputs: string[];
}

const BLOCK = /^(.*?)(?:layers?|blocks?|resblocks|h)[./](\d+)(?=\/|\.|$)/;

/**
 * Finds a transformer's blocks by the scopes in node names that exporters keep (`/encoder/layers.3/…`): a block's output is the one tensor made in
 * it that later nodes read.
 *
 * @param input the image input: where a graph holds several towers, the one that reads it is meant
 * @returns undefined where no blocks can be told (fused or renamed graphs)
 */
export function findBlocks(graph: OnnxGraph, input: string): Blocks | undefined {
  const producers = producersOf(graph);
  const wanted = ancestors(graph, producers, graph.outputs);
  const fromInput = descendants(graph, input);
  const scopes = new Map<string, Map<number, GraphNode[]>>();
  for (const node of graph.nodes) {
    const match = BLOCK.exec(node.name);
    if (!match || !wanted.has(node) || !fromInput.has(node)) continue;
    const blocks = scopes.get(match[1]!) ?? new Map<number, GraphNode[]>();
    scopes.set(match[1]!, blocks.set(Number(match[2]), [...(blocks.get(Number(match[2])) ?? []), node]));
  }
  const blocks = [...scopes.values()].sort((a, b) => b.size - a.size)[0];
  if (!blocks || blocks.size < 2) return undefined;
  const indexes = [...blocks.keys()].sort((a, b) => a - b);
  if (indexes.some((index, i) => index !== i)) return undefined;
  const outputs = indexes.map((i) => handedOn(graph, wanted, blocks.get(i)!));
  const first = new Set(blocks.get(0)!.flatMap((node) => node.outputs));
  const read = blocks.get(0)!.flatMap((node) => node.inputs);
  const embeddings = mostRead(
    read.filter((name) => !first.has(name) && producers.has(name) && fromInput.has(producers.get(name)!)),
  );
  if (embeddings === undefined || outputs.some((name) => name === undefined)) return undefined;
  return { embeddings, outputs: outputs as string[] };
}

/** The one tensor made by these nodes that others read. */
function handedOn(graph: OnnxGraph, wanted: ReadonlySet<GraphNode>, block: readonly GraphNode[]): string | undefined {
  const inside = new Set(block);
  const made = new Set(block.flatMap((node) => node.outputs));
  const read = new Set(
    graph.nodes
      .filter((node) => wanted.has(node) && !inside.has(node))
      .flatMap((node) => node.inputs)
      .concat(graph.outputs)
      .filter((name) => made.has(name)),
  );
  return read.size === 1 ? [...read][0] : undefined;
}

function mostRead(list: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const name of list) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/**
 * The model with one output, and only the nodes, weights and inputs that it needs.
 *
 * @param output any tensor of the graph
 * @returns an ONNX file
 */
export function cutOnnx(graph: OnnxGraph, output: string): Uint8Array {
  const nodes = ancestors(graph, producersOf(graph), [output]);
  const fields = new Set([...nodes].map(({ field }) => field));
  const needed = new Set([...nodes].flatMap((node) => node.inputs).concat(output));
  const declared = graph.fields.find((field) => field.number === 12 && nameOf(field, 1) === output);
  const kept = graph.fields.filter((field) => {
    if (field.number === 1) return fields.has(field);
    if (field.number === 5) return needed.has(nameOf(field, 8));
    if (field.number === 11) return needed.has(nameOf(field, 1));
    return field.number !== 12 && field.number !== 13; // inner shapes are inferred again
  });
  const outputInfo = declared?.whole ?? lengthDelimited(12, lengthDelimited(1, new TextEncoder().encode(output)));
  const inner = Buffer.concat([...kept.map(({ whole }) => whole), outputInfo]);
  return Buffer.concat(graph.model.map((field) => (field.number === 7 ? lengthDelimited(7, inner) : field.whole)));
}

const producersOf = (graph: OnnxGraph): Map<string, GraphNode> =>
  new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));

function ancestors(graph: OnnxGraph, producers: Map<string, GraphNode>, targets: string[]): Set<GraphNode> {
  const found = new Set<GraphNode>();
  const left = [...targets];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const node = producers.get(name);
    if (!node || found.has(node)) continue;
    found.add(node);
    left.push(...node.inputs);
  }
  // In the order of the file, which is a topological one.
  return new Set(graph.nodes.filter((node) => found.has(node)));
}

function descendants(graph: OnnxGraph, input: string): Set<GraphNode> {
  const reached = new Set([input]);
  const found = new Set<GraphNode>();
  for (const node of graph.nodes)
    if (node.inputs.some((name) => reached.has(name))) {
      found.add(node);
      for (const name of node.outputs) reached.add(name);
    }
  return found;
}

function readNode(field: Field): GraphNode {
  const fields = readFields(field.content);
  const strings = (number: number): string[] =>
    fields.filter((f) => f.number === number).map(({ content }) => text.decode(content));
  return {
    name: strings(3)[0] ?? '',
    inputs: [...strings(1), ...fields.filter((f) => f.number === 5).flatMap(namesInAttribute)].filter((n) => n !== ''),
    outputs: strings(2).filter((n) => n !== ''),
    field,
  };
}

/** What the branches of an `If` or the body of a `Loop` read: those names may come from outside. */
function namesInAttribute(attribute: Field): string[] {
  return readFields(attribute.content)
    .filter(({ number }) => number === 6 || number === 11)
    .flatMap((graph) => {
      const fields = readFields(graph.content);
      const nodes = fields.filter(({ number }) => number === 1);
      return [...nodes.flatMap((node) => readNode(node).inputs), ...names(fields, 12)];
    });
}

const nameOf = (field: Field, number: number): string =>
  text.decode(readFields(field.content).find((f) => f.number === number)?.content);
const names = (fields: readonly Field[], number: number, nameNumber = 1): string[] =>
  fields.filter((field) => field.number === number).map((field) => nameOf(field, nameNumber));

/** Entries `location` of a weight's `external_data` (StringStringEntryProto key 1, value 2). */
const externalFiles = (weight: Field): string[] =>
  readFields(weight.content)
    .filter((entry) => entry.number === 13 && nameOf(entry, 1) === 'location')
    .map((entry) => nameOf(entry, 2));

/** The fields of a message. @throws {Error} where the bytes are no message */
function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const begin = at;
    const varint = (): number => {
      let value = 0;
      for (let shift = 0; shift < 70; shift += 7) {
        const byte = bytes[at++];
        if (byte === undefined) throw new Error(`it ends within a number at byte ${at}`);
        value += (byte & 127) * 2 ** shift;
        if (byte < 128) return value;
      }
      throw new Error(`a number at byte ${begin} is too long`);
    };
    const tag = varint();
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    let content = new Uint8Array();
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      content = bytes.subarray(at, at + length) as Uint8Array<ArrayBuffer>;
      at += length;
    } else throw new Error(`byte ${begin} has wire type ${type}`);
    if (at > bytes.length) throw new Error(`a field at byte ${begin} goes beyond the end`);
    fields.push({ number, whole: bytes.subarray(begin, at), content });
  }
  return fields;
}

function lengthDelimited(number: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([...varintBytes(number * 8 + 2), ...varintBytes(content.length)]), content]);
}

const varintBytes = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varintBytes(Math.floor(value / 128))];
