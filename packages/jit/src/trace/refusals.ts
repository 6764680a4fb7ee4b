/** Why some kernels of tfjs do not compile, and what to do instead. Kernels that have a lowering are not here. */
const strings = 'ONNX Runtime computes with numbers here: turn strings into numbers before the compiled function.';
const dataDependent = (what: string, instead: string) =>
  `${what} depends on data, and shapes are fixed when a function is compiled: ${instead}`;

export const refusals: Readonly<Record<string, string>> = {
  Draw: 'it draws on a canvas of a browser: do so outside, with the result of the compiled function.',
  FromPixels: 'it reads an image of a browser: do so outside, and pass the tensor in.',
  MatrixBandPart: 'no operation of tfjs calls it (tf.linalg.bandPart compiles without it).',
  Pool: 'no operation of tfjs calls it (tf.pool compiles without it).',
  Multinomial:
    'its random numbers would be frozen into the graph: draw uniform numbers outside, pass them in, and compare them with tf.cumsum.',
  NonMaxSuppressionV3: dataDependent(
    'how many boxes are kept',
    'select boxes outside, from the result of the compiled function.',
  ),
  NonMaxSuppressionV4: dataDependent(
    'which boxes are kept, one after the other,',
    'select boxes outside, from the result of the compiled function.',
  ),
  NonMaxSuppressionV5: dataDependent(
    'how many boxes are kept',
    'select boxes outside, from the result of the compiled function.',
  ),
  RaggedGather: dataDependent('the size of a ragged tensor', 'pad the rows to one length outside.'),
  RaggedRange: dataDependent('the size of a ragged tensor', 'pad the rows to one length outside.'),
  RaggedTensorToTensor: dataDependent('the size of a ragged tensor', 'pad the rows to one length outside.'),
  SparseFillEmptyRows: dataDependent('how many rows are empty', 'fill them outside.'),
  SparseReshape: dataDependent('the new shape', 'compute with dense tensors, or reshape the indices outside.'),
  SparseSegmentMean: dataDependent(
    'how many segments there are',
    'use tf.unsortedSegmentSum with a fixed number of them.',
  ),
  SparseSegmentSum: dataDependent(
    'how many segments there are',
    'use tf.unsortedSegmentSum with a fixed number of them.',
  ),
  StaticRegexReplace: strings,
  StringNGrams: strings,
  StringSplit: strings,
  StringToHashBucketFast: strings,
  Unique: dataDependent('how many values differ', 'find them outside, or count with tf.bincount and a fixed size.'),
};
