/**
 * Gradient descent in plain TypeScript: the definition that the WebAssembly kernel must match bit for bit.
 *
 * Momentum and Nesterov's look-ahead in the order of operations of `torch.optim.SGD` (without dampening), with decay decoupled from the
 * gradient (Loshchilov & Hutter 2019, "SGDW"), every operation rounded to float32.
 */
import type { KernelMemory } from './adamw-kernel.ts';
import type { SgdKernel } from './sgd-kernel.ts';
import { checkSgdRanges, sgdScalars } from './sgd-scalars.ts';

const f32 = Math.fround;

export function createReferenceSgdKernel(memory: KernelMemory): SgdKernel {
  return {
    update(options) {
      checkSgdRanges(memory, options);
      const { decay, momentum, lr, gradientScale } = sgdScalars(options);
      const { count, nesterov } = options;
      const params = new Float32Array(memory.buffer, options.params, count);
      const gradients = new Float32Array(memory.buffer, options.gradients, count);
      const m = momentum > 0 ? new Float32Array(memory.buffer, options.m, count) : undefined;
      for (let i = 0; i < count; i++) {
        const g = f32(gradients[i]! * gradientScale);
        let direction = g;
        if (m) {
          const next = f32(f32(m[i]! * momentum) + g);
          m[i] = next;
          direction = nesterov ? f32(g + f32(next * momentum)) : next;
        }
        params[i] = f32(f32(params[i]! * decay) - f32(lr * direction));
      }
    },
  };
}
