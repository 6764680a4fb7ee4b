/** One update of `count` consecutive float32 numbers. Pointers are byte offsets into the memory, multiples of 4. */
export interface SgdUpdate {
  /** Byte offset of the parameters, updated in place. */
  params: number;
  /** Byte offset of the gradients, only read. */
  gradients: number;
  /** Byte offset of the momentum, updated in place; neither read nor written where `momentum` is 0. */
  m: number;
  /** How many numbers. */
  count: number;
  lr: number;
  momentum: number;
  nesterov: boolean;
  /** Decoupled weight decay; 0 for parameters that do not decay. */
  weightDecay: number;
  /** Factor on every gradient before it is used, such as the clipping coefficient; 1 leaves them alone. */
  gradientScale: number;
}

/** Kernels differ in speed only: every implementation gives the same bits. */
export interface SgdKernel {
  /** Updates parameters and momentum in place. */
  update(options: SgdUpdate): void;
}
