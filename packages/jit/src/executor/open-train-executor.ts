import type { TrainHost } from '../compiled-train-step.ts';
import { traitsOf } from '../devices/device-traits.ts';
import { DeviceTrainExecutor } from './device-train-executor.ts';
import { type ExecutorOptions, TrainExecutor } from './train-executor.ts';

/** The executor that keeps its state where the device wants it. */
export function openTrainExecutor(options: ExecutorOptions): TrainHost {
  return traitsOf(options.device).state === 'device' ? new DeviceTrainExecutor(options) : new TrainExecutor(options);
}
