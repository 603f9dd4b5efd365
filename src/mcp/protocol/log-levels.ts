/** The severities of log messages (RFC 5424), the least severe first. */
const LOG_LEVELS: readonly string[] = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** Whether a value names a severity. */
export const isLogLevel = (value: unknown): value is string => typeof value === 'string' && LOG_LEVELS.includes(value);

/** Whether a log message of `level` is as severe as `wanted` or more. False when `level` names no severity. */
export const isAtLeast = (level: unknown, wanted: string): boolean =>
  isLogLevel(level) && LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(wanted);
