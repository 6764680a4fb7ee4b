/**
 * Tracing: for the duration of one synchronous call, a backend of our own is tfjs's current one, so that every kernel that runs
 * appends to a graph. Everything that is global in tfjs (backends, kernels, gradients) is put back as it was before.
 */
import * as tf from '@tensorflow/tfjs-core';
import { withGradients } from '../gradients/registry.ts';
import type { ValueInfo } from '../ir/graph.ts';
import { GraphBuilder } from '../ir/graph-builder.ts';
import { JitError } from '../jit-error.ts';
import { activeTrace, setActiveTrace } from './active-trace.ts';
import { callSite } from './call-site.ts';
import { fusedNode } from './fused-node.ts';
import { registerKernels, unregisterKernels } from './register-kernels.ts';
import { randomError, TraceBackend } from './trace-backend.ts';
import { type VariablePolicy, withReadOnlyVariables } from './variables.ts';

export interface Trace {
  readonly builder: GraphBuilder;
  /** A tensor that stands for an input of the graph. */
  input(name: string, info: ValueInfo): tf.Tensor;
  /** A tensor that stands for data known now. */
  constant(data: Float32Array | Int32Array, info: ValueInfo): tf.Tensor;
  /** The graph's value behind a tensor. */
  graphValue(tensor: tf.Tensor): number;
  /** Variables of the caller that became inputs of the graph. */
  readonly variables: readonly tf.Variable[];
}

/**
 * Runs `body` with tfjs tracing.
 * @param options.variables what becomes of `tf.Variable`s that `body` reads; refused by default
 * @throws {JitError} `nested-trace`, `unsupported-op`, `data-dependent`, `random-op`, `captured-variable`
 */
export function withTrace<T>(body: (trace: Trace) => T, options: { variables?: VariablePolicy } = {}): T {
  if (activeTrace()) {
    throw new JitError('nested-trace', 'A function that is being traced compiles another one: compile it before.');
  }
  const engine = tf.engine();
  const builder = new GraphBuilder();
  const backend = new TraceBackend(builder, options.variables);
  const tensor = (value: number, dtype = builder.dtype(value)): tf.Tensor =>
    engine.makeTensorFromDataId(backend.bind(value), [...builder.shape(value)], dtype as tf.DataType, backend);
  const graphValue = (t: tf.Tensor): number => backend.lookup(t);

  const backendName = freeName(engine);
  const previous = engine.backendName as string | null | undefined;
  const random = Math.random;
  try {
    registerKernels(backendName, builder, backend);
    engine.registerBackend(backendName, () => backend, 0);
    void engine.setBackend(backendName); // The factory is synchronous, so the switch is too.
    setActiveTrace({
      fused: (spec, inputs) =>
        fusedNode(
          builder,
          spec,
          inputs.map((t) => t && graphValue(t)),
        ).map((value) => tensor(value)),
      recompute: (inputs, after, body) => backend.withValuesAfter(inputs, graphValue(after), body),
    });
    Math.random = () => {
      throw randomError('Math.random');
    };
    return withGradients(() => {
      let result: T | undefined;
      const run = (): void => {
        result = body({
          builder,
          input: (name, info) => tensor(builder.input(name, info)),
          constant: (data, info) => tensor(builder.constant(data, info.shape, info.dtype)),
          graphValue,
          variables: backend.variables,
        });
      };
      try {
        withReadOnlyVariables(() => engine.tidy(run));
      } catch (error) {
        throw missingGradient(error, backend) ?? error;
      }
      if (backend.refusal) throw backend.refusal;
      return result as T;
    });
  } finally {
    Math.random = random;
    setActiveTrace(undefined);
    engine.removeBackend(backendName);
    unregisterKernels(backendName);
    if (previous) void engine.setBackend(previous);
  }
}

/** tfjs finds out that a kernel has no gradient at the end of a backward pass; the line that called it is named here. */
function missingGradient(error: unknown, backend: TraceBackend): JitError | undefined {
  const kernel = error instanceof Error ? error.message.match(/gradient function not found for (\w+)/)?.[1] : undefined;
  if (!kernel) return undefined;
  const site = callSite(backend.withoutGradient.get(kernel) ?? {}, '');
  const advice =
    'Express it with operations that have one, give it one with tf.customGrad, or keep it out of the loss.';
  return new JitError('unsupported-op', `The tfjs operation ${kernel} has no gradient. ${advice}${site}`, {
    cause: error,
  });
}

/** Another copy of this package may be loaded beside this one. tfjs splits kernel keys at `_`, so the name has none. */
function freeName(engine: ReturnType<typeof tf.engine>): string {
  let name = 'vlm-trace';
  for (let i = 2; name in engine.registryFactory; i++) name = `vlm-trace-${i}`;
  return name;
}
