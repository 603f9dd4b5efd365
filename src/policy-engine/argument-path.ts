/** Keys are strings, places in an array are numbers. */
export type ArgumentPath = readonly (string | number)[];

const shape = /^args\.[^.[\]*]+(?:\.[^.[\]*]+|\[(?:0|[1-9]\d{0,5})\])*$/;

/** Reads `args.a.b` or `args.items[0].id`, or answers undefined. `[*]` has no single value, so it is not a path here. */
export function parseArgumentPath(text: string): ArgumentPath | undefined {
  if (!shape.test(text)) return undefined;
  const steps = text.slice('args'.length).matchAll(/\.([^.[\]]+)|\[(\d+)\]/g);
  return Array.from(steps, ([, key, index]) => key ?? Number(index));
}

/** The value at `path`, undefined when it is not there. Only own members count, so `args.constructor` finds nothing inherited. */
export function readArgument(callArguments: unknown, path: ArgumentPath): unknown {
  let value = callArguments;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) !== (typeof step === 'number') || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}
