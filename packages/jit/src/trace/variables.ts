/** `tf.Variable`s that a traced function closes over. */
import * as tf from '@tensorflow/tfjs-core';
import { JitError } from '../jit-error.ts';

/**
 * What becomes of a variable that a traced function reads: `inputs` of the graph, read anew at every call; `constants` with the value that they
 * have now; or `refused`.
 */
export type VariablePolicy = 'inputs' | 'constants' | 'refused';

/** Name of the graph's input. */
export const variableInput = (variable: tf.Variable): string => `variable:${variable.name}`;

/** The variable whose data this is, if any. */
export function variableOf(dataId: object): tf.Variable | undefined {
  const { registeredVariables } = tf.engine().state;
  return Object.values(registeredVariables).find((variable) => variable.dataId === dataId);
}

export function refusedVariable(name: string): JitError {
  return new JitError(
    'captured-variable',
    `The tf.Variable ${name} is read inside a training step, where its value would be frozen into the graph: make it one of params (a frozen one, ` +
      'if it does not train).',
  );
}

/** While a function is traced, variables can be read, but neither made nor assigned: that would happen once, and leave them without a value. */
export function withReadOnlyVariables<T>(body: () => T): T {
  const engine = tf.engine();
  const prototype = tf.Variable.prototype;
  const { assign } = prototype;
  const { makeVariable } = engine;
  prototype.assign = function (this: tf.Variable) {
    throw new JitError(
      'captured-variable',
      `The tf.Variable ${this.name} is assigned inside a compiled function. Return the new value, and keep it as \`state\` of jit or as params of ` +
        'trainStep (tf.train optimizers assign variables: use the optimizers of trainStep).',
    );
  };
  engine.makeVariable = (_initial, _trainable, name = '') => {
    throw new JitError(
      'captured-variable',
      `A tf.Variable ${name} is made inside a compiled function: make it outside, or use a plain tensor.`,
    );
  };
  try {
    return body();
  } finally {
    prototype.assign = assign;
    engine.makeVariable = makeVariable;
  }
}
