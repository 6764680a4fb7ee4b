/** Legend: B batch, T positions, D width = heads · 2 · F, F half the width of a head. */
import * as tf from '@tensorflow/tfjs-core';
import { fusedOp } from '../fused-op.ts';
import { JitError } from '../jit-error.ts';
import { expectShape } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/** Where the rows stand and how fast the angles turn. */
export interface RotaryOptions {
  heads: number;
  /** Longest wavelength over 2π; 10000 in the paper and in OpenLM. */
  base: number;
  /** Angular speeds of the F pairs of a head in place of base^(−i/F), as longer rows than those of pre-training need them. */
  frequencies?: Float32Array;
  /** Position of the first of the T rows; default 0. Not together with `positions_BT`. */
  offset?: number;
  /** int32 [B, T]: a position for every row, for cached decoding of prompts of unequal length. */
  positions_BT?: tf.Tensor;
}

/**
 * Rotary positions (Su et al. 2021) in the layout of GPT-NeoX and OpenLM: feature i of a head turns together with feature
 * i + F by the angle position · base^(−i/F). Angles are rounded to float32 as the product of float32 factors.
 * @param x_BTD float32 [B, T, D], heads side by side in D (before the head split)
 * @returns float32 [B, T, D]
 * @throws {JitError} `invalid-definition` when D is not heads times an even width or both offset and positions are given
 * @example rotary(q_BTD, { heads: 4, base: 10000 })
 */
export function rotary(x_BTD: tf.Tensor, options: RotaryOptions): tf.Tensor {
  const { heads } = options;
  expectShape('rotary', 'x_BTD', x_BTD, [-1, -1, -1]);
  const [B, T, D] = x_BTD.shape as [number, number, number];
  const half = D / heads / 2;
  if (!Number.isInteger(half)) {
    throw new JitError(
      'invalid-definition',
      `rotary expects a width that is heads × an even number, got ${D} for ${heads} heads.`,
    );
  }
  if (options.frequencies && options.frequencies.length !== half) {
    throw new JitError(
      'invalid-definition',
      `rotary expects ${half} frequencies, half a head's width, got ${options.frequencies.length}.`,
    );
  }
  return withGradient(
    [x_BTD],
    (save) => {
      const { cos, sin } = tables(T, half, options);
      save([cos, sin]);
      return turn(x_BTD, cos, sin);
    },
    // A rotation's gradient is the rotation back.
    (dy, saved) => [turn(dy, saved[0]!, tf.neg(saved[1]!))],
  );

  /** @param cos, sin float32 [1 or B, T, F] */
  function turn(x: tf.Tensor, cos: tf.Tensor, sin: tf.Tensor): tf.Tensor {
    const plain = () => {
      const [first, second] = tf.split(tf.reshape(x, [B, T, heads, 2 * half]), 2, 3) as [tf.Tensor, tf.Tensor];
      const [c, s] = [tf.expandDims(cos, 2), tf.expandDims(sin, 2)];
      const turned = [tf.sub(tf.mul(first, c), tf.mul(second, s)), tf.add(tf.mul(second, c), tf.mul(first, s))];
      return tf.reshape(tf.concat(turned, 3), [B, T, D]);
    };
    if (options.positions_BT) return plain();
    // One table for all rows, whose first line is that of the first position.
    const [cos_TF, sin_TF] = [tf.reshape(cos, [T, half]), tf.reshape(sin, [T, half])];
    const [turned] = fusedOp(
      {
        op: 'RotaryEmbedding',
        domain: 'com.microsoft',
        int64Inputs: [1],
        outputs: [{ shape: [B, T, D], dtype: 'float32' }],
      },
      [x, tf.tensor1d([0], 'int32'), cos_TF, sin_TF],
      () => [plain()],
    );
    return turned!;
  }
}

/** Angular speeds base^(−i/F) of the F pairs of a head, as float32. */
export function rotaryFrequencies(half: number, base: number): Float32Array {
  return Float32Array.from({ length: half }, (_, i) => base ** (-i / half));
}

/**
 * Cosines and sines of static positions.
 * @param positions integers
 * @param half F, half the width of a head
 * @param base as in `rotary`
 * @returns two float32 tables [positions.length, F], row-major
 * @example rotaryTables([0, 1, 2], 16, 10000).cos
 */
export function rotaryTables(
  positions: ArrayLike<number>,
  half: number,
  base: number,
): { cos: Float32Array; sin: Float32Array } {
  return tablesOf(positions, rotaryFrequencies(half, base));
}

function tablesOf(positions: ArrayLike<number>, frequencies: Float32Array): { cos: Float32Array; sin: Float32Array } {
  const half = frequencies.length;
  const angles = Float32Array.from(
    { length: positions.length * half },
    (_, i) => positions[Math.floor(i / half)]! * frequencies[i % half]!,
  );
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
}

/** Cosines and sines [1 or B, T, F]. */
function tables(T: number, half: number, options: RotaryOptions): { cos: tf.Tensor; sin: tf.Tensor } {
  const { base, offset = 0, positions_BT, frequencies = rotaryFrequencies(half, base) } = options;
  if (!positions_BT) {
    const { cos, sin } = tablesOf(
      Array.from({ length: T }, (_, t) => t + offset),
      frequencies,
    );
    return { cos: tf.tensor(cos, [1, T, half]), sin: tf.tensor(sin, [1, T, half]) };
  }
  if (options.offset !== undefined) {
    throw new JitError(
      'invalid-definition',
      'rotary expects offset or positions_BT, got both. Add the offset to the positions.',
    );
  }
  expectShape('rotary', 'positions_BT', positions_BT, [-1, T]);
  const positions = tf.reshape(tf.cast(positions_BT, 'float32'), [-1, T, 1]);
  const angles = tf.mul(positions, tf.tensor(frequencies, [1, 1, half]));
  return { cos: tf.cos(angles), sin: tf.sin(angles) };
}
