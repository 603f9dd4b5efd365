import { cef } from './cef.js';
import { ecs } from './ecs.js';
import type { Format, FormatName } from './format.js';
import { native } from './native.js';
import { ocsf } from './ocsf.js';
import { otlp } from './otlp.js';

/** Every format that this release writes. */
export const formats: Readonly<Record<FormatName, Format>> = { native, ocsf, ecs, cef, otlp };
