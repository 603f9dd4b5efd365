import { test as plainTest } from 'vitest';
import { signUp, type Tenant } from './tenant.js';
import { startTestToolgate, type TestToolgate } from './toolgate.js';

type Settings = Readonly<Record<string, string>>;

const FOR_THE_FILE = { scope: 'file', auto: true } as const;

/** Tests with a product, started on first use; `toolgate` becomes a handle of it. */
const testsWith = (settings: Settings, toolgate: TestToolgate) =>
  // oxlint-disable-next-line no-empty-pattern -- Vitest reads from the pattern which fixtures are wanted
  plainTest.extend('toolgate', FOR_THE_FILE, async ({}, { onCleanup }): Promise<TestToolgate> => {
    const started = await startTestToolgate(settings);
    onCleanup(() => started.close());
    return Object.assign(toolgate, started);
  });

/**
 * A test function whose file has one product of its own: it starts before the first hook of `test`, and is closed after
 * the file's last hook. `settings` are environment variables. Tests may take `toolgate` as an argument; the one that is
 * returned is the same, for helpers of the file, and empty until the product has started.
 */
export const productTest = (settings: Settings = {}) => {
  const toolgate = {} as TestToolgate;
  const test = testsWith(settings, toolgate);
  // The product starts in the time of a hook, not in that of the first test.
  test.beforeAll(() => undefined);
  return { test, toolgate };
};

/** As `productTest`, with an organization that has signed up: `tenant`. */
export const tenantTest = (settings: Settings = {}) => {
  const [toolgate, tenant] = [{} as TestToolgate, {} as Tenant];
  const test = testsWith(settings, toolgate).extend('tenant', FOR_THE_FILE, async ({ toolgate: product }) =>
    Object.assign(tenant, await signUp(product.url)),
  );
  test.beforeAll(() => undefined);
  return { test, toolgate, tenant };
};
