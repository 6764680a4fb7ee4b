/**
 * What an optimizer kernel does on float32 arrays that lie in one `WebAssembly.Memory`. ONNX Runtime reads and writes views of
 * the same memory, so parameters, gradients and moments are never copied.
 */

/** The part of `WebAssembly.Memory` that a kernel needs; written out because the ES library has no WebAssembly types. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
}

/** One AdamW update of `count` consecutive float32 numbers. Pointers are byte offsets into the memory, multiples of 4. */
export interface AdamWUpdate {
  /** Byte offset of the parameters, updated in place. */
  params: number;
  /** Byte offset of the gradients, only read. */
  gradients: number;
  /** Byte offset of the first moments, updated in place. */
  m: number;
  /** Byte offset of the second moments, updated in place. */
  v: number;
  /** How many numbers. */
  count: number;
  lr: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled weight decay; 0 for parameters that do not decay. */
  weightDecay: number;
  /** Number of this update, counted from 1. */
  step: number;
  /** Factor on every gradient before it is used, such as the clipping coefficient; 1 leaves them alone. */
  gradientScale: number;
}

/** Kernels differ in speed only: every implementation gives the same bits. */
export interface AdamWKernel {
  /**
   * Sum of squares of `count` float32 numbers.
   * @param pointer byte offset, a multiple of 4
   * @returns the sum in float64: element i goes to lane i mod 8, lanes are added pairwise at the end
   */
  sumOfSquares(pointer: number, count: number): number;
  /** Updates parameters and moments in place. */
  update(options: AdamWUpdate): void;
}
