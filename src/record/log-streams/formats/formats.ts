import type { Format, FormatName } from './format.js';
import { native } from './native.js';

/** Every format that this release writes. */
export const formats: Readonly<Partial<Record<FormatName, Format>>> = { native };
