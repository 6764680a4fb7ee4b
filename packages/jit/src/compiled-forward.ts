import type * as tf from '@tensorflow/tfjs-core';
import { CallQueue } from './call-queue.ts';
import type { Forward, NamedArrays } from './engine.ts';
import type { ForwardRunner } from './executor/remote-forward.ts';
import { checkIndices, copyArrays } from './signature-check.ts';
import { variableInput } from './trace/variables.ts';

/** A compiled function: keeps calls in order, and reads the variables that the function closes over anew at every call. */
export class CompiledForward implements Forward {
  private readonly runner: ForwardRunner;
  private readonly variables: readonly tf.Variable[];
  private readonly bounds: Readonly<Record<string, number>>;
  private readonly queue = new CallQueue('The function');

  /** @param bounds what indices must lie below, see `indexBounds` */
  constructor(runner: ForwardRunner, variables: readonly tf.Variable[], bounds: Readonly<Record<string, number>>) {
    this.runner = runner;
    this.variables = variables;
    this.bounds = bounds;
  }

  async run(inputs: NamedArrays): Promise<NamedArrays> {
    const arrays = copyArrays('inputs', inputs);
    const values = Promise.all(this.variables.map((variable) => variable.data()));
    return this.queue.add(async () => {
      const read = await values;
      for (const [i, variable] of this.variables.entries()) arrays[variableInput(variable)] = read[i] as Float32Array;
      checkIndices('inputs', this.bounds, arrays);
      return this.runner.run(arrays);
    });
  }

  getState(): Promise<NamedArrays> {
    return this.queue.add(() => this.runner.getState());
  }

  async setState(state: NamedArrays): Promise<void> {
    const copied = copyArrays('state', state, 'invalid-state');
    return this.queue.add(() => this.runner.setState(copied));
  }

  dispose(): Promise<void> {
    return this.queue.close(() => this.runner.dispose());
  }
}
