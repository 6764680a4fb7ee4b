/** A patch embedding as an ONNX file, written byte by byte: Conv with stride p, then (for `BPF`) places in rows. */
export interface TinyOnnxOptions {
  size: number;
  patch: number;
  /** [F, 3, p, p] */
  weights_FCPP: Float32Array;
  width: number;
  /** 'B' for any batch size, or a fixed one. */
  batch: number | 'B';
  layout?: 'NCHW' | 'NHWC';
  /** `BPF`, or the convolution's own map. */
  output?: 'BPF' | 'BFHW';
  inputName?: string;
  outputName?: string;
}

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const int = (field: number, value: number) => Buffer.from([...varint(field << 3), ...varint(value)]);
const bytes = (field: number, value: Uint8Array) =>
  Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(value.length)]), value]);
const text = (field: number, value: string) => bytes(field, Buffer.from(value));
const message = (field: number, ...parts: Buffer[]) => bytes(field, Buffer.concat(parts));

const ints = (name: string, values: number[]) =>
  message(5, text(1, name), ...values.map((value) => int(8, value)), int(20, 7));
const node = (op: string, inputs: string[], output: string, ...attributes: Buffer[]) =>
  message(1, ...inputs.map((name) => text(1, name)), text(2, output), text(4, op), ...attributes);
const dim = (value: number | string) => message(1, typeof value === 'number' ? int(1, value) : text(2, value));
const value = (field: number, name: string, dims: (number | string)[]) =>
  message(field, text(1, name), message(2, message(1, int(1, 1), message(2, ...dims.map(dim)))));

export function tinyOnnx(options: TinyOnnxOptions): Uint8Array {
  const { size, patch, weights_FCPP, width, batch, layout = 'NCHW', output = 'BPF' } = options;
  const { inputName = 'image', outputName = 'features' } = options;
  const side = size / patch;
  const weights = message(
    5,
    ...[width, 3, patch, patch].map((d) => int(1, d)),
    int(2, 1),
    text(8, 'weights'),
    bytes(9, Buffer.from(weights_FCPP.buffer, weights_FCPP.byteOffset, weights_FCPP.byteLength)),
  );
  const shape = Buffer.alloc(24);
  [0, width, -1].forEach((d, i) => {
    shape.writeBigInt64LE(BigInt(d), i * 8);
  });
  const image = layout === 'NCHW' ? [3, size, size] : [size, size, 3];
  const isMap = output === 'BFHW';
  const graph = message(
    7,
    ...(layout === 'NHWC' ? [node('Transpose', [inputName], 'planes', ints('perm', [0, 3, 1, 2]))] : []),
    node(
      'Conv',
      [layout === 'NHWC' ? 'planes' : inputName, 'weights'],
      isMap ? outputName : 'map',
      ints('kernel_shape', [patch, patch]),
      ints('strides', [patch, patch]),
    ),
    ...(isMap
      ? []
      : [node('Reshape', ['map', 'shape'], 'flat'), node('Transpose', ['flat'], outputName, ints('perm', [0, 2, 1]))]),
    text(2, 'tiny'),
    weights,
    message(5, int(1, 3), int(2, 7), text(8, 'shape'), bytes(9, shape)),
    value(11, inputName, [batch, ...image]),
    value(12, outputName, isMap ? [batch, width, side, side] : [batch, side * side, width]),
  );
  return Buffer.concat([int(1, 8), graph, message(8, int(2, 17))]);
}
