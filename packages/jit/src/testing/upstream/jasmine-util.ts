/** What tfjs's tests import as `jasmine_util`: one environment, a backend in Node that reads synchronously. */
interface Constraints {
  isBrowser?: boolean;
}
type Suite = (environment: { name: string; backendName: string; isDataSync: boolean }) => void;

export const ALL_ENVS: Constraints = {};
export const NODE_ENVS: Constraints = {};
export const SYNC_BACKEND_ENVS: Constraints = {};
export const BROWSER_ENVS: Constraints = { isBrowser: true };

export function describeWithFlags(name: string, { isBrowser }: Constraints, suite: Suite): void {
  if (isBrowser) return;
  const { describe } = globalThis as unknown as { describe(name: string, body: () => void): void };
  describe(name, () => suite({ name: 'onnx', backendName: 'vlm-lazy', isDataSync: true }));
}
