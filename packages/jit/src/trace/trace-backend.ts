import * as tf from '@tensorflow/tfjs-core';
import type { ConstantData, IrDType } from '../ir/graph.ts';
import { sizeOf } from '../ir/graph.ts';
import type { GraphBuilder } from '../ir/graph-builder.ts';
import { JitError } from '../jit-error.ts';
import { type CapturedStack, captureStack, errorAtCallSite } from './call-site.ts';
import { irDType } from './lowering.ts';
import { refusedVariable, type VariablePolicy, variableInput, variableOf } from './variables.ts';

type BackendValues = Parameters<tf.KernelBackend['write']>[0];

/** Names of the tfjs operations whose numbers come from a generator: traced, they would be frozen into the graph. */
const randomOps = /^(random|truncatedNormal|multinomial|dropout|rand_|rand$)/i;

/** A tfjs backend whose tensors are values of a graph under construction. It holds no data but constants. */
export class TraceBackend extends tf.KernelBackend {
  protected readonly builder: GraphBuilder;
  private readonly ids = new WeakMap<object, number>();
  private readonly variablePolicy: VariablePolicy;
  private live = 0;
  private isClosed = false;
  /** What an asynchronous read was refused with. */
  refusal: JitError | undefined;
  readonly withoutGradient: Map<string, CapturedStack> = new Map();
  /** Variables that became inputs of the graph. */
  readonly variables: tf.Variable[] = [];

  constructor(builder: GraphBuilder, variablePolicy: VariablePolicy = 'refused') {
    super();
    this.builder = builder;
    this.variablePolicy = variablePolicy;
  }

  /** Registers a value of the graph as tensor data. */
  bind(value: number): object {
    const dataId = {};
    this.ids.set(dataId, value);
    this.live++;
    return dataId;
  }

  /** The value behind a tensor; a tensor of another backend enters as a constant, and stays where it is. */
  lookup(info: { dataId: object; shape: number[]; dtype: string }): number {
    const known = this.ids.get(info.dataId);
    const shape = info.dtype === 'complex64' ? [...info.shape, 2] : info.shape;
    if (known !== undefined) return this.reshaped(known, shape);
    const owner = tf.engine().state.tensorInfo.get(info.dataId)?.backend;
    if (!owner) throw new JitError('runtime', 'A tensor that was disposed of is used inside a traced function.');
    const dtype = info.dtype === 'complex64' ? 'float32' : info.dtype;
    const value = this.variable(info.dataId) ?? this.constantOf(owner.readSync(info.dataId), shape, dtype);
    this.ids.set(info.dataId, value);
    return value;
  }

  private variable(dataId: object): number | undefined {
    if (this.variablePolicy === 'constants') return undefined;
    const variable = variableOf(dataId);
    if (!variable) return undefined;
    if (this.variablePolicy === 'refused') throw refusedVariable(variable.name);
    this.variables.push(variable);
    return this.builder.input(variableInput(variable), { shape: variable.shape, dtype: irDType(variable.dtype) });
  }

  /** Runs `body` while values that `after` must precede stand behind the tensors. Inputs of the graph and constants stay as they are. */
  withValuesAfter<T>(
    tensors: readonly { dataId: object; shape: number[]; dtype: string }[],
    after: number,
    body: () => T,
  ): T {
    const fixed = new Set([
      ...this.builder.graph.inputs.map(({ value }) => value),
      ...this.builder.graph.constants.keys(),
    ]);
    const before = new Map<object, number>();
    for (const info of tensors) {
      this.lookup(info);
      const value = this.ids.get(info.dataId)!;
      if (fixed.has(value) || before.has(info.dataId)) continue;
      before.set(info.dataId, value);
      this.ids.set(info.dataId, valueAfter(this.builder, value, after));
    }
    try {
      return body();
    } finally {
      for (const [dataId, value] of before) this.ids.set(dataId, value);
    }
  }

  /** tfjs may give the same data another shape without asking a kernel. */
  private reshaped(value: number, shape: readonly number[]): number {
    return this.builder.reshape(value, shape);
  }

  override write(values: BackendValues, shape: number[], dtype: tf.DataType): object {
    const scope = tf.engine().state.scopeStack.find(({ name }) => randomOps.test(name));
    if (scope) throw randomError(`tf.${scope.name.replace(/_*op$/, '')}`);
    return this.bind(this.constantOf(values, shape, dtype));
  }

  protected constantOf(values: BackendValues, shape: readonly number[], dtype: string): number {
    const type = irDType(dtype);
    const numbers = values as ArrayLike<number>;
    const size = sizeOf(shape);
    const first = Number(numbers[0] ?? 0);
    let uniform = true;
    for (let i = 1; i < size && uniform; i++) uniform = Number(numbers[i]) === first;
    if (uniform && !Number.isNaN(first) && !Object.is(first, -0)) return this.builder.constant(first, shape, type);
    const Data = type === 'float32' ? Float32Array : type === 'int32' ? Int32Array : Uint8Array;
    return this.builder.constant(Data.from(numbers as number[]), shape, type);
  }

  protected boundTo(dataId: object): number | undefined {
    return this.ids.get(dataId);
  }

  override readSync(dataId: object): BackendValues {
    const value = this.boundTo(dataId);
    const data = value === undefined ? undefined : this.builder.graph.constants.get(value);
    if (value === undefined || data === undefined) throw this.unreadable();
    return expandConstant(data, sizeOf(this.builder.shape(value)), this.builder.dtype(value)) as BackendValues;
  }

  /**
   * `data()`, `array()`, `whereAsync`: what waits for them would run after the trace. The promise stays open, so that nothing does, and the
   * trace ends with the error.
   */
  override read(dataId: object): Promise<BackendValues> {
    try {
      return Promise.resolve(this.readSync(dataId));
    } catch (error) {
      if (this.isClosed) return Promise.reject(error);
      this.refusal ??= error as JitError;
      return new Promise(() => {});
    }
  }

  private unreadable(): JitError {
    if (this.isClosed) {
      return errorAtCallSite(
        'data-dependent',
        'A tensor that was made inside a compiled function is used after it: it stood for a value of the graph and holds no data. Return it ' +
          'from the function.',
      );
    }
    return errorAtCallSite(
      'data-dependent',
      'A tensor is read (dataSync, data, arraySync, array, print, or an operation whose shape depends on data) while a function is traced, ' +
        'before it has a value. Return the tensor and read the result; choose between values with tf.where instead of `if`; keep shapes fixed, ' +
        'with a mask instead of a selection.',
    );
  }

  /** Remembers where a kernel that has no gradient was called first, for the error that a backward pass may end with. */
  noteWithoutGradient(kernel: string): void {
    if (!this.withoutGradient.has(kernel)) this.withoutGradient.set(kernel, captureStack());
  }

  override disposeData(): boolean {
    this.live--;
    return true;
  }

  override refCount(): number {
    return 1;
  }

  override incRef(): void {}

  override numDataIds(): number {
    return this.live;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {
    this.isClosed = true;
  }
}

/** The same numbers, in a node that reads one number of `after`: no pass, here or in ONNX Runtime, can see that it is a copy. */
function valueAfter(b: GraphBuilder, value: number, after: number): number {
  const first = b.slice(b.reshape(after, [sizeOf(b.shape(after))]), [0], [1], [0], [1], [1]);
  const either = b.reshape(b.binary('Less', first, b.scalar(0, 'float32'), 'bool'), []);
  return b.where(either, value, value);
}

export function randomError(what: string): JitError {
  return errorAtCallSite(
    'random-op',
    `${what} was called while a function is traced: its numbers would be frozen into the compiled graph. Draw them outside and ` +
      'pass them in with the batch.',
  );
}

function expandConstant(data: ConstantData, size: number, dtype: IrDType): ConstantData {
  if (typeof data !== 'number') return data.slice();
  const Data = dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array;
  return new Data(size).fill(data);
}
