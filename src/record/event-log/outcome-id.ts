/**
 * The event id of a call's outcome, whoever finds out how it ended. The audit log records an id once, so a call has one
 * outcome on record, the first, also when its gateway was believed dead and wasn't.
 */
export const outcomeId = (callId: string): string => `evt_${callId.slice('call_'.length)}`;
