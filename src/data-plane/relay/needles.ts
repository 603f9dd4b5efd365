import { MARKS_SOURCE } from '../../mcp/protocol/own-marks.js';

/**
 * A key that may list tools, prompts, resources or templates, in any case. The long s, which some parsers take for an
 * s, is `Å¿` in Latin-1.
 */
const LISTS_SOURCE = String.raw`"(?:(?:tool|prompt)(?:s|\xc5\xbf)"|re(?:s|\xc5\xbf)ource(?:s|\xc5\xbf|T))|\\u017f`;

const MARKS = new RegExp(MARKS_SOURCE, 'i');
const READ = new RegExp(`"method"|${LISTS_SOURCE}|${MARKS_SOURCE}`, 'i');
const NOT_PLAIN = new RegExp(`"(?:isError|error|method)"|${LISTS_SOURCE}|${MARKS_SOURCE}`, 'i');

/** Whether a message may hold what Toolgate must change. */
export const mayHoldMarks = (text: string): boolean => MARKS.test(text);

/**
 * Whether an event, read as Latin-1, may be one that does not pass as it is: a list, a request, or one that holds what
 * Toolgate must change. Nearly every result is none of these, and is not read.
 */
export const mayNeedReading = (event: string): boolean => READ.test(event);

/**
 * Whether an answer, read as Latin-1, may be something else than the result of a tool that succeeded, or hold what
 * Toolgate must change.
 */
export const mayBeMoreThanResult = (text: string): boolean => NOT_PLAIN.test(text);
