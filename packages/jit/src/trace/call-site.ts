/** Which operation of tfjs is running, and which line of the caller's code called it. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { JitError, type JitErrorCode } from '../jit-error.ts';

const OP_SUFFIX = '__op';
/** Deep enough for an operation that is made of operations, called by a module of this package. */
const MAX_FRAMES = 100;
/** `src` or `dist` of this package. */
const own = dirname(dirname(fileURLToPath(import.meta.url)));

/** The operation that the caller named: tfjs's operations open a scope each, the outermost one comes first. */
function operationName(): string | undefined {
  const names = tf.engine().state.scopeStack.map(({ name }) => name);
  const last = names.findLastIndex((name) => !name.endsWith(OP_SUFFIX));
  return names[last + 1]?.slice(0, -OP_SUFFIX.length);
}

export interface CapturedStack {
  readonly stack?: string;
}

/** A stack with the place that it was taken at; the text is made when it is asked for. */
export function captureStack(): CapturedStack {
  const holder: CapturedStack = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = MAX_FRAMES;
  Error.captureStackTrace(holder, captureStack);
  Error.stackTraceLimit = limit;
  return holder;
}

/**
 * The first frame that is neither tfjs nor this package, as `file:line:column`. Lines are those of the source where Node maps them: under tsx,
 * Vitest and `node --enable-source-maps`.
 */
export function callerIn(stack: string | undefined): string | undefined {
  for (const line of stack?.split('\n') ?? []) {
    const place = line.match(/^\s*at (?:.*?\()?((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?:\d+:\d+)\)?$/)?.[1];
    if (!place) continue;
    const path = place.startsWith('file://') ? place.slice('file://'.length) : place;
    const isOwn = path.startsWith(own) && !/\.test\.[jt]s:/.test(path);
    if (isOwn || /[\\/]@tensorflow[\\/+]tfjs-/.test(path) || /[\\/]node_modules[\\/]vitest[\\/]/.test(path)) continue;
    return path;
  }
  return undefined;
}

/** ` Called as tf.einsum at step.ts:12:20.`, as far as it is known. */
export function callSite(
  { stack }: CapturedStack = captureStack(),
  operation: string | undefined = operationName(),
): string {
  const place = callerIn(stack);
  const name = operation ? ` as tf.${operation}` : '';
  return name || place ? ` Called${name}${place ? ` at ${place}` : ''}.` : '';
}

/** An error with the place of the call in progress. */
export function errorAtCallSite(code: JitErrorCode, message: string, options?: { cause?: unknown }): JitError {
  return new JitError(code, `${message}${callSite()}`, options);
}

/** Gives an error that came out of a lowering the place of the call in progress. */
export function atCallSite(kernel: string, error: unknown): JitError {
  if (error instanceof JitError) {
    const isShape = error.code === 'invalid-definition';
    return errorAtCallSite(error.code, isShape ? `${kernel}: ${error.message}` : error.message, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return errorAtCallSite('invalid-definition', `${kernel}: ${message}`, { cause: error });
}
