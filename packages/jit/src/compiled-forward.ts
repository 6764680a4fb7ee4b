import type * as tf from '@tensorflow/tfjs-core';
import { CallQueue } from './call-queue.ts';
import type { Forward, NamedArrays } from './engine.ts';
import type { ForwardRunner } from './executor/remote-forward.ts';
import { copyArrays } from './signature-check.ts';
import { variableInput } from './trace/variables.ts';

/** A compiled function: keeps calls in order, and reads the variables that the function closes over anew at every call. */
export class CompiledForward implements Forward {
  private readonly runner: ForwardRunner;
  private readonly variables: readonly tf.Variable[];
  private readonly queue = new CallQueue('The function');

  constructor(runner: ForwardRunner, variables: readonly tf.Variable[]) {
    this.runner = runner;
    this.variables = variables;
  }

  async run(inputs: NamedArrays): Promise<NamedArrays> {
    const arrays = copyArrays('inputs', inputs);
    const values = Promise.all(this.variables.map((variable) => variable.data()));
    return this.queue.add(async () => {
      const read = await values;
      for (const [i, variable] of this.variables.entries()) arrays[variableInput(variable)] = read[i] as Float32Array;
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
