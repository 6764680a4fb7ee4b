import { ONNX_OPSET } from '../onnx/onnx-model.ts';
import { ProtobufWriter } from '../onnx/protobuf-writer.ts';

const IR_VERSION = 10;
const FLOAT = 1;

/** A float32 array of any shape, unchanged, from `x` to `y`: what moves arrays to a device and back. */
export function identityModel(): Uint8Array {
  const value = (g: ProtobufWriter, field: number, name: string) =>
    g.message(field, (v) => v.string(1, name).message(2, (type) => type.message(1, (tensor) => tensor.int(1, FLOAT))));
  return new ProtobufWriter()
    .int(1, IR_VERSION)
    .string(2, '@vlm/jit')
    .message(7, (g) => {
      g.message(1, (node) => node.string(1, 'x').string(2, 'y').string(4, 'Identity'));
      g.string(2, 'identity');
      value(g, 11, 'x');
      value(g, 12, 'y');
    })
    .message(8, (opset) => opset.string(1, '').int(2, ONNX_OPSET))
    .finish();
}
