import type { KernelMemory } from './adamw-kernel.ts';

// The part of the WebAssembly namespace that is used here: the ES library declares none of it.
interface WebAssemblyLike {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { exports: unknown };
}

const compiled = new Map<string, object>();

/**
 * Instantiates one of the generated modules on a memory; a module is compiled once per process.
 * @param base64 the module's bytes, which import the memory as `state.memory`
 */
export function instantiate<Exports>(base64: string, memory: KernelMemory): Exports {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyLike }).WebAssembly;
  let module = compiled.get(base64);
  if (!module) {
    module = new Module(Buffer.from(base64, 'base64'));
    compiled.set(base64, module);
  }
  return new Instance(module, { state: { memory } }).exports as Exports;
}
