import { isObject } from '../platform/json/json-object.js';
import { pointerTo } from '../platform/json/pointer.js';

/** An error or a warning about one place of a document. `pointer` is a JSON Pointer into it. */
export type PolicyError = Readonly<{ pointer: string; code: string; message: string }>;

/**
 * Collects what readers find. `patternSize` sums the compiled sizes of the document's regular expressions. Costly
 * checks are skipped for a stored document, since it was accepted once.
 */
export type Report = Readonly<{ errors: PolicyError[]; warnings: PolicyError[]; isStored: boolean }> & {
  patternSize: number;
};

/** Checks one value and adds its errors to the report. No message repeats a value of the document. */
export type Reader = (value: unknown, pointer: string, report: Report) => void;

/** The keys that an object takes. A key that is not in it is refused. */
export type Shape = ReadonlyMap<string, Readonly<{ read: Reader; required?: true }>>;

/** A document with more errors is not read to its end. */
const MAX_ERRORS = 1000;

const isEnough = ({ errors }: Report): boolean => errors.length >= MAX_ERRORS;

/** Adds an error to a report; `pointer` is the place in the document, `message` what it takes. */
export function refuse(report: Report, pointer: string, code: string, message: string): void {
  report.errors.push({ pointer, code, message });
}

/** Reads an object with the keys of `shape`; unknown keys, and required ones that are missing, are errors. */
export function objectOf(shape: Shape): Reader {
  const accepted = [...shape.keys()].join(', ');
  const wanted = [...shape].filter(([, { required }]) => required).map(([key]) => key);
  return (value, pointer, report) => {
    if (!isObject(value)) return refuse(report, pointer, 'invalid_type', `must be an object with the keys ${accepted}`);
    for (const [key, member] of Object.entries(value)) {
      if (isEnough(report)) return;
      const at = pointerTo(pointer, key);
      const field = shape.get(key);
      if (field === undefined)
        refuse(report, at, 'unsupported_key', `this key is not known here; accepted: ${accepted}`);
      else field.read(member, at, report);
    }
    for (const key of wanted)
      if (!Object.hasOwn(value, key)) refuse(report, pointerTo(pointer, key), 'required', `${key} is required`);
  };
}

/** Reads an object with keys of the customer's choice: `name` reads each key, `member` each member. */
export function namedOf(most: number, name: Reader, member: Reader): Reader {
  return (value, pointer, report) => {
    if (!isObject(value)) return refuse(report, pointer, 'invalid_type', 'must be an object with one member a name');
    const keys = Object.keys(value);
    if (keys.length > most) refuse(report, pointer, 'too_many', `takes at most ${most} members`);
    for (const key of keys.slice(0, most)) {
      if (isEnough(report)) return;
      const at = pointerTo(pointer, key);
      name(key, at, report);
      member(value[key], at, report);
    }
  };
}

/** Reads an array of at most `most` items; items beyond that are not read. */
export function listOf(most: number, item: Reader): Reader {
  return (value, pointer, report) => {
    if (!Array.isArray(value)) return refuse(report, pointer, 'invalid_type', 'must be an array');
    if (value.length > most) refuse(report, pointer, 'too_many', `takes at most ${most} items`);
    for (const [index, one] of value.slice(0, most).entries()) {
      if (isEnough(report)) return;
      item(one, pointerTo(pointer, index), report);
    }
  };
}

/** Reads true or false. */
export function boolean(value: unknown, pointer: string, report: Report): void {
  if (typeof value !== 'boolean') refuse(report, pointer, 'invalid_type', 'must be true or false');
}

/** Reads one of the accepted words. */
export function oneOf(...accepted: readonly string[]): Reader {
  const message = `must be one of ${accepted.map((word) => `"${word}"`).join(', ')}`;
  return (value, pointer, report) => {
    if (typeof value !== 'string') refuse(report, pointer, 'invalid_type', message);
    else if (!accepted.includes(value)) refuse(report, pointer, 'invalid_value', message);
  };
}

/** Reads a text that `accepts` takes; `message` says which texts those are. */
export function textThat(accepts: (text: string) => boolean, message: string): Reader {
  return (value, pointer, report) => {
    if (typeof value !== 'string') refuse(report, pointer, 'invalid_type', message);
    else if (!accepts(value)) refuse(report, pointer, 'invalid_value', message);
  };
}

/** Reads a number that `accepts` takes; `message` says which numbers those are. */
export function numberThat(accepts: (number: number) => boolean, message: string): Reader {
  return (value, pointer, report) => {
    if (typeof value !== 'number') refuse(report, pointer, 'invalid_type', message);
    else if (!accepts(value)) refuse(report, pointer, 'invalid_value', message);
  };
}
