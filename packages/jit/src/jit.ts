import * as tf from '@tensorflow/tfjs-core';
import { loadBackend } from './backends/load-backend.ts';
import { CallQueue } from './call-queue.ts';
import { chooseEngine, type RunOptions } from './choose-engine.ts';
import type { Engine, Forward, ForwardFunction, NamedArrays, NamedTensors, Signature } from './engine.ts';
import { type Explanation, explainGraph } from './explain/explain.ts';
import { exportOnnx } from './export-onnx.ts';
import { JitError } from './jit-error.ts';
import {
  buildNest,
  flattenNest,
  insideNest,
  type Leaves,
  leavesOf,
  notJson,
  readLeaves,
  type Structure,
  signatureOf,
  tensorOf,
} from './nest.ts';
import { type CacheOptions, SignatureCache } from './signature-cache.ts';
import { traceForwardGraph } from './trace/trace-forward.ts';

export interface JitOptions extends RunOptions, CacheOptions {
  /**
   * Positions of arguments that are no data but settings, any JSON value: the function gets them as they are, and each value compiles a graph of
   * its own. Strings, booleans, `null` and `undefined` are settings wherever they stand.
   */
  staticArguments?: readonly number[];
}

/** What may stand in the place of a function's argument: a number for a scalar, a `Float32Array` or `Int32Array` for a vector. */
export type JitInput<T> = T extends tf.Tensor
  ? T | (tf.Scalar extends T ? number : never) | (tf.Tensor1D extends T ? Float32Array | Int32Array : never)
  : T extends ArrayBufferView
    ? T
    : T extends object
      ? { [K in keyof T]: JitInput<T[K]> }
      : T;

interface JittedMethods<Args extends unknown[]> {
  /** The forward graph for such arguments as an `.onnx` file. Variables of tfjs are written with the values that they have now. */
  toOnnx(...args: { [K in keyof Args]: JitInput<Args[K]> }): Uint8Array;
  /** What one call with such arguments costs: nodes, operations, bytes. */
  explain(...args: { [K in keyof Args]: JitInput<Args[K]> }): Explanation;
  /** Waits for the calls made so far and frees everything, worker included. Later calls are rejected with the code `disposed`. */
  dispose(): Promise<void>;
}

/** A compiled function. Calls run one after another, in the order in which they were made. */
export interface Jitted<Args extends unknown[], Result> extends JittedMethods<Args> {
  (...args: { [K in keyof Args]: JitInput<Args[K]> }): Promise<Result>;
}

/** A compiled function that keeps a state between its calls. */
export interface StatefulJitted<State, Args extends unknown[], Result> extends Jitted<Args, Result> {
  /** A copy of the state as tensors. */
  getState(): Promise<State>;
  /** Copies a state in; it must have the structure of the first one. */
  setState(state: JitInput<State>): Promise<void>;
}

interface Compiled {
  forward: Forward;
  /** What the function returned, known once it ran or was traced. */
  result(): Structure;
}

/**
 * Compiles a tfjs function. It is traced when it first meets arguments of a new signature (shapes, dtypes, settings), with whatever gradients
 * it takes (`tf.grads`, `tf.valueAndGrads`, `tf.variableGrads`), and the graph runs from then on.
 *
 * Arguments and result are nests: arrays and plain objects of tensors. Numbers are scalars of float32 inside the function, so that a new value
 * does not compile again. `tf.Variable`s that the function closes over are read at every call; other tensors that it closes over are constants.
 *
 * With `state`, the function takes the state first and returns `[newState, result]`; the state stays in the engine between calls, where two
 * buffers take turns, and nothing is copied.
 *
 * @param fn a pure, synchronous tfjs function
 * @returns an async function of the same arguments, whose results are tensors of the current tfjs backend (dispose of them as usual)
 * @throws {JitError} from calls: `unsupported-op`, `data-dependent`, `random-op`, `captured-variable`, `invalid-input`, `retracing`, `disposed`
 * @example
 * const predict = jit((x: tf.Tensor2D, w: tf.Tensor2D) => tf.softmax(tf.matMul(x, w)));
 * const y = await predict(x, w);
 * @example
 * const average = jit((mean: tf.Tensor, x: tf.Tensor) => { const next = tf.add(tf.mul(mean, 0.9), tf.mul(x, 0.1)); return [next, next]; }, { state: tf.zeros([3]) });
 */
export function jit<State, Args extends unknown[], Result>(
  fn: (state: State, ...args: Args) => readonly [State, Result],
  options: JitOptions & { state: State },
): StatefulJitted<State, Args, Result>;
export function jit<Args extends unknown[], Result>(
  fn: (...args: Args) => Result,
  options?: JitOptions,
): Jitted<Args, Result>;
export function jit(
  fn: (...args: never[]) => unknown,
  options: JitOptions & { state?: unknown } = {},
): StatefulJitted<unknown, unknown[], unknown> {
  const compiled = new JittedFunction(fn as (...args: unknown[]) => unknown, options);
  return Object.assign((...args: unknown[]) => compiled.call(args), {
    toOnnx: (...args: unknown[]) => compiled.toOnnx(args),
    explain: (...args: unknown[]) => compiled.explain(args),
    getState: () => compiled.getState(),
    setState: (state: unknown) => compiled.setState(state),
    dispose: () => compiled.dispose(),
  });
}

class JittedFunction {
  private readonly fn: (...args: unknown[]) => unknown;
  private readonly options: JitOptions;
  private readonly engine: Engine;
  private readonly cache: SignatureCache<Compiled>;
  private readonly queue = new CallQueue('The compiled function');
  private readonly state: { structure: Structure; values: Promise<NamedArrays> } | undefined;
  /** The graph that holds the state now. */
  private holder: Forward | undefined;

  constructor(fn: (...args: unknown[]) => unknown, options: JitOptions & { state?: unknown }) {
    this.fn = fn;
    this.options = options;
    this.engine = chooseEngine(options);
    this.cache = new SignatureCache(options, ({ forward }) => this.release(forward));
    if (!('state' in options)) return;
    const leaves: Leaves = new Map();
    const structure = flattenNest('jit: state', options.state, 'state', leaves);
    leavesOf(structure);
    this.state = { structure, values: readLeaves(leaves) };
    this.state.values.catch(() => undefined); // Whoever calls first is told.
  }

  call(args: unknown[]): Promise<unknown> {
    let structure: Structure;
    let read: Promise<NamedArrays>;
    try {
      const leaves: Leaves = new Map();
      structure = this.flatten(args, leaves);
      read = readLeaves(leaves); // Now, before the caller disposes of them.
    } catch (error) {
      return Promise.reject(error);
    }
    read.catch(() => undefined);
    return this.queue.add(async () => {
      const inputs = await read;
      const compiled = await this.cache.get(JSON.stringify(structure), () => this.compile(structure));
      await this.moveState(compiled.forward);
      const outputs = await compiled.forward.run(inputs);
      if (tf.engine().backendNames().length === 0) loadBackend('cpu');
      return buildNest(compiled.result(), (leaf) => tensorOf(leaf, outputs[leaf.name]!));
    });
  }

  toOnnx(args: unknown[]): Uint8Array {
    const structure = this.flatten(args, new Map());
    const { fn, inputs } = this.forwardOf(structure);
    return exportOnnx(fn, { constants: {}, inputs });
  }

  explain(args: unknown[]): Explanation {
    const { fn, inputs } = this.forwardOf(this.flatten(args, new Map()));
    const { graph } = traceForwardGraph(fn, { constants: {}, inputs }, 'inputs');
    return explainGraph(graph, (name) => name === 'state' || name.startsWith('state.'));
  }

  getState(): Promise<unknown> {
    return this.queue.add(async () => {
      const { structure, values } = this.needState();
      const arrays = this.holder ? await this.holder.getState() : await values;
      return buildNest(structure, (leaf) => tensorOf(leaf, arrays[leaf.name]!));
    });
  }

  setState(state: unknown): Promise<void> {
    const read = (async () => {
      const leaves: Leaves = new Map();
      const structure = flattenNest('setState', state, 'state', leaves);
      const expected = this.needState().structure;
      if (shapeOf(structure) !== shapeOf(expected)) {
        throw new JitError(
          'invalid-state',
          `setState: expected the structure of the first state, ${describe(expected)}, got ${describe(structure)}.`,
        );
      }
      return readLeaves(leaves);
    })();
    read.catch(() => undefined);
    return this.queue.add(async () => {
      const values = await read;
      if (this.holder) await this.holder.setState(values);
      else this.needState().values = Promise.resolve(values);
    });
  }

  dispose(): Promise<void> {
    return this.queue.close(async () => {
      this.holder = undefined;
      await this.cache.clear();
    });
  }

  private flatten(args: unknown[], leaves: Leaves): Structure {
    const fixed = this.options.staticArguments ?? [];
    const items = args.map((arg, i): Structure => {
      if (!fixed.includes(i)) return flattenNest('A compiled function', arg, `args.${i}`, leaves);
      const stranger = notJson(arg, `argument ${i}`);
      if (stranger) {
        throw new JitError(
          'invalid-input',
          `staticArguments: expected argument ${i} to be a JSON value, got ${stranger}, which JSON does not tell from other values; name such ` +
            'settings by strings, numbers, booleans, null, arrays and plain objects.',
        );
      }
      // A copy: the caller may change the object before the graph is traced.
      return { kind: 'static', value: structuredClone(arg) };
    });
    const structure: Structure = { kind: 'list', items };
    leavesOf(structure);
    return structure;
  }

  /** The function as engines know it: named tensors in, named tensors out. */
  private forwardOf(structure: Structure): { fn: ForwardFunction; inputs: Signature; result: () => Structure } {
    const whole: Structure = this.state
      ? { kind: 'list', items: [this.state.structure, ...(structure as { items: Structure[] }).items] }
      : structure;
    const inputs = signatureOf(whole);
    let result: Structure | undefined;
    const fn: ForwardFunction = (_, tensors) => {
      const returned = this.fn(...(insideNest(whole, tensors) as unknown[]));
      const [next, value] = this.state ? pair(returned) : [undefined, returned];
      const outputs: NamedTensors = {};
      result = returnedNest(value, 'result', outputs);
      if (this.state) this.checkNext(returnedNest(next, 'next', outputs));
      return outputs;
    };
    return { fn, inputs, result: () => result! };
  }

  private async compile(structure: Structure): Promise<Compiled> {
    const { fn, inputs, result } = this.forwardOf(structure);
    const values = Object.entries((await this.state?.values) ?? {});
    const state = values.map(([name, data]) => [name, { data, next: name.replace(/^state/, 'next') }]);
    const forward = await this.engine.compileForward(fn, {
      constants: {},
      inputs,
      worker: this.options.worker ?? true,
      state: Object.fromEntries(state),
    });
    return { forward, result };
  }

  /** Every signature has a graph of its own; the state follows the calls. */
  private async moveState(to: Forward): Promise<void> {
    if (!this.state || this.holder === to) return;
    // Without a holder too: its graph may have been dropped after this one was compiled.
    await to.setState(await (this.holder?.getState() ?? this.state.values));
    this.holder = to;
  }

  private async release(forward: Forward): Promise<void> {
    if (this.state && this.holder === forward) {
      this.state.values = Promise.resolve(await forward.getState());
      this.holder = undefined;
    }
    await forward.dispose();
  }

  private needState(): NonNullable<JittedFunction['state']> {
    if (this.state) return this.state;
    throw new JitError('invalid-state', 'This function keeps no state: pass { state } to jit.');
  }

  private checkNext(next: Structure): void {
    const expected = this.needState().structure;
    if (shapeOf(next) === shapeOf(expected)) return;
    throw new JitError(
      'invalid-state',
      `Expected the new state to have the structure of the old one, ${describe(expected)}, got ${describe(next)}.`,
    );
  }
}

function pair(returned: unknown): [unknown, unknown] {
  if (Array.isArray(returned) && returned.length === 2) return returned as [unknown, unknown];
  throw new JitError('invalid-state', 'With `state`, a function returns [newState, result].');
}

/** The nest that a function returns: its tensors are data, everything else is the same at every call. */
function returnedNest(value: unknown, name: 'result' | 'next', tensors: NamedTensors): Structure {
  if (value instanceof Promise) {
    throw new JitError('invalid-definition', 'A compiled function must be synchronous: it returned a promise.');
  }
  const leaves: Leaves = new Map();
  const numbers = name === 'result' ? 'static' : 'data';
  const structure = flattenNest(`The ${name} of a compiled function`, value, name, leaves, numbers);
  for (const { name: leaf, shape } of leavesOf(structure)) {
    const tensor = leaves.get(leaf)!;
    tensors[leaf] = tensor instanceof tf.Tensor ? tensor : tf.tensor(tensor, shape);
  }
  return structure;
}

/** A structure without the names of its leaves. */
const shapeOf = (structure: Structure): string =>
  JSON.stringify(structure, (key, value) => (key === 'name' || key === 'isNumber' ? undefined : value));

function describe(structure: Structure): string {
  const nest = buildNest(structure, ({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`);
  return JSON.stringify(nest) ?? 'nothing';
}
