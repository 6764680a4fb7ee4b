/** Which input and which tensor of a graph are used. */
export interface OutputChoice {
  /** The image input; `pixel_values`, or the only input, unless given. */
  inputName?: string;
  /** The tensor that holds the features, an output or one inside the graph; the first output unless given. */
  outputName?: string;
  /**
   * In place of `outputName`: the hidden state of a transformer, counted as in transformers and timm. 0 is what the first block reads, n what block
   * n gives; −1 the last block's before the final norm, −2 the last but one (prismatic's and LLaVA's choice). What lies behind it is not run.
   */
  layer?: number;
}
