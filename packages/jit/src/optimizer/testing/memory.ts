import type { KernelMemory } from '../adamw-kernel.ts';

interface GrowingMemory extends KernelMemory {
  grow(pages: number): number;
}

/** A plain `WebAssembly.Memory` of whole pages of 64 KiB. The ES library declares no WebAssembly values. */
export function createMemory(bytes: number): GrowingMemory {
  const { Memory } = (
    globalThis as unknown as { WebAssembly: { Memory: new (d: { initial: number }) => GrowingMemory } }
  ).WebAssembly;
  return new Memory({ initial: Math.ceil(bytes / 65536) });
}
